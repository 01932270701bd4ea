"""Where a session meets is known to its provider alone: another one needs one class and a setting, and no address ever shows."""

import io
import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import structlog
import time_machine
from django.conf import LazySettings
from django.core import checks
from django.db import connection
from django.test import Client
from django.urls import get_resolver

from redreport import clock
from redreport.accounts.models import User
from redreport.audit.models import AuditEntry
from redreport.outbox import kinds
from redreport.outbox.models import OutgoingMail
from sessions_live.calendar import public_entry, seat_entry
from sessions_live.errors import MeetingUnavailable
from sessions_live.host_links import host_token
from sessions_live.models import DoorEntry, Host, LiveSession, Seat
from sessions_live.operations.reminders import queue_due_reminders
from sessions_live.seat_links import CANT_COME, DOOR
from subscriptions.operations.booking import book_with_credit
from subscriptions.operations.cancel import cancel_live_session_and_settle
from tests.factories import make_credits, make_guest_seat, make_live_session, make_price, make_staff, make_user
from tests.moving import move

pytestmark = pytest.mark.django_db

SECRET = "room-4711"
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


class Rooms:
    """A provider that gives each seat an address of its own."""

    def is_ready(self, live_session: LiveSession) -> bool:
        return True

    def attendee_url(self, seat: Seat) -> str:
        assert not connection.in_atomic_block
        return f"https://rooms.example.com/{seat.public_id}"

    def host_url(self, live_session: LiveSession) -> str:
        assert not connection.in_atomic_block
        return f"https://rooms.example.com/host/{live_session.pk}"


class ClosedRooms(Rooms):
    """The same, while it cannot be reached."""

    def attendee_url(self, seat: Seat) -> str:
        raise MeetingUnavailable

    def host_url(self, live_session: LiveSession) -> str:
        raise MeetingUnavailable


@pytest.fixture
def seat() -> Seat:
    """A seat in a session whose door is open: it starts in ten minutes."""
    return make_guest_seat(make_live_session(starts_in=timedelta(minutes=10)))


def doors(seat: Seat) -> tuple[str, str]:
    """The addresses of the attendee's door and the host's."""
    live_session = seat.live_session
    return f"/door/{DOOR.token(seat)}/", f"/host/{host_token(live_session, live_session.hosts.get())}/"


@pytest.mark.django_db(transaction=True)
def test_another_provider_is_one_setting(seat: Seat, settings: LazySettings) -> None:
    settings.MEETING_PROVIDER = "tests.test_meetings.Rooms"
    LiveSession.objects.update(meeting_url="")
    door, host_door = doors(seat)
    assert Client().post(door)["Location"] == f"https://rooms.example.com/{seat.public_id}"
    assert Client().post(host_door)["Location"] == f"https://rooms.example.com/host/{seat.live_session_id}"


def test_nobody_counts_as_present_while_the_provider_cannot_be_reached(seat: Seat, settings: LazySettings) -> None:
    settings.MEETING_PROVIDER = "tests.test_meetings.ClosedRooms"
    for door in doors(seat):
        answer = Client().post(door)
        assert answer.status_code == 503
        assert "The meeting cannot be entered just now." in answer.content.decode()
        assert ">Enter</button>" in answer.content.decode()
    assert (Seat.objects.get().state, DoorEntry.objects.count()) == ("confirmed", 0)
    assert not AuditEntry.objects.filter(verb="entered").exists()


