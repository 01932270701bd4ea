"""The house cancels a session: in one step, whatever its size, and everybody who had to do with it hears of it once."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from redreport import clock
from redreport.audit.models import AuditEntry
from redreport.outbox.deliver import deliver_mail
from redreport.outbox.models import OutgoingMail
from sessions_live.errors import NotCancelable
from sessions_live.models import LiveSession, ScheduleChange, Seat, WaitlistEntry
from sessions_live.operations.cancellations import CancelPreview, preview_cancel
from subscriptions import tasks
from subscriptions.models import SeatCoverage
from subscriptions.operations.cancel import cancel_live_session_and_settle
from subscriptions.tasks import settle_canceled_seats
from tests.canceling import assert_books_balance, cancel
from tests.factories import make_guest_seat, make_live_session, make_staff, make_user
from tests.moving import move, seat_by_credit
from tests.outbox_helpers import rendered_mail

pytestmark = pytest.mark.django_db


def call_off(live_session: LiveSession, message: str = "") -> LiveSession:
    return cancel_live_session_and_settle(
        live_session_id=live_session.pk, actor=make_staff(), reason="The host is ill", message=message, now=clock.now()
    )


def waits(live_session: LiveSession, seat: Seat | None = None) -> WaitlistEntry:
    """A reader who waits, or to whom this seat is offered."""
    offer = {"state": "offered", "seat": seat, "offered_at": clock.now(), "offer_expires_at": clock.now()} if seat else {}
    return WaitlistEntry.objects.create(
        live_session=live_session, user=make_user(), pay_by="credit", joined_at=clock.now(), **offer
    )


def make_offer(live_session: LiveSession, state: str = "offered") -> WaitlistEntry:
    seat = make_guest_seat(live_session)
    Seat.objects.filter(pk=seat.pk).update(state=state, confirmed_at=None, hold_expires_at=clock.now() + timedelta(hours=1))
    SeatCoverage.objects.filter(seat=seat).delete()
    OutgoingMail.objects.filter(context__seat_id=seat.pk).delete()
    return waits(live_session, seat)


def owed() -> list[tuple[str, str]]:
    return list(OutgoingMail.objects.exclude(kind="seat_confirmed").order_by("kind", "id").values_list("kind", "recipient"))


def test_every_seat_ends_with_its_door_and_its_calendar_entry() -> None:
    live_session = make_live_session()
    seat = seat_by_credit(live_session)
    canceled = call_off(live_session)
    seat.refresh_from_db()
    assert (seat.state, seat.canceled_by, seat.canceled_reason) == ("canceled", "house", "The host is ill")
    assert (seat.restitution, seat.calendar_sequence, seat.door_version) == ("full", 1, 1)
    assert seat.canceled_at is not None
    assert (canceled.state, canceled.schedule_version) == ("canceled", 1)
    change = ScheduleChange.objects.get()
    assert (change.kind, change.version, change.reason) == ("canceled", 1, "The host is ill")
    traces = AuditEntry.objects.filter(verb="canceled").order_by("target_type")
    assert [(trace.target_type, trace.target_id) for trace in traces] == [
        ("sessions_live.livesession", str(live_session.pk)),
        ("sessions_live.seat", str(seat.pk)),
    ]


def test_canceling_twice_changes_nothing() -> None:
    live_session = make_live_session()
    seat_by_credit(live_session)
    waits(live_session)
    for _ in range(2):
        call_off(live_session)
        settle_canceled_seats(now=clock.now())
    assert ScheduleChange.objects.count() == 1
    assert AuditEntry.objects.filter(verb="canceled").count() == 2
    assert [kind for kind, _ in owed()] == ["seat_canceled", "waitlist_canceled"]
    assert Seat.objects.get().door_version == 1
    assert_books_balance()


def test_what_readers_are_told_beside_the_fact_is_in_their_mails_and_the_reason_is_not() -> None:
    live_session = make_live_session()
    seat_by_credit(live_session)
    waits(live_session)
    call_off(live_session, message="We hope to hold it in spring.")
    settle_canceled_seats(now=clock.now())
    for kind in ("seat_canceled", "waitlist_canceled"):
        mail = rendered_mail(kind)
        for part in (mail.text, mail.html):
            assert "We canceled this session. We are sorry." in part
            assert "We hope to hold it in spring." in part
            assert "ill" not in part.split()


def test_who_had_canceled_before_reads_nothing_of_the_sessions_end() -> None:
    live_session = make_live_session()
    cancel(seat_by_credit(live_session))
    call_off(live_session, message="We hope to hold it in spring.")
    settle_canceled_seats(now=clock.now())
    text = rendered_mail("seat_canceled").text
    assert "You canceled your seat in this session." in text
    assert "spring" not in text


def test_who_waits_is_told_and_waits_no_more_and_an_offer_is_gone() -> None:
    live_session = make_live_session()
    waiting, offered, paying = waits(live_session), make_offer(live_session), make_offer(live_session, "held")
    call_off(live_session)
    states = {entry.pk: (entry.state, entry.closed_at is not None) for entry in WaitlistEntry.objects.all()}
    assert states == {waiting.pk: ("closed", True), offered.pk: ("closed", True), paying.pk: ("offered", False)}
    assert list(Seat.objects.order_by("id").values_list("state", flat=True)) == ["expired", "held"]
    assert owed() == [("waitlist_canceled", waiting.user.email), ("waitlist_canceled", offered.user.email)]
    assert "nothing was charged" in rendered_mail_of(waiting)


def rendered_mail_of(entry: WaitlistEntry) -> str:
    OutgoingMail.objects.exclude(recipient=entry.user.email).delete()
    return rendered_mail("waitlist_canceled").text


def test_moved_and_then_canceled_the_new_time_is_told_to_nobody() -> None:
    live_session = make_live_session()
    seat_by_credit(live_session)
    waits(live_session)
    move(live_session)
    call_off(live_session)
    for mail in OutgoingMail.objects.filter(kind__in=["session_moved", "waitlist_moved"]):
        deliver_mail(mail.pk, clock.now())
        mail.refresh_from_db()
        assert mail.state == "withheld"


def test_preview_counts_what_canceling_then_does() -> None:
    live_session = make_live_session()
    seat_by_credit(live_session)
    make_guest_seat(live_session)
    waits(live_session)
    make_offer(live_session, "held")
    assert preview_cancel(live_session=live_session, now=clock.now()) == CancelPreview(
        seats_taken=2, seats_held=1, waiting=1, hosts=0
    )
    call_off(live_session)
    live_session.refresh_from_db()
    with pytest.raises(NotCancelable):
        preview_cancel(live_session=live_session, now=clock.now())


def test_a_draft_is_dropped_without_telling_anybody() -> None:
    call_off(make_live_session(published=False))
    assert (LiveSession.objects.get().state, ScheduleChange.objects.count(), owed()) == ("canceled", 0, [])


def test_a_hundred_seats_are_canceled_in_as_many_statements_as_ten() -> None:
    asked, staff = [], make_staff()
    for count in (10, 100):
        live_session = make_live_session(capacity=200)
        for _ in range(count):
            make_guest_seat(live_session, staff=staff)
        with CaptureQueriesContext(connection) as captured:
            call_off(live_session)
        asked.append(len(captured))
    assert asked[0] == asked[1]
    assert Seat.objects.filter(state="canceled").count() == 110


def test_settling_goes_on_at_once_after_a_full_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    asked_for: list[object] = []
    monkeypatch.setattr(tasks, "hand_to_worker", lambda task, *args: asked_for.append(task))
    monkeypatch.setattr(tasks, "BATCH", 2)
    live_session, staff = make_live_session(), make_staff()
    for _ in range(3):
        make_guest_seat(live_session, staff=staff)
    call_off(live_session)
    assert settle_canceled_seats(now=clock.now()) == 2
    assert asked_for == ["subscriptions.settle_canceled_seats", "subscriptions.sweep_refunds"]
    asked_for.clear()
    assert [settle_canceled_seats(now=clock.now()) for _ in range(2)] == [1, 0]
    assert asked_for == ["subscriptions.sweep_refunds"]


def test_a_batch_of_which_no_row_can_be_settled_is_not_asked_for_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked_for: list[object] = []

    def fault(*, seat_id: int, now: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(tasks, "hand_to_worker", lambda task, *args: asked_for.append(task))
    monkeypatch.setattr(tasks, "settle_seat", fault)
    monkeypatch.setattr(tasks, "BATCH", 1)
    live_session = make_live_session()
    make_guest_seat(live_session)
    call_off(live_session)
    assert settle_canceled_seats(now=clock.now()) == 1
    assert "subscriptions.settle_canceled_seats" not in asked_for
