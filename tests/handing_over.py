"""Seats that change hands."""

from datetime import datetime

from redreport import clock
from sessions_live.models import Seat
from sessions_live.operations.handover import hand_over_seat
from sessions_live.operations.seats import Attendee


def hand_over(seat: Seat, attendee: Attendee, *, now: datetime | None = None) -> Seat:
    """The booker gives the seat to this attendee; the seat as it is then, with its session and booker."""
    hand_over_seat(user=seat.booked_by, seat_public_id=seat.public_id, attendee=attendee, now=now or clock.now())
    return Seat.objects.select_related("live_session", "booked_by").get(pk=seat.pk)