@pytest.mark.parametrize("named", ["sessions_live.meetings.nowhere.Nothing", "tests.test_meetings.NotThere", "nonsense"])
def test_a_provider_that_is_not_there_stops_the_start(settings: LazySettings, named: str) -> None:
    assert "sessions_live.E001" not in {found.id for found in checks.run_checks()}
    settings.MEETING_PROVIDER = named
    assert "sessions_live.E001" in {found.id for found in checks.run_checks()}


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the process writes to its log meanwhile."""
    handler = next(
        handler
        for handler in logging.getLogger().handlers
        if isinstance(handler, logging.StreamHandler) and isinstance(handler.formatter, structlog.stdlib.ProcessorFormatter)
    )
    written = io.StringIO()
    stdout = handler.setStream(written)
    yield written
    handler.setStream(stdout)


@pytest.fixture
def live_session() -> LiveSession:
    """In three days, with a host who gets mail, and a meeting address that is nowhere else."""
    make_price()
    live_session = make_live_session(starts_in=3 * DAY)
    LiveSession.objects.update(meeting_url=f"https://meet.example.com/{SECRET}")
    Host.objects.update(email="mei@example.com")
    live_session.refresh_from_db()
    return live_session


def pages_of(live_session: LiveSession, seat: Seat) -> list[str]:
    """Every page of ours that can be opened with what belongs to this seat."""
    known: dict[str, Any] = {"slug": live_session.slug, "public_id": seat.public_id}
    tokens = {"door": DOOR.token(seat), "question": DOOR.token(seat), "cant_come": CANT_COME.token(seat)}
    tokens["host"] = host_token(live_session, live_session.hosts.get())
    found = []
    for namespace in ("pages", "subscriptions", "sessions"):
        _, resolver = get_resolver().namespace_dict[namespace]
        for name in (key for key in resolver.reverse_dict if isinstance(key, str)):
            given = {**known, "token": tokens.get(name, "-"), "number": "RR-NOTTHERE", "key": "-"}
            path, arguments = resolver.reverse_dict.getlist(name)[0][0][0]
            found.append("/" + path % {argument: given[argument] for argument in arguments})
    assert {*doors(seat), f"/seats/cant-come/{tokens['cant_come']}/"} <= set(found)
    return found


def test_raw_address_is_on_no_page_in_no_mail_in_no_calendar_and_in_no_log(live_session: LiveSession, log: io.StringIO) -> None:
    reader, seen = make_user(), 0
    make_credits(reader)
    seat = book_with_credit(user=reader, live_session_id=live_session.pk, now=clock.now()).seat
    make_guest_seat(live_session)
    for moment in (clock.now(), live_session.starts_at - HOUR / 6, live_session.ends_at + DAY):
        with time_machine.travel(moment, tick=False):
            for client in (Client(), _browser_of(reader)):
                for page in pages_of(live_session, seat):
                    answer = client.get(page)
                    seen += answer.status_code == 200
                    assert SECRET not in answer.content.decode(), page
                    assert SECRET not in str(answer.headers), page
    assert seen > 30
    with time_machine.travel(live_session.starts_at, tick=False):
        assert SECRET in Client().post(doors(seat)[0])["Location"]
        assert SECRET not in Client().post(doors(seat)[0]).content.decode()
    for entry in (seat_entry(seat, clock.now()), public_entry(live_session, clock.now())):
        assert SECRET.encode() not in entry
    assert log.getvalue()
    assert SECRET not in log.getvalue()


def test_raw_address_is_in_none_of_the_mails_of_a_whole_session(live_session: LiveSession) -> None:
    reader = make_user()
    make_credits(reader)
    book_with_credit(user=reader, live_session_id=live_session.pk, now=clock.now())
    queue_due_reminders(now=live_session.starts_at - DAY)
    queue_due_reminders(now=live_session.starts_at - HOUR)
    rendered = _all_mails()
    move(live_session)
    rendered |= _all_mails()
    cancel_live_session_and_settle(live_session_id=live_session.pk, actor=make_staff(), reason="Ill", now=clock.now())
    rendered |= _all_mails()
    assert {"seat_confirmed", "reminder_24h", "host_reminder_24h", "session_moved", "host_moved", "host_canceled"} <= rendered


def _browser_of(user: User) -> Client:
    browser = Client()
    browser.force_login(user)
    return browser


def _all_mails() -> set[str]:
    """The kinds of all mails owed so far, each rendered and searched."""
    for mail in OutgoingMail.objects.all():
        rendered = kinds.find(mail.kind).render(mail)
        calendar = rendered.calendar.content.decode() if rendered.calendar else ""
        for part in (rendered.subject, rendered.text, rendered.html, calendar, str(mail.context)):
            assert SECRET not in part, mail.kind
    return set(OutgoingMail.objects.values_list("kind", flat=True))
