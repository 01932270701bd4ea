"""The confirmation once more, for who lost it."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from redreport import audit
from redreport.accounts.models import User
from redreport.transactions import retried
from sessions_live.errors import SeatNotTaken, SessionOver
from sessions_live.models import LiveSession, Seat
from sessions_live.operations.locks import lock_seat_with_session
from subscriptions import mails


def check_resend(*, seat: Seat, now: datetime) -> None:
    """Refuses with SeatNotTaken, or with SessionOver once its door has closed: it would open nothing. `seat` has its session."""
    if seat.state not in Seat.TAKEN or seat.live_session.state == LiveSession.State.CANCELED:
        raise SeatNotTaken
    if now > seat.live_session.door_closes_at or seat.state == Seat.State.NO_SHOW:
        raise SessionOver


@retried
def resend_confirmation(*, seat_id: int, actor: User, request_id: UUID, now: datetime) -> Seat:
    """Owe whoever sits in the seat the confirmation once more, with invitation and door, by a named member of staff.

    The same `request_id` again owes nothing more. Refuses as `check_resend`.
    """
    with transaction.atomic():
        # Locks: the session, then the seat. It may be changing hands at this moment, and the door is its attendee's alone.
        seat = lock_seat_with_session(seat_id)
        if mails.was_confirmed_again(seat=seat, request_id=request_id):
            return seat
        check_resend(seat=seat, now=now)
        mails.queue_seat_confirmed(seat=seat, again=request_id, now=now)
        audit.record(actor=actor, verb="resent", target=seat, now=now)
        return seat
