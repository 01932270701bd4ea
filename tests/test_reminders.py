"""Reminders: 24 hours and 1 hour before the start, at most one of a kind for a seat and a start time, true when sent."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from redreport import clock, policy
from redreport.outbox import kinds
from redreport.outbox.deliver import deliver_mail
from redreport.outbox.models import OutgoingMail
from sessions_live.models import LiveSession, Seat
from sessions_live.operations import reminders
from sessions_live.operations.reminders import queue_due_reminders
from subscriptions.operations.comps import give_complimentary_seat
from tests.factories import attendee_of, make_live_session, make_staff, make_user
from tests.fixtures_mail import MailServer
from tests.moving import move

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
    """The attendees' reminders."""
    return list(OutgoingMail.objects.filter(kind__startswith="reminder").order_by("id").values_list("kind", "state"))


def sweep(moment: datetime) -> list[str]:
    """What the sweep adds for attendees at that moment."""
    before = set(OutgoingMail.objects.values_list("pk", flat=True))
    queue_due_reminders(now=moment)
    added = OutgoingMail.objects.exclude(pk__in=before).filter(kind__startswith="reminder").order_by("id")
    return [f"{mail.kind} to {mail.recipient}" for mail in added]


def what_became_of(mail: OutgoingMail, moment: datetime) -> tuple[str, str]:
    deliver_mail(mail.pk, moment)
    mail.refresh_from_db()
    return mail.state, mail.reason


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


def test_who_was_confirmed_within_an_hour_before_the_moment_is_not_reminded_of_it() -> None:
    seat_given_at(DAY_BEFORE - timedelta(minutes=59))
    assert sweep(DAY_BEFORE) == []
    earlier = seat_given_at(DAY_BEFORE - timedelta(minutes=60))
    assert sweep(DAY_BEFORE) == [f"reminder_24h to {earlier.attendee_email}"]


def test_who_buys_in_the_last_two_hours_has_the_confirmation_alone() -> None:
    seat_given_at(HOUR_BEFORE - timedelta(minutes=30))
    assert [sweep(HOUR_BEFORE + timedelta(minutes=minutes)) for minutes in (0, 30, 59)] == [[], [], []]


def test_new_attendee_is_reminded_although_the_old_one_was(seat: Seat) -> None:
    assert sweep(DAY_BEFORE) == [f"reminder_24h to {seat.attendee_email}"]
    handed_over = {"attendee_email": "bo@example.org", "handed_over_at": HOUR_BEFORE - timedelta(hours=2), "door_version": 1}
    Seat.objects.filter(pk=seat.pk).update(**handed_over)
    assert sweep(HOUR_BEFORE - timedelta(minutes=1)) == []
    assert sweep(HOUR_BEFORE) == ["reminder_1h to bo@example.org"]


def test_reminder_of_who_handed_the_seat_over_is_withheld_and_the_new_attendee_has_one_of_the_same_kind(seat: Seat) -> None:
    queue_due_reminders(now=DAY_BEFORE)
    # The clocks of two machines differ: the hand-over is noted an hour before the moment at which the reminder was queued.
    told = DAY_BEFORE - policy.TOLD_SHORTLY_BEFORE
    Seat.objects.filter(pk=seat.pk).update(attendee_email="bo@example.org", handed_over_at=told, door_version=1)
    assert what_became_of(OutgoingMail.objects.get(), DAY_BEFORE) == ("withheld", "the seat was handed over")
    assert sweep(DAY_BEFORE) == ["reminder_24h to bo@example.org"]
    assert sweep(DAY_BEFORE + timedelta(minutes=1)) == []


def test_who_cannot_come_is_not_reminded_also_when_they_say_so_after_it_was_queued(seat: Seat) -> None:
    queue_due_reminders(now=DAY_BEFORE)
    Seat.objects.update(declined_at=DAY_BEFORE)
    assert what_became_of(OutgoingMail.objects.get(), DAY_BEFORE) == ("withheld", "the attendee said that they cannot come")
    assert sweep(HOUR_BEFORE) == []
    Seat.objects.update(declined_at=None)
    assert sweep(HOUR_BEFORE + timedelta(minutes=5)) == [f"reminder_1h to {seat.attendee_email}"]


def test_who_came_in_early_is_not_reminded_late(seat: Seat) -> None:
    queue_due_reminders(now=HOUR_BEFORE)
    Seat.objects.update(state=Seat.State.ATTENDED, entered_at=STARTS_AT - timedelta(minutes=20))
    mail = OutgoingMail.objects.get(kind="reminder_1h")
    assert what_became_of(mail, STARTS_AT - timedelta(minutes=18)) == ("withheld", "the attendee is in already")


def test_moved_a_week_on_it_is_reminded_of_anew_at_the_new_moments(seat: Seat) -> None:
    sweep(DAY_BEFORE)
    move(seat.live_session, timedelta(days=7), now=DAY_BEFORE + timedelta(hours=1))
    week = timedelta(days=7)
    moments = [HOUR_BEFORE, DAY_BEFORE + week, HOUR_BEFORE + week]
    to = seat.attendee_email
    assert [sweep(moment) for moment in moments] == [[], [f"reminder_24h to {to}"], [f"reminder_1h to {to}"]]


def test_moved_so_near_that_the_news_says_it_all_only_the_later_reminder_comes(seat: Seat) -> None:
    move(seat.live_session, to=BOOKED_AT + timedelta(hours=24, minutes=30), now=BOOKED_AT + timedelta(minutes=1))
    hour_before = seat.live_session.starts_at - timedelta(hours=1)
    assert sweep(BOOKED_AT + timedelta(minutes=31)) == []
    assert sweep(hour_before) == [f"reminder_1h to {seat.attendee_email}"]


def test_moved_away_and_back_the_reminder_that_was_sent_is_not_sent_again(seat: Seat) -> None:
    sweep(DAY_BEFORE)
    for minute, days in ((1, 7), (2, -7)):
        move(seat.live_session, timedelta(days=days), now=DAY_BEFORE + timedelta(minutes=minute))
    assert sweep(DAY_BEFORE + timedelta(minutes=3)) == []
    assert sweep(HOUR_BEFORE) == [f"reminder_1h to {seat.attendee_email}"]


def test_fifty_reminders_take_as_many_statements_as_five() -> None:
    asked = []
    for count in (5, 45):
        for _ in range(count):
            seat_given_at(BOOKED_AT)
        LiveSession.objects.update(capacity=100)
        OutgoingMail.objects.all().delete()
        with CaptureQueriesContext(connection) as captured:
            queue_due_reminders(now=DAY_BEFORE)
        asked.append(len(captured))
    assert asked[0] == asked[1]
    assert OutgoingMail.objects.count() == 50


def test_a_full_batch_asks_for_the_next(monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any) -> None:
    asked_for: list[object] = []
    monkeypatch.setattr(reminders, "hand_to_worker", lambda task, *args: asked_for.append(task))
    monkeypatch.setattr(reminders, "BATCH", 2)
    for _ in range(3):
        seat_given_at(BOOKED_AT)
    with django_capture_on_commit_callbacks(execute=True):
        assert queue_due_reminders(now=DAY_BEFORE) == 2
    assert asked_for == ["sessions_live.queue_reminders"]
    with django_capture_on_commit_callbacks(execute=True):
        assert queue_due_reminders(now=DAY_BEFORE) == 1
    assert len(asked_for) == 1
