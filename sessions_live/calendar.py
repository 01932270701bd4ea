"""Calendar entries. An attendee's own entry keeps its UID for as long as the seat lives, so that an update replaces it."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from email.utils import parseaddr
from urllib.parse import urlsplit

from django.conf import settings
from icalendar import Alarm, Calendar, Event, vCalAddress, vDuration, vText

from redreport.addresses import address_of
from sessions_live.models import HandOver, LiveSession, Seat
from sessions_live.seat_links import DOOR

PRODUCT_ID = "-//The Red Report//Red Report Live//EN"
# How often a calendar that subscribes to a feed is asked to come back.
REFRESH_EVERY = timedelta(hours=1)


def seat_request(seat: Seat, now: datetime) -> bytes:
    """The attendee's invitation (METHOD REQUEST): one event, for this one person, with the personal door."""
    event = _seat_event(seat, now)
    event["organizer"] = _organizer()
    attendee = _attendee(seat.attendee_name, seat.attendee_email)
    attendee.params["PARTSTAT"] = vText("ACCEPTED")
    event["attendee"] = attendee
    return _calendar("REQUEST", [event])


def seat_entry(seat: Seat, now: datetime) -> bytes:
    """The same event as a file of the attendee's own (METHOD PUBLISH): a calendar that has the invitation keeps one entry."""
    return _calendar("PUBLISH", [_seat_event(seat, now)])


def seat_cancellation(seat: Seat, now: datetime) -> bytes:
    """Takes the attendee's invitation back (METHOD CANCEL): the same UID, a higher SEQUENCE, and no door."""
    event = _canceled_seat_event(seat, now)
    event["organizer"] = _organizer()
    event["attendee"] = _attendee(seat.attendee_name, seat.attendee_email)
    return _calendar("CANCEL", [event])


def seat_withdrawal(hand_over: HandOver, seat: Seat, now: datetime) -> bytes:
    """Takes the invitation back from who gave the seat away (METHOD CANCEL). Its SEQUENCE lies between theirs and the next one's:
    a calendar that both share keeps the next one's, whichever mail comes first."""
    event = _event(seat.live_session, _uid(seat), hand_over.cancel_sequence, hand_over.made_at, now)
    event.add("status", "CANCELLED")
    event["organizer"] = _organizer()
    event["attendee"] = _attendee(hand_over.from_name, hand_over.from_email)
    return _calendar("CANCEL", [event])


def public_entry(live_session: LiveSession, now: datetime) -> bytes:
    """The session for anybody's calendar (METHOD PUBLISH), without any link into it but its page."""
    return _calendar("PUBLISH", [_public_event(live_session, now)])


def public_feed(live_sessions: Iterable[LiveSession]) -> bytes:
    """All these sessions for anybody's calendar, without any link into them but their pages. Nothing in it depends on when it is
    asked for: the same sessions are the same bytes."""
    events = [_public_event(live_session, _changed_at(live_session)) for live_session in live_sessions]
    return _calendar("PUBLISH", events, name=settings.SITE_NAME)


def own_feed(seats: Iterable[Seat]) -> bytes:
    """A reader's own seats with their doors, for their own calendar. The same seats are the same bytes."""
    events = [_own_event(seat) for seat in seats]
    return _calendar("PUBLISH", events, name=f"{settings.SITE_NAME}: your seats")


def _own_event(seat: Seat) -> Event:
    is_canceled = seat.state not in Seat.TAKEN or seat.live_session.state == LiveSession.State.CANCELED
    stamp = _seat_changed_at(seat)
    return _canceled_seat_event(seat, stamp) if is_canceled else _seat_event(seat, stamp)


def _public_event(live_session: LiveSession, now: datetime) -> Event:
    page = address_of("sessions:detail", live_session.slug)
    uid = f"session-{live_session.pk}@{_host()}"
    event = _event(live_session, uid, live_session.schedule_version, _changed_at(live_session), now)
    event.add("status", "CANCELLED" if live_session.state == LiveSession.State.CANCELED else "CONFIRMED")
    event.add("url", page)
    event.add("description", f"{live_session.question}\n\n{page}")
    return event


def _seat_event(seat: Seat, now: datetime) -> Event:
    live_session = seat.live_session
    event = _event(live_session, _uid(seat), seat.calendar_sequence, _seat_changed_at(seat), now)
    event.add("status", "CONFIRMED")
    door = DOOR.url(seat)
    event.add("location", door)
    event.add("url", door)
    event.add("description", f"{live_session.question}\n\nYour personal door: {door}")
    event.add_component(_reminder())
    return event


def _canceled_seat_event(seat: Seat, now: datetime) -> Event:
    event = _event(seat.live_session, _uid(seat), seat.calendar_sequence, _seat_changed_at(seat), now)
    event.add("status", "CANCELLED")
    return event


def _uid(seat: Seat) -> str:
    return f"seat-{seat.public_id}@{_host()}"


def _event(live_session: LiveSession, uid: str, sequence: int, changed_at: datetime, now: datetime) -> Event:
    event = Event()
    event.add("uid", uid)
    event.add("sequence", sequence)
    event.add("dtstamp", now)
    event.add("last-modified", changed_at)
    event.add("dtstart", live_session.starts_at)
    event.add("dtend", live_session.ends_at)
    event.add("summary", f"Red Report Live: {live_session.title}")
    return event


def _changed_at(live_session: LiveSession) -> datetime:
    """When its time or state last changed. Asks the database, unless its changes were fetched along."""
    changes = [change.made_at for change in live_session.schedule_changes.all()]
    return max([live_session.published_at or live_session.created_at, *changes])


def _seat_changed_at(seat: Seat) -> datetime:
    return max(seat.informed_at, seat.canceled_at or seat.informed_at)


def _calendar(method: str, events: Iterable[Event], name: str = "") -> bytes:
    calendar = Calendar()
    calendar.add("prodid", PRODUCT_ID)
    calendar.add("version", "2.0")
    calendar.add("method", method)
    if name:
        calendar.add("name", name)
        calendar.add("x-wr-calname", name)
        calendar.add("refresh-interval", REFRESH_EVERY, parameters={"VALUE": "DURATION"})
        calendar.add("x-published-ttl", vDuration(REFRESH_EVERY).to_ical().decode())
    for event in events:
        calendar.add_component(event)
    return calendar.to_ical()


def _organizer() -> vCalAddress:
    name, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    organizer = vCalAddress(f"MAILTO:{address}")
    organizer.params["CN"] = vText(name)
    return organizer


def _attendee(name: str, email: str) -> vCalAddress:
    attendee = vCalAddress(f"MAILTO:{email}")
    attendee.params["CN"] = vText(name)
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
