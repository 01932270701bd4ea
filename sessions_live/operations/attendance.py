"""Who came in."""

from datetime import datetime

from django.db import transaction

from sessions_live.errors import DoorClosed
from sessions_live.models import LiveSession, Seat
from sessions_live.operations.seats import lock_live_session, lock_seat


def enter_by_door(*, seat_id: int, live_session_id: int, now: datetime) -> str:
    """Record that the attendee came in and return the meeting's address. Entering again is allowed and keeps the first time.

    Refuses with DoorClosed outside the door's hours, when the seat is gone, or when the session has no meeting address.
    """
    with transaction.atomic():
        # The session's and the seat's lock: the seat may be canceled or handed over in this very moment.
        live_session = lock_live_session(live_session_id)
        seat = lock_seat(seat_id)
        if not live_session.is_door_open(now) or seat.state not in Seat.TAKEN or live_session.state == LiveSession.State.CANCELED:
            raise DoorClosed
        if not live_session.meeting_url:
            raise DoorClosed
        if seat.entered_at is None:
            seat.entered_at = now
            seat.state = Seat.State.ATTENDED
            seat.save(update_fields=["entered_at", "state"])
        return live_session.meeting_url
