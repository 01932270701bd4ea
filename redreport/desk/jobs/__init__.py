"""What staff ask for in bulk: planned and shown first, then done row by row, once each, whatever crashes meanwhile.

`kinds.py` names what there is; `planning.py` says beforehand what a job would do; `running.py` begins it and does it.
"""
