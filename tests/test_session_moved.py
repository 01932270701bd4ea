"""The house moves a session: everybody is told once, nothing of the old time stays true, and nobody is bound to the new one."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from redreport import clock
from redreport.audit.models import AuditEntry
from redreport.outbox import kinds
from redreport.outbox.deliver import deliver_mail
from redreport.outbox.models import OutgoingMail
from redreport.wording import house_time
from sessions_live.errors import NotMovable
from sessions_live.models import LiveSession, ScheduleChange, Seat, WaitlistEntry
from sessions_live.operations.attendance import enter_by_door
from sessions_live.operations.moves import preview_move
from sessions_live.seat_links import CANT_COME, DOOR
from subscriptions.models import CreditEntry, CreditGrant
from subscriptions.operations.cancel import plan_own_cancellation
from subscriptions.reconciliation.run import reconcile
from subscriptions.selectors import seats_with_coverage
from tests.canceling import assert_books_balance, book, cancel, returned_grant
from tests.factories import make_credits, make_guest_seat, make_live_session, make_staff, make_user
from tests.fixtures_mail import MailServer
from tests.fixtures_shop import Shop
from tests.moving import move
from tests.outbox_helpers import rendered_mail
from tests.test_calendar_entries import only_event


def seat_by_credit(live_session: LiveSession) -> Seat:
    user = make_user()
    make_credits(user, 2)
    return book(user, live_session)


def owed() -> list[tuple[str, str]]:
    new = OutgoingMail.objects.exclude(kind="seat_confirmed").order_by("id")
    return list(new.values_list("kind", "recipient"))


def deliver_all() -> list[tuple[str, str, str]]:
    """Every mail is tried once; what became of each."""
    for mail_id in OutgoingMail.objects.filter(state="queued").order_by("id").values_list("pk", flat=True):
        deliver_mail(mail_id, clock.now())
    return list(OutgoingMail.objects.order_by("id").values_list("kind", "state", "reason"))


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
def test_attendee_reads_the_old_and_the_new_time_and_keeps_the_door() -> None:
    live_session = make_live_session()
    seat = seat_by_credit(live_session)
    before, door = live_session.starts_at, DOOR.url(seat)
    move(live_session, message="The host is in Beijing that day.")
    assert owed() == [("session_moved", seat.attendee_email)]
    mail = rendered_mail("session_moved")
    assert mail.subject == f"New time: {live_session.title}"
    for part in (mail.text, mail.html):
        for said in (house_time(before), house_time(live_session.starts_at), door, "The host is in Beijing that day."):
            assert said in part
        assert "you get back in full what it cost" in part
        assert f"/seats/{seat.public_id}/cancel/" in part


@pytest.mark.django_db
def test_guest_of_the_house_is_told_where_to_say_no_and_nothing_of_money() -> None:
    live_session = make_live_session()
    seat = make_guest_seat(live_session)
    move(live_session)
    mail = rendered_mail("session_moved")
    for part in (mail.text, mail.html):
        assert CANT_COME.url(seat) in part
        assert "what it cost" not in part


@pytest.mark.django_db
def test_calendar_moves_the_same_entry() -> None:
    live_session = make_live_session()
    seat = seat_by_credit(live_session)
    confirmed = rendered_mail("seat_confirmed").calendar
    assert confirmed is not None
    _, invited = only_event(confirmed.content)
    move(live_session)
    part = rendered_mail("session_moved").calendar
    assert part is not None
    assert part.method == "REQUEST"
    _, event = only_event(part.content)
    assert (str(event["UID"]), event["SEQUENCE"]) == (str(invited["UID"]), invited["SEQUENCE"] + 1)
    told = [moment.replace(microsecond=0) for moment in (live_session.starts_at, live_session.ends_at)]
    assert [event.decoded("dtstart"), event.decoded("dtend")] == told
    seat.refresh_from_db()
    assert (seat.calendar_sequence, seat.door_version) == (1, 0)


@pytest.mark.django_db
def test_confirmation_of_the_old_time_that_was_not_sent_yet_is_withheld(smtp_server: MailServer) -> None:
    live_session = make_live_session()
    seat_by_credit(live_session)
    move(live_session)
    assert deliver_all() == [("seat_confirmed", "withheld", "the session was moved"), ("session_moved", "sent", "")]
    [sent] = smtp_server.mails
    assert house_time(live_session.starts_at) in sent.part("text/plain")
    assert OutgoingMail.objects.get(kind="session_moved").sent_bytes is None


@pytest.mark.django_db
def test_moved_twice_before_anybody_was_told_is_one_mail_that_starts_from_the_time_they_knew(smtp_server: MailServer) -> None:
    live_session = make_live_session()
    seat_by_credit(live_session)
    deliver_all()
    known = live_session.starts_at
    move(live_session)
    never_told = live_session.starts_at
    move(live_session)
    assert [state for _, state, _ in deliver_all()] == ["sent", "withheld", "sent"]
    text = smtp_server.mails[-1].part("text/plain")
    assert f"It was to start: {house_time(known)}" in text
    assert house_time(never_told) not in text


@pytest.mark.django_db
def test_moved_twice_and_told_twice_each_mail_starts_from_the_one_before(smtp_server: MailServer) -> None:
    live_session = make_live_session()
    seat_by_credit(live_session)
    move(live_session)
    deliver_all()
    told = live_session.starts_at
    move(live_session)
    deliver_all()
    assert f"It was to start: {house_time(told)}" in smtp_server.mails[-1].part("text/plain")


@pytest.mark.django_db
def test_moved_there_and_back_before_anybody_was_told_says_that_it_is_back() -> None:
    live_session = make_live_session()
    seat_by_credit(live_session)
    move(live_session)
    move(live_session, -timedelta(days=2))
    mail = OutgoingMail.objects.get(kind="session_moved", schedule_version=2)
    text = kinds.find("session_moved").render(mail).text
    assert "We had moved this session, and have moved it back." in text
    assert "It was to start" not in text


@pytest.mark.django_db
def test_another_length_alone_is_told_as_such() -> None:
    live_session = make_live_session()
    seat_by_credit(live_session)
    move(live_session, timedelta(0), minutes=90)
    text = rendered_mail("session_moved").text
    assert text.startswith("A new length for your session")
    assert "Length: 90 minutes" in text
    assert "It was to start" not in text


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


@pytest.mark.django_db
def test_booker_of_colleagues_gets_one_mail_with_a_way_out_for_each_seat_and_the_house_none() -> None:
    live_session = make_live_session()
    seats = [seat_by_credit(live_session) for _ in range(2)]
    booker = seats[0].booked_by
    for number, seat in enumerate(seats):
        Seat.objects.filter(pk=seat.pk).update(booked_by=booker, attendee_email=f"colleague{number}@example.org")
    make_guest_seat(live_session)
    move(live_session)
    assert [(kind, to) for kind, to in owed() if kind == "booking_moved"] == [("booking_moved", booker.email)]
    mail = rendered_mail("booking_moved")
    for part in (mail.text, mail.html):
        assert [f"/seats/{seat.public_id}/cancel/" in part for seat in seats] == [True, True]
        assert "/door/" not in part
    to_colleague = OutgoingMail.objects.filter(kind="session_moved").order_by("id")
    assert [mail.recipient for mail in to_colleague][:2] == ["colleague0@example.org", "colleague1@example.org"]


@pytest.mark.django_db
def test_reader_who_waits_is_told_and_one_who_left_meanwhile_is_not(smtp_server: MailServer) -> None:
    live_session = make_live_session()
    entries = [
        WaitlistEntry.objects.create(live_session=live_session, user=make_user(), pay_by="money", joined_at=clock.now())
        for _ in range(2)
    ]
    move(live_session)
    WaitlistEntry.objects.filter(pk=entries[1].pk).update(state="withdrawn", closed_at=clock.now())
    assert deliver_all() == [
        ("waitlist_moved", "sent", ""),
        ("waitlist_moved", "withheld", "the reader does not wait any more: withdrawn"),
    ]
    assert smtp_server.mails[0].recipients == [entries[0].user.email]
    assert house_time(live_session.starts_at) in smtp_server.mails[0].part("text/plain")


@pytest.mark.django_db
def test_seat_canceled_between_the_move_and_the_mail_is_not_told_a_new_time() -> None:
    live_session = make_live_session()
    seat = seat_by_credit(live_session)
    move(live_session)
    cancel(seat)
    mail = OutgoingMail.objects.get(kind="session_moved")
    deliver_mail(mail.pk, clock.now())
    mail.refresh_from_db()
    assert (mail.state, mail.reason) == ("withheld", "the seat is canceled")


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
