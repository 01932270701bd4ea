"""Calendar entries as a calendar program reads them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from icalendar import Calendar

from redreport import clock
from redreport.accounts.models import User
from redreport.outbox.deliver import deliver_mail
from redreport.outbox.models import OutgoingMail
from sessions_live.calendar import seat_request
from sessions_live.models import LiveSession, Seat
from tests.factories import make_guest_seat, make_live_session, make_user
from tests.fixtures_mail import MailServer

pytestmark = pytest.mark.django_db


@pytest.fixture
def seat() -> Seat:
    live_session = make_live_session()
    LiveSession.objects.update(title="Chips; “soft” power, и 深度求索", starts_at=datetime(2099, 7, 1, 15, 0, tzinfo=UTC))
    return make_guest_seat(live_session, make_user("Ada O'Reader; Ltd"))


def only_event(content: bytes) -> tuple[Calendar, Any]:
    calendar = Calendar.from_ical(content)
    assert isinstance(calendar, Calendar)
    [event] = calendar.walk("VEVENT")
    return calendar, event


def test_invitation_is_a_request_to_this_one_person(seat: Seat) -> None:
    calendar, event = only_event(seat_request(seat, clock.now()))
    assert calendar["METHOD"] == "REQUEST"
    assert str(event["UID"]) == f"seat-{seat.public_id}@testserver"
    assert (event["SEQUENCE"], event["STATUS"]) == (0, "CONFIRMED")
    assert event["DTSTART"].dt == datetime(2099, 7, 1, 15, 0, tzinfo=UTC)
    assert event["DTEND"].dt - event["DTSTART"].dt == timedelta(minutes=60)
    assert event["SUMMARY"] == "Red Report Live: Chips; “soft” power, и 深度求索"
    assert str(event["ATTENDEE"]).lower() == f"mailto:{seat.attendee_email}"
    assert str(event["ORGANIZER"]).lower() == "mailto:live@redreport.example"
    assert str(event["LOCATION"]).startswith("http://testserver/door/")
    assert b"meet.example.com" not in seat_request(seat, clock.now())


def test_times_stand_in_utc(seat: Seat) -> None:
    assert b"DTSTART:20990701T150000Z" in seat_request(seat, clock.now())


def test_confirmation_carries_the_invitation_inline_and_attached(seat: Seat, smtp_server: MailServer) -> None:
    mail = OutgoingMail.objects.get(kind="seat_confirmed")
    deliver_mail(mail.pk, clock.now())
    [sent] = smtp_server.mails
    parts = {part.get_content_type(): part for part in sent.message.walk()}
    assert parts["text/calendar"].get_param("method") == "REQUEST"
    entries = [part.get_payload(decode=True) for part in sent.message.walk() if part.get_filename() == "invitation.ics"]
    inline = parts["text/calendar"].get_payload(decode=True)
    assert isinstance(inline, bytes)
    assert [only_event(entry)[1]["UID"] for entry in [*entries, inline]] == [f"seat-{seat.public_id}@testserver"] * 2  # type: ignore[arg-type]
    assert sent.subject.strip().startswith("Seat confirmed: Chips; “soft” power")
    assert "http://testserver/door/" in sent.part("text/plain")
    assert "http://testserver/door/" in sent.part("text/html")


def test_public_download_publishes_without_any_door(seat: Seat) -> None:
    answer = Client().get(f"/sessions/{seat.live_session.slug}/calendar.ics")
    calendar, event = only_event(answer.content)
    assert (calendar["METHOD"], answer["Content-Type"]) == ("PUBLISH", "text/calendar; charset=utf-8; method=PUBLISH")
    assert "ATTENDEE" not in event
    assert b"/door/" not in answer.content
    assert b"meet.example.com" not in answer.content


def test_attendees_own_download_replaces_the_mailed_invitation(seat: Seat) -> None:
    mailed = only_event(seat_request(seat, clock.now()))[1]
    client = Client()
    client.force_login(User.objects.get(email=seat.attendee_email))
    answer = client.get(f"/sessions/{seat.live_session.slug}/calendar.ics")
    calendar, event = only_event(answer.content)
    assert (calendar["METHOD"], event["UID"], event["SEQUENCE"]) == ("PUBLISH", mailed["UID"], mailed["SEQUENCE"])
    assert "ATTENDEE" not in event
    assert b"/door/" in answer.content
    assert {"no-store", "private"} <= set(answer["Cache-Control"].replace(" ", "").split(","))


def test_drafts_have_no_page_and_no_calendar_entry() -> None:
    draft = make_live_session(published=False)
    assert [Client().get(f"/sessions/{draft.slug}/{rest}").status_code for rest in ("", "calendar.ics")] == [404, 404]
