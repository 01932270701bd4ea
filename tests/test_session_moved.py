"""The house moves a session: everybody is told once, nothing of the old time stays true, and nobody is bound to the new one."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from redreport import clock
from redreport.audit.models import AuditEntry
from redreport.outbox.models import OutgoingMail
from redreport.wording import house_time
from sessions_live.errors import NotMovable
from sessions_live.models import LiveSession, ScheduleChange, Seat
from sessions_live.operations.attendance import enter_by_door
from sessions_live.operations.moves import preview_move
from subscriptions.models import CreditEntry, CreditGrant
from subscriptions.operations.cancel import plan_own_cancellation
from subscriptions.reconciliation.run import reconcile
from subscriptions.selectors import seats_with_coverage
from tests.canceling import assert_books_balance, cancel, returned_grant
from tests.factories import make_guest_seat, make_live_session, make_staff
from tests.fixtures_shop import Shop
from tests.moving import move, owed, seat_by_credit
from tests.outbox_helpers import rendered_mail


@pytest.mark.django_db
def test_moved_session_stands_at_its_new_time_with_a_trace_of_who_did_it_and_why() -> None:
    live_session = make_live_session()
    before = live_session.starts_at
    change = move(live_session, minutes=90, message="The host is in Beijing that day.")
    assert (live_session.starts_at, live_session.duration_minutes) == (before + timedelta(days=2), 90)
    assert (live_session.schedule_version, live_session.moved_at, live_session.state) == (1, change.made_at, "published")
    assert (change.kind, change.version, change.old_starts_at, change.old_duration_minutes) == ("moved", 1, before, 60)
    trace = AuditEntry.objects.get(verb="moved")
    assert (trace.target_id, trace.reason, trace.actor) == (str(live_session.pk), "The host is traveling", change.made_by)


@pytest.mark.django_db
def test_moving_to_where_it_stands_changes_nothing() -> None:
    live_session = make_live_session()
    seat_by_credit(live_session)
    change = move(live_session)
    with pytest.raises(NotMovable, match="at this time already"):
        move(live_session, to=live_session.starts_at)
    assert list(ScheduleChange.objects.all()) == [change]
    assert [kind for kind, _ in owed()] == ["session_moved"]
    assert Seat.objects.get().calendar_sequence == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("state", "starts_in", "new_start_in", "why"),
    [
        ("drafted", 7, 8, "It is drafted"),
        ("canceled", 7, 8, "It is canceled"),
        ("ended", -7, 8, "It is ended"),
        ("published", -1, 8, "It has begun"),
        ("published", 7, -1, "lies in the past"),
    ],
)
def test_what_cannot_be_moved_is_refused_with_the_reason(state: str, starts_in: int, new_start_in: int, why: str) -> None:
    live_session = make_live_session(starts_in=timedelta(days=starts_in), published=state != "drafted")
    LiveSession.objects.update(state=state)
    live_session.refresh_from_db()
    to = clock.now() + timedelta(days=new_start_in)
    with pytest.raises(NotMovable, match=why):
        preview_move(live_session=live_session, starts_at=to, duration_minutes=60, now=clock.now())
    with pytest.raises(NotMovable, match=why):
        move(live_session, to=to)
    assert (ScheduleChange.objects.count(), AuditEntry.objects.filter(verb="moved").count()) == (0, 0)


@pytest.mark.django_db
def test_buyer_may_cancel_for_free_until_the_new_start_and_a_later_buyer_until_the_cutoff() -> None:
    live_session = make_live_session()
    early = seat_by_credit(live_session)
    move(live_session)
    late = seat_by_credit(live_session)
    just_before = live_session.starts_at - timedelta(minutes=1)
    plans = {
        seat.pk: plan_own_cancellation(seat=seats_with_coverage().get(pk=seat.pk), now=just_before).settlement
        for seat in (early, late)
    }
    assert plans == {early.pk: "credit", late.pk: "forfeited"}
    assert cancel(early, just_before).settlement == "credit"
    assert_books_balance()


@pytest.mark.django_db
def test_seat_moved_past_its_credits_end_stays_covered_and_its_credit_comes_back_with_time_to_use_it() -> None:
    live_session = make_live_session()
    seat = seat_by_credit(live_session)
    ends = live_session.starts_at + timedelta(days=1)
    CreditGrant.objects.update(expires_at=ends)
    move(live_session, timedelta(days=10))
    seat.refresh_from_db()
    assert (seat.state, CreditEntry.objects.filter(kind="spend").count()) == ("confirmed", 1)
    now = clock.now()
    cancel(seat, now)
    assert returned_grant(seat).expires_at == now + timedelta(days=90)
    assert_books_balance()


@pytest.mark.django_db
def test_who_came_in_early_or_had_refused_is_expected_anew() -> None:
    live_session = make_live_session(starts_in=timedelta(minutes=10))
    early, refused = make_guest_seat(live_session), make_guest_seat(live_session)
    enter_by_door(seat=early, device=uuid.uuid4(), takes_over=False, now=clock.now())
    Seat.objects.filter(pk=refused.pk).update(declined_at=clock.now())
    assert (
        preview_move(
            live_session=live_session, starts_at=live_session.starts_at + timedelta(1), duration_minutes=60, now=clock.now()
        ).entered
        == 1
    )
    move(live_session)
    assert list(Seat.objects.values_list("state", "entered_at", "declined_at")) == [("confirmed", None, None)] * 2


def test_who_is_paying_keeps_the_hold_and_is_confirmed_at_the_new_time_free_to_cancel(shop: Shop) -> None:
    order = shop.hold_seat()
    assert order.live_session is not None
    live_session = order.live_session
    move(live_session)
    assert owed() == []
    shop.pay(order)
    shop.sweep()
    seat = Seat.objects.select_related("live_session").get()
    assert (seat.state, seat.free_cancel_until) == ("confirmed", live_session.starts_at)
    assert house_time(live_session.starts_at) in rendered_mail("seat_confirmed").text


def test_open_checkout_is_compared_at_once_when_the_sale_now_ends_sooner(shop: Shop) -> None:
    order = shop.hold_seat()
    assert order.live_session is not None
    move(order.live_session, to=clock.now() + timedelta(minutes=2))
    shop.sweep()
    order.refresh_from_db()
    assert order.next_check_at == order.live_session.starts_at
    shop.sweep(order.live_session.starts_at)
    order.refresh_from_db()
    assert (order.state, Seat.objects.get().state) == ("expired", "expired")


def test_payment_that_a_bank_still_moves_is_waited_for_until_a_day_before_the_new_start(shop: Shop, settings: Any) -> None:
    settings.STRIPE_DELAYED_PAYMENTS = True
    shop.stripe.allow_delayed_payments()
    order = shop.hold_seat()
    assert order.live_session is not None
    assert shop.stripe.pay_by_debit(str(order.stripe_checkout_session_id))["outcome"] == "paid"
    shop.hear_all()
    move(order.live_session, timedelta(days=-3))
    order.refresh_from_db()
    a_day_before = order.live_session.starts_at - timedelta(days=1)
    assert (order.expires_at, Seat.objects.get().hold_expires_at) == (a_day_before, a_day_before)


def add_guests(live_session: LiveSession, count: int) -> None:
    staff = make_staff()
    LiveSession.objects.filter(pk=live_session.pk).update(capacity=1000)
    for _ in range(count):
        make_guest_seat(live_session, staff=staff)


@pytest.mark.django_db
def test_a_hundred_seats_move_in_as_many_statements_as_ten() -> None:
    asked, live_session = [], make_live_session()
    for count in (10, 90):
        add_guests(live_session, count)
        with CaptureQueriesContext(connection) as captured:
            move(live_session)
        asked.append(len(captured))
    assert OutgoingMail.objects.filter(kind="session_moved").count() == 110
    assert asked[0] == asked[1]


def test_comparison_with_stripe_minds_no_seat_that_was_moved_past_its_credits_end(shop: Shop) -> None:
    live_session = make_live_session()
    seat_by_credit(live_session)
    CreditGrant.objects.update(expires_at=live_session.starts_at + timedelta(days=1))
    move(live_session, timedelta(days=10))
    assert reconcile(since=None, dry_run=False, now=clock.now()).is_whole
