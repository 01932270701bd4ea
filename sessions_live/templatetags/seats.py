"""What templates say of a seat."""

from django import template

from redreport import clock
from redreport.accounts.models import User
from sessions_live.models import LiveSession, Seat
from sessions_live.seat_links import REPLAY

register = template.Library()


@register.filter
def replay_url_for(seat: Seat, user: User) -> str:
    """Where what stays of the hour is, for the one who sat in it; nothing for anybody else, or before the end."""
    live_session = seat.live_session
    stands = seat.state in Seat.TAKEN and live_session.state != LiveSession.State.CANCELED
    is_theirs = seat.attendee_email == user.email
    return REPLAY.url(seat) if stands and is_theirs and live_session.ends_at <= clock.now() else ""
