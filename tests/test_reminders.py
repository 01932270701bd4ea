"""Reminders: 24 hours and 1 hour before the start, at most one of a kind for a seat and a start time, true when sent."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from redreport import clock, policy
from redreport.outbox import kinds
from redreport.outbox.deliver import deliver_mail
from redreport.outbox.models import OutgoingMail
from sessions_live.models import LiveSession, Seat
from sessions_live.operations.reminders import queue_due_reminders
from subscriptions.operations.comps import give_complimentary_seat
from tests.factories import attendee_of, make_live_session, make_staff, make_user
from tests.fixtures_mail import MailServer

pytestmark = pytest.mark.django_db

BOOKED_AT = clock.now()
STARTS_AT = BOOKED_AT + timedelta(days=3)
DAY_BEFORE = STARTS_AT - timedelta(hours=24)
HOUR_BEFORE = STARTS_AT - timedelta(hours=1)


@pytest.fixture
def seat() -> Seat:
    """A seat given three days before its session."""
    return seat_given_at(BOOKED_AT)


def seat_given_at(moment: datetime) -> Seat:
    live_session = LiveSession.objects.filter(starts_at=STARTS_AT).first() or make_live_session(
        starts_in=timedelta(days=3), now=BOOKED_AT
    )
    coverage = give_complimentary_seat(
        live_session_id=live_session.pk,
        attendee=attendee_of(make_user()),
        actor=make_staff(),
        reason="a guest of the house",
        now=moment,
    )
    OutgoingMail.objects.filter(kind="seat_confirmed").delete()
    return coverage.seat


def queued() -> list[tuple[str, str]]:
    return list(OutgoingMail.objects.order_by("id").values_list("kind", "state"))


def test_each_reminder_is_queued_once_at_its_moment(seat: Seat) -> None:
    moments = [DAY_BEFORE - timedelta(seconds=1), DAY_BEFORE, DAY_BEFORE + timedelta(minutes=1), HOUR_BEFORE, HOUR_BEFORE]
    assert [queue_due_reminders(now=moment) for moment in moments] == [0, 1, 0, 1, 0]
    assert queued() == [("reminder_24h", "queued"), ("reminder_1h", "queued")]


def test_late_buyer_gets_only_the_reminder_still_to_come() -> None:
    seat_given_at(DAY_BEFORE + timedelta(hours=2))
    assert queue_due_reminders(now=DAY_BEFORE + timedelta(hours=3)) == 0
    assert queue_due_reminders(now=HOUR_BEFORE) == 1
    assert queued() == [("reminder_1h", "queued")]


def test_reminder_that_nobody_queued_in_time_is_recorded_as_missed(seat: Seat) -> None:
    late = DAY_BEFORE + timedelta(hours=6, seconds=1)
    queue_due_reminders(now=late)
    mail = OutgoingMail.objects.get()
    deliver_mail(mail.pk, late)
    mail.refresh_from_db()
    assert (mail.state, mail.reason) == ("missed", "too late to be of use")


def test_reminder_for_a_seat_canceled_meanwhile_is_withheld(seat: Seat) -> None:
    queue_due_reminders(now=HOUR_BEFORE)
    Seat.objects.filter(pk=seat.pk).update(
        state=Seat.State.CANCELED, canceled_at=HOUR_BEFORE, canceled_by="buyer", restitution="none"
    )
    mail = OutgoingMail.objects.get(kind="reminder_1h")
    deliver_mail(mail.pk, HOUR_BEFORE)
    mail.refresh_from_db()
    assert (mail.state, mail.reason) == ("withheld", "the seat is canceled")


def test_reminder_of_a_superseded_time_is_withheld_and_the_new_time_gets_its_own(seat: Seat) -> None:
    queue_due_reminders(now=DAY_BEFORE)
    LiveSession.objects.update(starts_at=STARTS_AT + timedelta(days=7), schedule_version=1)
    mail = OutgoingMail.objects.get()
    deliver_mail(mail.pk, DAY_BEFORE)
    mail.refresh_from_db()
    assert (mail.state, mail.reason) == ("withheld", "the session was moved")
    assert queue_due_reminders(now=DAY_BEFORE + timedelta(days=7)) == 1


def test_held_seats_are_not_reminded(seat: Seat) -> None:
    Seat.objects.update(state=Seat.State.HELD, hold_expires_at=STARTS_AT)
    assert queue_due_reminders(now=HOUR_BEFORE) == 0


def test_reminder_leads_to_the_door_and_is_not_kept(seat: Seat, smtp_server: MailServer) -> None:
    queue_due_reminders(now=DAY_BEFORE)
    mail = OutgoingMail.objects.get()
    with time_machine.travel(DAY_BEFORE, tick=False):
        deliver_mail(mail.pk, DAY_BEFORE)
    mail.refresh_from_db()
    sent = smtp_server.mails[0]
    assert mail.state == "sent"
    assert sent.recipients == [seat.attendee_email]
    assert sent.subject.startswith("Tomorrow: ")
    assert "http://testserver/door/" in sent.part("text/plain")
    assert "http://testserver/door/" in sent.part("text/html")
    assert (mail.sent_bytes, seat.live_session.meeting_url in sent.raw.decode()) == (None, False)


def house(year: int, month: int, day: int, hour: int, minute: int) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=policy.HOUSE_ZONE)


@pytest.mark.parametrize(
    ("starts_at", "late", "opening"),
    [
        (house(2027, 6, 10, 11, 0), timedelta(0), "Tomorrow"),
        (house(2027, 6, 10, 23, 30), timedelta(0), "Tomorrow"),
        (house(2027, 6, 10, 23, 30), timedelta(hours=2), "Today"),
        # In the night of 14 March 2027 an hour is left out; on 1 November 2026 one comes twice.
        (house(2027, 3, 15, 0, 30), timedelta(0), "Mon 15 Mar"),
        (house(2027, 3, 15, 0, 30), timedelta(hours=1), "Tomorrow"),
        (house(2026, 11, 2, 0, 30), timedelta(0), "Tomorrow"),
        (house(2026, 11, 1, 23, 30), timedelta(0), "Today"),
    ],
    ids=["morning", "night", "sent late", "hour left out", "hour left out, sent late", "hour twice", "hour twice, same day"],
)
def test_day_reminder_names_the_day_as_it_is_when_sent(seat: Seat, starts_at: datetime, late: timedelta, opening: str) -> None:
    queue_due_reminders(now=DAY_BEFORE)
    LiveSession.objects.update(starts_at=starts_at)
    with time_machine.travel(starts_at.astimezone(UTC) - policy.LONG_REMINDER_BEFORE + late, tick=False):
        mail = OutgoingMail.objects.get(kind="reminder_24h")
        assert kinds.find(mail.kind).render(mail).subject.split(":")[0] == opening


@pytest.mark.parametrize(("before", "opening"), [(timedelta(minutes=60), "In one hour"), (timedelta(minutes=20), "Soon")])
def test_hour_reminder_that_comes_late_says_soon(seat: Seat, before: timedelta, opening: str) -> None:
    queue_due_reminders(now=HOUR_BEFORE)
    mail = OutgoingMail.objects.get(kind="reminder_1h")
    with time_machine.travel(STARTS_AT - before, tick=False):
        assert kinds.find(mail.kind).render(mail).subject.split(":")[0] == opening
