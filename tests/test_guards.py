"""Each of the gravest guards is taken out once, and the harm that it keeps away is done: so it is this guard that keeps it away.

The number of seats in a session, which has two guards of its own, is treated likewise in `tests/test_last_seat.py`.
"""

import re

import pytest

from tests.fixtures_shop import Shop
from tests.guards import Guard
from tests.guards.attendance import ATTENDANCE
from tests.guards.bank import BANK
from tests.guards.money import MONEY
from tests.guards.seats import SEATS
from tests.guards.years import YEARS

GUARDS = [*SEATS, *MONEY, *BANK, *YEARS, *ATTENDANCE]
each_guard = pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)


@each_guard
def test_with_the_guard_the_story_ends_well(shop: Shop, guard: Guard) -> None:
    guard.story(shop)


@each_guard
def test_without_the_guard_the_harm_is_done(shop: Shop, guard: Guard) -> None:
    with guard.taken_out(), pytest.raises(AssertionError, match=f"^{re.escape(guard.harm)}$"):
        guard.story(shop)
