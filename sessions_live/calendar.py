"""Calendar entries. An attendee's own entry keeps its UID for as long as the seat lives, so that an update replaces it."""

from datetime import datetime, timedelta
from email.utils import parseaddr
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse
from icalendar import Alarm, Calendar, Event, vCalAddress, vText

from sessions_live.models import LiveSession, Seat
from sessions_live.seat_links import DOOR

PRODUCT_ID = "-//The Red Report//Red Report Live//EN"


def seat_request(seat: Seat, now: datetime) -> bytes:
    """The attendee's invitation (METHOD REQUEST): one event, for this one person, with the personal door."""
    event = _seat_event(seat, now)
    event["organizer"] = _organizer()
    attendee = _attendee(seat)
    attendee.params["PARTSTAT"] = vText("ACCEPTED")
    event["attendee"] = attendee
    return _calendar("REQUEST", event)


def seat_entry(seat: Seat, now: datetime) -> bytes:
    """The same event as a file of the attendee's own (METHOD PUBLISH): a calendar that has the invitation keeps one entry."""
    return _calendar("PUBLISH", _seat_event(seat, now))


def seat_cancellation(seat: Seat, now: datetime) -> bytes:
    """Takes the attendee's invitation back (METHOD CANCEL): the same UID, a higher SEQUENCE, and no door."""
    event = _event(seat.live_session, _uid(seat), seat.calendar_sequence, now)
    event.add("status", "CANCELLED")
    event["organizer"] = _organizer()
    event["attendee"] = _attendee(seat)
    return _calendar("CANCEL", event)


def public_entry(live_session: LiveSession, now: datetime) -> bytes:
    """The session for anybody's calendar (METHOD PUBLISH), without any link into it but its page."""
    page = settings.SITE_URL + reverse("sessions:detail", args=[live_session.slug])
    event = _event(live_session, f"session-{live_session.pk}@{_host()}", live_session.schedule_version, now)
    event.add("status", "CANCELLED" if live_session.state == LiveSession.State.CANCELED else "CONFIRMED")
    event.add("url", page)
    event.add("description", f"{live_session.question}\n\n{page}")
    return _calendar("PUBLISH", event)


def _seat_event(seat: Seat, now: datetime) -> Event:
    live_session = seat.live_session
    event = _event(live_session, _uid(seat), seat.calendar_sequence, now)
    event.add("status", "CONFIRMED")
    door = DOOR.url(seat)
    event.add("location", door)
    event.add("url", door)
    event.add("description", f"{live_session.question}\n\nYour personal door: {door}")
    event.add_component(_reminder())
    return event


def _uid(seat: Seat) -> str:
    return f"seat-{seat.public_id}@{_host()}"


def _event(live_session: LiveSession, uid: str, sequence: int, now: datetime) -> Event:
    event = Event()
    event.add("uid", uid)
    event.add("sequence", sequence)
    event.add("dtstamp", now)
    event.add("dtstart", live_session.starts_at)
    event.add("dtend", live_session.ends_at)
    event.add("summary", f"Red Report Live: {live_session.title}")
    return event


def _calendar(method: str, event: Event) -> bytes:
    calendar = Calendar()
    calendar.add("prodid", PRODUCT_ID)
    calendar.add("version", "2.0")
    calendar.add("method", method)
    calendar.add_component(event)
    return calendar.to_ical()


def _organizer() -> vCalAddress:
    name, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    organizer = vCalAddress(f"MAILTO:{address}")
    organizer.params["CN"] = vText(name)
    return organizer


def _attendee(seat: Seat) -> vCalAddress:
    attendee = vCalAddress(f"MAILTO:{seat.attendee_email}")
    attendee.params["CN"] = vText(seat.attendee_name)
    attendee.params["ROLE"] = vText("REQ-PARTICIPANT")
    attendee.params["RSVP"] = vText("FALSE")
    return attendee


def _reminder() -> Alarm:
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", "Red Report Live starts soon")
    alarm.add("trigger", timedelta(minutes=-10))
    return alarm


def _host() -> str:
    return urlsplit(settings.SITE_URL).hostname or "localhost"
