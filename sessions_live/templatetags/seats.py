"""What templates say of a seat, and of a session whose seats are sold."""

from django import template

from redreport import clock
from redreport.accounts.models import User
from sessions_live.calendar_links import google_address, outlook_address
from sessions_live.models import LiveSession, Seat
from sessions_live.schedule_json import sale_state
from sessions_live.seat_links import REPLAY
from sessions_live.selectors import SessionCard

register = template.Library()


@register.filter
def replay_url_for(seat: Seat, user: User) -> str:
    """Where what stays of the hour is, for the one who sat in it; nothing for anybody else, or before the end."""
    live_session = seat.live_session
    stands = seat.state in Seat.TAKEN and live_session.state != LiveSession.State.CANCELED
    is_theirs = seat.attendee_email == user.email
    return REPLAY.url(seat) if stands and is_theirs and live_session.ends_at <= clock.now() else ""


@register.inclusion_tag("components/add_to_calendar.html")
def add_to_calendar(live_session: LiveSession) -> dict[str, object]:
    """The session as a file (with the door, for whoever sits in it) and as links into calendars on the web (never with it)."""
    return {"live_session": live_session, "google": google_address(live_session), "outlook": outlook_address(live_session)}


@register.inclusion_tag("components/live_seats.html")
def live_seats(card: SessionCard) -> dict[str, object]:
    """Keeps the seats that the page prints for this session up to date; says what changed here. For a page of one session."""
    return {"live_session": card.live_session, "state": sale_state(card, clock.now())}
