"""'Book me into every session': each session once, with a credit, in the order of the switches, and never against a wish."""

from datetime import timedelta

import pytest
import time_machine
from allauth.account.models import EmailAddress

from redreport import clock, policy
from redreport.audit.models import AuditEntry
from sessions_live.models import LiveSession, Seat, WaitlistEntry
from sessions_live.operations.seats import Attendee
from subscriptions.errors import EmailNotProven
from subscriptions.models import AutoBooking, AutoBookingAttempt, CreditEntry, CreditGrant
from subscriptions.operations.auto_booking import book_automatically, switch_off_auto_booking, switch_on_auto_booking
from subscriptions.operations.booking import start_seat_order
from subscriptions.operations.cancel import cancel_live_session_and_settle
from subscriptions.operations.comps import give_complimentary_seat
from subscriptions.operations.granting import give_credits
from subscriptions.operations.subscribers import subscriber_of
from subscriptions.tasks import BATCH, sweep_auto_bookings
from tests.auto_booking import auto_booked_seat, make_auto_booker, outcomes, publish_session, sweep
from tests.canceling import assert_books_balance, book, cancel
from tests.factories import attendee_of, make_guest_seat, make_live_session, make_price, make_staff, make_user
from tests.outbox_helpers import kinds_owed_to

pytestmark = pytest.mark.django_db


def test_reader_is_in_with_one_credit_and_one_mail() -> None:
    reader = make_auto_booker(credits=3)
    live_session = publish_session()
    assert [sweep(), sweep()] == [1, 0]
    seat = Seat.objects.get(attendee_email=reader.email)
    assert (seat.live_session, seat.state, seat.booked_by, seat.coverage.kind) == (live_session, "confirmed", reader, "credit")
    assert (CreditGrant.objects.get().balance, outcomes(reader), kinds_owed_to(reader.email)) == (2, ["booked"], ["auto_booked"])
    assert CreditEntry.objects.get(kind="spend").actor is None
    assert_books_balance()


def test_only_sessions_published_from_the_switch_on_are_booked() -> None:
    make_live_session()
    reader = make_auto_booker()
    make_live_session(published=False)
    assert sweep() == 0
    publish_session()
    assert sweep() == 1
    assert outcomes(reader) == ["booked"]


def test_seat_given_back_is_not_booked_again() -> None:
    reader = make_auto_booker(credits=2)
    seat = auto_booked_seat(reader)
    cancel(seat)
    assert (sweep(), CreditGrant.objects.get().balance) == (0, 2)
    assert not Seat.objects.filter(state="confirmed").exists()


def test_seat_booked_by_hand_and_given_back_before_the_sweep_is_not_booked_again() -> None:
    reader = make_auto_booker(credits=2)
    cancel(book(reader, publish_session()))
    sweep()
    assert (outcomes(reader), CreditGrant.objects.get().balance) == (["seated"], 2)
    assert "auto_booked" not in kinds_owed_to(reader.email)


def test_who_has_a_seat_keeps_it_and_no_credit_is_spent() -> None:
    reader = make_auto_booker(credits=2)
    live_session = publish_session()
    make_guest_seat(live_session, reader)
    sweep()
    assert (outcomes(reader), CreditGrant.objects.get().balance) == (["seated"], 2)
    assert kinds_owed_to(reader.email) == ["seat_confirmed"]


def test_seat_that_somebody_else_took_for_the_reader_and_gave_back_counts_for_nothing() -> None:
    reader, assistant = make_auto_booker(credits=2), make_user()
    live_session = publish_session()
    seat = give_complimentary_seat(
        live_session_id=live_session.pk, attendee=attendee_of(reader), actor=assistant, reason="Guest", now=clock.now()
    ).seat
    cancel(seat)
    sweep()
    assert outcomes(reader) == ["booked"]


def test_while_the_reader_is_paying_for_a_seat_nothing_is_decided() -> None:
    reader, price = make_auto_booker(credits=2), make_price()
    live_session, now = publish_session(), clock.now()
    start_seat_order(user=reader, live_session_id=live_session.pk, attendees=[attendee_of(reader)], price_id=price.pk, now=now)
    sweep()
    assert (outcomes(reader), Seat.objects.get().state) == ([], "held")
    Seat.objects.update(state="expired", hold_expires_at=None)
    sweep()
    assert outcomes(reader) == ["booked"]


def test_seat_that_the_reader_buys_for_a_colleague_does_not_count_as_theirs() -> None:
    reader, price = make_auto_booker(credits=2), make_price()
    colleague = Attendee("Bo", "bo@example.com")
    start_seat_order(user=reader, live_session_id=publish_session().pk, attendees=[colleague], price_id=price.pk, now=clock.now())
    sweep()
    assert outcomes(reader) == ["booked"]


