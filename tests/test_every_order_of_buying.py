"""Two who buy at one moment, in every order of their statements: no seat and no credit is had twice."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from math import comb
from typing import Any

import pytest

from redreport import clock
from redreport.accounts.models import User
from sessions_live.errors import AlreadySeated, SoldOut
from sessions_live.models import LiveSession
from subscriptions.errors import NoCredit
from subscriptions.models import Order, Plan, SeatCoverage, Subscriber
from subscriptions.models.credits import CreditGrantQuerySet
from subscriptions.operations import booking, credits
from subscriptions.operations.booking import book_with_credit, start_seat_order
from subscriptions.selectors import current_price
from tests.factories import attendee_of, make_price
from tests.pairs import Scene, explore, open_session, reader
from tests.racing import without_number_guard
from tests.stage import FIRST, SECOND

pytestmark = pytest.mark.django_db(transaction=True)

Buy = Callable[[User, LiveSession], object]


@pytest.fixture(autouse=True)
def price_in_force(transactional_db: None) -> None:
    make_price()


def hold(user: User, live_session: LiveSession) -> Order:
    return start_seat_order(
        user=user,
        live_session_id=live_session.pk,
        attendees=[attendee_of(user)],
        price_id=current_price(Plan.SINGLE_SEAT).pk,
        now=clock.now(),
    )


def spend(user: User, live_session: LiveSession) -> SeatCoverage:
    return book_with_credit(user=user, live_session_id=live_session.pk, now=clock.now())


def one_is_refused(refusal: type[Exception]) -> Callable[[object, object], None]:
    def check(one: object, other: object) -> None:
        refused = [isinstance(outcome, refusal) for outcome in (one, other)]
        assert sorted(refused) == [False, True], f"both were answered alike: {one!r}, {other!r}"

    return check


def last_seat(one: Buy, other: Buy) -> Scene:
    live_session = open_session(capacity=1)
    ada, ben = reader("Ada", credits=1), reader("Ben", credits=1)
    return Scene(partial(one, ada, live_session), partial(other, ben, live_session), one_is_refused(SoldOut))


def last_credit_in_two_sessions() -> Scene:
    ada, here, there = reader("Ada", credits=1), open_session(), open_session()
    return Scene(partial(spend, ada, here), partial(spend, ada, there), one_is_refused(NoCredit))


def last_credit_in_two_tabs() -> Scene:
    ada, live_session = reader("Ada", credits=1), open_session()
    return Scene(partial(spend, ada, live_session), partial(spend, ada, live_session), one_is_refused(AlreadySeated))


def two_tabs_of_one_buyer() -> Scene:
    ada, live_session = reader("Ada"), open_session()

    def one_order(one: object, other: object) -> None:
        assert one == other == Order.objects.get()

    return Scene(partial(hold, ada, live_session), partial(hold, ada, live_session), one_order)


@contextmanager
def neither_lock_nor_number() -> Iterator[None]:
    with session_is_not_locked(), without_number_guard():
        yield


@contextmanager
def session_is_not_locked() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(booking, "lock_live_session", lambda live_session_id: LiveSession.objects.get(pk=live_session_id))
        yield


@contextmanager
def subscriber_is_not_locked() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(credits, "lock_subscriber", lambda subscriber_id: Subscriber.objects.get(pk=subscriber_id))
        yield


@contextmanager
def grants_are_not_locked() -> Iterator[None]:
    def find_without_lock(grants: CreditGrantQuerySet, **kind: Any) -> CreditGrantQuerySet:
        return grants

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CreditGrantQuerySet, "select_for_update", find_without_lock)
        yield


@contextmanager
def neither_subscriber_nor_grants() -> Iterator[None]:
    with ExitStack() as guards:
        guards.enter_context(subscriber_is_not_locked())
        guards.enter_context(grants_are_not_locked())
        yield


WAYS = pytest.mark.parametrize(
    ("one", "other"), [(hold, hold), (hold, spend), (spend, spend)], ids=["both by money", "money and credit", "both by credit"]
)


@WAYS
def test_last_seat_is_sold_once(one: Buy, other: Buy) -> None:
    explore(partial(last_seat, one, other)).assert_unharmed()


@WAYS
@pytest.mark.parametrize("off", [session_is_not_locked, without_number_guard], ids=["by the number alone", "by the lock alone"])
def test_last_seat_has_two_guards_and_either_alone_holds(
    off: Callable[[], AbstractContextManager[None]], one: Buy, other: Buy
) -> None:
    with off():
        explore(partial(last_seat, one, other)).assert_unharmed()


@pytest.mark.parametrize("other", [hold, spend], ids=["both by money", "money and credit"])
def test_without_both_guards_the_last_seat_is_oversold(other: Buy) -> None:
    with neither_lock_nor_number():
        explored = explore(partial(last_seat, hold, other))
    # It goes well only where one of them has committed before the other looks.
    assert explored.harmed_orders > 0.9 * explored.orders
    assert all("I1" in str(harm) or "both were answered alike" in str(harm) for _, harm in explored.harms)


def test_runs_stand_for_all_orders_that_there_are() -> None:
    """Two buyers who never wait for each other and never refuse: as many orders as there are ways to shuffle their steps."""

    def room_for_both() -> Scene:
        live_session = open_session(capacity=2)
        return Scene(partial(hold, reader("Ada"), live_session), partial(hold, reader("Ben"), live_session))

    with neither_lock_nor_number():
        explored = explore(room_for_both)
    [(first, second)] = {
        tuple(sum(event.player == player for event in run.events) for player in (FIRST, SECOND)) for run in explored.runs
    }
    assert explored.orders == comb(first + second, first)


@pytest.mark.parametrize("scene", [last_credit_in_two_sessions, last_credit_in_two_tabs, two_tabs_of_one_buyer])
def test_one_reader_twice_at_once_has_one_seat(scene: Callable[[], Scene]) -> None:
    explore(scene).assert_unharmed()


@pytest.mark.parametrize(
    "off", [subscriber_is_not_locked, grants_are_not_locked], ids=["by the grant's lock alone", "by the subscriber's lock alone"]
)
def test_last_credit_has_two_guards_and_either_alone_holds(off: Callable[[], AbstractContextManager[None]]) -> None:
    with off():
        explore(last_credit_in_two_sessions).assert_unharmed()


def test_without_both_guards_the_last_credit_is_spent_twice() -> None:
    with neither_subscriber_nor_grants():
        explored = explore(last_credit_in_two_sessions)
    assert explored.harmed_orders > 0.8 * explored.orders
    assert all("I7" in str(harm) or "both were answered alike" in str(harm) for _, harm in explored.harms)
