"""Whoever gives no answer is asked again after waits that grow, however long the silence lasts."""

from datetime import timedelta

import pytest

from redreport.waits import growing_wait


@pytest.mark.parametrize(("attempts", "minutes"), [(1, 1), (2, 2), (5, 16), (6, 30), (7, 30), (30_000, 30)])
def test_waits_double_up_to_the_longest(attempts: int, minutes: int) -> None:
    wait = growing_wait(attempts=attempts, first=timedelta(minutes=1), longest=timedelta(minutes=30))

    assert wait == timedelta(minutes=minutes)
