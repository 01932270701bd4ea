"""How long to wait before asking again whoever gave no answer."""

from datetime import timedelta

# 2 to this power outgrows every longest wait here; without an end the factor would outgrow what a timedelta holds.
MOST_DOUBLINGS = 16


def growing_wait(*, attempts: int, first: timedelta, longest: timedelta) -> timedelta:
    """The wait after so many attempts in vain: `first` after one, twice as long after each further one, never over `longest`."""
    return min(first * 2 ** min(attempts - 1, MOST_DOUBLINGS), longest)