def test_sold_out_is_told_once() -> None:
    reader = make_auto_booker()
    live_session = publish_session(capacity=1)
    make_guest_seat(live_session)
    assert [sweep(), sweep()] == [1, 0]
    assert (outcomes(reader), kinds_owed_to(reader.email), CreditGrant.objects.get().balance) == (["sold_out"], ["not_booked"], 3)


def test_last_seats_go_to_whoever_switched_it_on_first() -> None:
    second, first = make_auto_booker(), make_auto_booker()
    AutoBooking.objects.filter(subscriber__user=first).update(since=clock.now() - timedelta(days=1))
    publish_session(capacity=1)
    sweep()
    assert (outcomes(first), outcomes(second)) == (["booked"], ["sold_out"])


def test_free_seats_that_belong_to_who_waits_are_left_alone() -> None:
    reader, waiting = make_auto_booker(), make_user()
    live_session, now = publish_session(capacity=1), clock.now()
    WaitlistEntry.objects.create(live_session=live_session, user=waiting, state="waiting", joined_at=now)
    sweep()
    assert outcomes(reader) == ["sold_out"]


def test_credits_go_to_the_soonest_sessions_and_their_end_is_told_once() -> None:
    reader = make_auto_booker(credits=2)
    late, soon, later = (publish_session(starts_in=timedelta(days=days)) for days in (20, 10, 30))
    publish_session(starts_in=timedelta(days=40))
    sweep()
    assert outcomes(reader) == ["booked", "booked", "no_credit", "no_credit"]
    booked = Seat.objects.order_by("live_session__starts_at").values_list("live_session", flat=True)
    assert list(booked) == [soon.pk, late.pk]
    assert kinds_owed_to(reader.email) == ["auto_booked", "auto_booked", "not_booked"]
    told = AutoBookingAttempt.objects.get(live_session=later)
    assert told.outcome == "no_credit"


def test_credit_spent_by_hand_meanwhile_is_not_spent_again() -> None:
    reader = make_auto_booker(credits=1)
    by_hand = make_live_session()
    publish_session()
    book(reader, by_hand)
    sweep()
    assert (outcomes(reader), CreditGrant.objects.get().balance, Seat.objects.count()) == (["no_credit"], 0, 1)
    assert_books_balance()


def test_credit_that_ends_before_the_session_is_none_for_it() -> None:
    reader = make_auto_booker(credits=2)
    CreditGrant.objects.update(expires_at=clock.now() + timedelta(days=5))
    publish_session(starts_in=timedelta(days=7))
    sweep()
    assert (outcomes(reader), CreditGrant.objects.get().balance) == (["no_credit"], 2)


def test_new_credits_give_sessions_that_lacked_one_another_try() -> None:
    reader, staff = make_auto_booker(credits=1), make_staff()
    publish_session()
    publish_session(starts_in=timedelta(days=8))
    sweep()
    assert outcomes(reader) == ["booked", "no_credit"]
    now = clock.now()
    give_credits(user=reader, credits=1, expires_at=now + timedelta(90), actor=staff, reason="Paid by wire", now=now)
    sweep()
    assert outcomes(reader) == ["booked", "booked"]
    assert kinds_owed_to(reader.email) == ["auto_booked", "not_booked", "credits_granted", "auto_booked"]


def test_credit_that_comes_back_for_a_seat_given_back_books_nothing_else() -> None:
    reader = make_auto_booker(credits=1)
    soon = publish_session()
    publish_session(starts_in=timedelta(days=8))
    sweep()
    cancel(Seat.objects.get(live_session=soon))
    assert (sweep(), outcomes(reader), CreditGrant.objects.get().balance) == (0, ["booked", "no_credit"], 1)


@pytest.mark.parametrize(("spare", "outcome"), [(timedelta(0), "booked"), (timedelta(minutes=-1), "too_soon")])
def test_a_day_is_left_to_give_the_seat_back(spare: timedelta, outcome: str) -> None:
    reader = make_auto_booker()
    with time_machine.travel(clock.now(), tick=False):
        live_session = publish_session(starts_in=policy.AUTO_BOOKING_BEFORE + spare)
        sweep()
    assert outcomes(reader) == [outcome]
    assert kinds_owed_to(reader.email) == (["auto_booked"] if outcome == "booked" else ["not_booked"])
    assert Seat.objects.filter(live_session=live_session).exists() == (outcome == "booked")


def test_canceled_session_is_not_booked() -> None:
    reader = make_auto_booker()
    live_session = publish_session()
    cancel_live_session_and_settle(live_session_id=live_session.pk, actor=make_staff(), reason="Ill", now=clock.now())
    assert (sweep(), outcomes(reader), kinds_owed_to(reader.email)) == (0, [], [])
    attempt = book_automatically(subscriber_id=subscriber_of(reader).pk, live_session_id=live_session.pk, now=clock.now())
    assert (attempt, Seat.objects.count()) == (None, 0)


