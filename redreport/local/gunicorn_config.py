"""Gunicorn's hooks in the local stack."""

import signal
from typing import Any

from redreport.local.processes import die_with_parent


def post_fork(server: Any, worker: Any) -> None:
    """A web worker ends at once with its master, even one that was killed."""
    die_with_parent(signal.SIGKILL, parent=server.pid)
