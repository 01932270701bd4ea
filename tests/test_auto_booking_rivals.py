"""Automatic booking beside sweeps, switches and bookings of the same moment, and after a worker died."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest

from redreport import clock
from redreport.accounts.models import User
from sessions_live.models import LiveSession, Seat
from subscriptions.models import AutoBooking, AutoBookingAttempt, CreditGrant
from subscriptions.operations.auto_booking import book_automatically, switch_off_auto_booking
from subscriptions.operations.booking import book_with_credit
from subscriptions.operations.cancel import cancel_live_session_and_settle
from subscriptions.operations.granting import give_credits
from subscriptions.operations.subscribers import subscriber_of
from tests.auto_booking import make_auto_booker, outcomes, publish_session, sweep
from tests.canceling import assert_books_balance
from tests.factories import make_live_session, make_staff
from tests.killing import killed_scenes, operate_in_two_processes
from tests.outbox_helpers import kinds_owed_to
from tests.racing import at_once
from tests.test_lock_order import watched_locks

pytestmark = pytest.mark.django_db(transaction=True)


def test_two_sweeps_side_by_side_book_each_reader_once_and_in_their_order() -> None:
    readers = [make_auto_booker(credits=1) for _ in range(8)]
    for _ in range(2):
        publish_session(capacity=5)
    at_once([sweep] * 3)
    assert [outcomes(reader) for reader in readers] == [["booked", "no_credit"]] * 5 + [["sold_out", "booked"]] * 3
    assert Seat.objects.count() == AutoBookingAttempt.objects.filter(outcome="booked").count() == 8
    assert_books_balance()


# A rival at the same moment, and what may have come of it: how many seats, which outcomes.
RIVALS: dict[str, list[tuple[int, list[str]]]] = {
    "another session by hand": [(1, ["booked"]), (1, ["no_credit"])],
    "the same session by hand": [(1, ["booked"]), (1, ["seated"])],
    "switch off": [(1, ["booked"]), (0, [])],
    "session canceled": [(1, ["booked"]), (0, [])],
}


@pytest.mark.parametrize("rival", RIVALS)
def test_rival_comes_before_or_after_never_in_between(rival: str) -> None:
    staff = make_staff()
    for _ in range(8):
        reader = make_auto_booker(credits=1)
        live_session, other, now = publish_session(), make_live_session(), clock.now()
        rivals: dict[str, Callable[[], object]] = {
            "another session by hand": partial(book_with_credit, user=reader, live_session_id=other.pk, now=now),
            "the same session by hand": partial(book_with_credit, user=reader, live_session_id=live_session.pk, now=now),
            "switch off": partial(switch_off_auto_booking, user=reader, now=now),
            "session canceled": partial(
                cancel_live_session_and_settle, live_session_id=live_session.pk, actor=staff, reason="Ill", now=now
            ),
        }
        at_once([booking_of(reader, live_session), rivals[rival]])
        assert (Seat.objects.filter(booked_by=reader).count(), outcomes(reader)) in RIVALS[rival]
    assert_books_balance()


def test_credits_that_come_at_the_same_moment_are_never_overlooked() -> None:
    staff = make_staff()
    for _ in range(8):
        reader = make_auto_booker(credits=0)
        live_session, now = publish_session(), clock.now()
        # Their time was taken long before: a renewal asks Stripe first.
        give = partial(
            give_credits,
            user=reader,
            credits=1,
            expires_at=now + timedelta(days=90),
            actor=staff,
            reason="Paid by wire",
            now=now - timedelta(minutes=2),
        )
        at_once([booking_of(reader, live_session), give])
        sweep()
        assert outcomes(reader) == ["booked"]


def booking_of(reader: User, live_session: LiveSession) -> Callable[[], object]:
    return partial(book_automatically, subscriber_id=subscriber_of(reader).pk, live_session_id=live_session.pk, now=clock.now())


def test_killed_at_any_step_it_is_finished_by_the_next_sweep() -> None:
    def prepare() -> list[object]:
        readers = [make_auto_booker(credits=1) for _ in range(2)]
        publish_session(capacity=1)
        return [*readers]

    killed = 0
    for scene in killed_scenes(prepare, lambda _: sweep()):
        sweep()
        readers = [reader for reader in scene if isinstance(reader, User)]
        assert [outcomes(reader) for reader in readers] == [["booked"], ["sold_out"]]
        assert [kinds_owed_to(reader.email) for reader in readers] == [["auto_booked"], ["not_booked"]]
        AutoBooking.objects.all().delete()
        killed += 1
    assert killed > 4
    assert_books_balance()


def test_two_processes_at_once_book_once() -> None:
    reader = make_auto_booker(credits=2)
    publish_session()
    operate_in_two_processes(sweep)
    assert (outcomes(reader), kinds_owed_to(reader.email), CreditGrant.objects.get().balance) == (["booked"], ["auto_booked"], 1)


def test_it_locks_in_the_order_of_the_house() -> None:
    reader = make_auto_booker(credits=2)
    publish_session()
    with watched_locks() as locked:
        sweep()
        switch_off_auto_booking(user=reader, now=clock.now())
    assert sorted(locked) == [("LiveSession", "Subscriber", "CreditGrant"), ("Subscriber",)]