def test_session_moved_before_the_sweep_is_judged_by_its_new_time() -> None:
    reader = make_auto_booker()
    live_session, now = publish_session(), clock.now()
    LiveSession.objects.filter(pk=live_session.pk).update(starts_at=now + timedelta(hours=30), moved_at=now, schedule_version=1)
    sweep()
    assert outcomes(reader) == ["too_soon"]


def test_session_moved_after_it_was_booked_keeps_its_seat_and_is_not_tried_again() -> None:
    reader = make_auto_booker()
    seat = auto_booked_seat(reader)
    LiveSession.objects.update(starts_at=clock.now() + timedelta(days=70), moved_at=clock.now(), schedule_version=1)
    assert (sweep(), Seat.objects.get(pk=seat.pk).state, outcomes(reader)) == (0, "confirmed", ["booked"])


def test_switched_off_books_nothing_more_and_leaves_what_is_booked() -> None:
    reader = make_auto_booker()
    seat = auto_booked_seat(reader)
    switch_off_auto_booking(user=reader, now=clock.now())
    publish_session()
    assert (sweep(), Seat.objects.get().pk) == (0, seat.pk)
    assert Seat.objects.get().state == "confirmed"


def test_switch_pressed_twice_counts_from_the_first_time_and_is_noted_once() -> None:
    reader = make_user()
    now = clock.now()
    for minutes in (0, 5):
        switch_on_auto_booking(user=reader, now=now + timedelta(minutes=minutes))
    assert AutoBooking.objects.get().since == now
    for _ in range(2):
        switch_off_auto_booking(user=reader, now=now)
    assert not AutoBooking.objects.exists()
    verbs = AuditEntry.objects.filter(verb__startswith="auto_booking").order_by("id").values_list("verb", flat=True)
    assert list(verbs) == ["auto_booking_on", "auto_booking_off"]


def test_off_and_on_again_begins_anew() -> None:
    reader = make_auto_booker()
    publish_session()
    switch_off_auto_booking(user=reader, now=clock.now())
    switch_on_auto_booking(user=reader, now=clock.now())
    assert (sweep(), outcomes(reader)) == (0, [])


def test_unproven_address_cannot_switch_it_on() -> None:
    with pytest.raises(EmailNotProven):
        switch_on_auto_booking(user=make_user(proven=False), now=clock.now())
    assert not AutoBooking.objects.exists()


def test_address_that_was_changed_since_has_to_be_proven_before_a_door_is_mailed_to_it() -> None:
    reader = make_auto_booker()
    EmailAddress.objects.filter(user=reader).update(verified=False)
    publish_session()
    sweep()
    assert (outcomes(reader), kinds_owed_to(reader.email)) == ([], [])
    EmailAddress.objects.filter(user=reader).update(verified=True)
    sweep()
    assert outcomes(reader) == ["booked"]


def test_closed_account_is_not_booked() -> None:
    reader = make_auto_booker()
    reader.is_active = False
    reader.save()
    publish_session()
    assert sweep() == 0


def test_full_batch_goes_on_only_while_something_comes_of_it() -> None:
    readers = [make_auto_booker(credits=0) for _ in range(BATCH + 1)]
    publish_session()
    assert [sweep_auto_bookings(now=clock.now()) for _ in range(3)] == [(BATCH, True), (1, False), (0, False)]
    assert all(outcomes(reader) == ["no_credit"] for reader in readers)


def test_a_batch_of_readers_who_have_to_wait_keeps_nobody_else_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("subscriptions.tasks.BATCH", 2)
    unproven, paying, other = (make_auto_booker() for _ in range(3))
    EmailAddress.objects.filter(user=unproven).update(verified=False)
    live_session, price = publish_session(), make_price()
    attendees = [attendee_of(paying)]
    start_seat_order(user=paying, live_session_id=live_session.pk, attendees=attendees, price_id=price.pk, now=clock.now())
    sweep()
    assert [outcomes(reader) for reader in (unproven, paying, other)] == [[], [], ["booked"]]


def test_seat_handed_over_is_not_booked_again() -> None:
    reader, now = make_auto_booker(credits=2), clock.now()
    seat = book(reader, publish_session())
    seat.hand_overs.create(
        from_name=reader.name,
        from_email=reader.email,
        to_name="Bo",
        to_email="bo@example.com",
        cancel_sequence=1,
        made_by=reader,
        made_at=now,
    )
    Seat.objects.update(attendee_email="bo@example.com")
    sweep()
    assert (outcomes(reader), CreditGrant.objects.get().balance) == (["seated"], 1)
