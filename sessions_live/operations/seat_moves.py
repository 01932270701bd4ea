"""A seat goes to another session. Every function here runs in the transaction of its caller, who knows what paid for it."""

from datetime import datetime

from redreport import audit
from redreport.accounts.models import User
from sessions_live.errors import AlreadyEntered, SeatNotTaken
from sessions_live.models import LiveSession, Seat
from sessions_live.operations.seats import Attendee, number_by_house, offer_freed_seats_soon


def check_movable(seat: Seat) -> None:
    """Refuses a seat that can go nowhere: with SeatNotTaken, or with AlreadyEntered once its attendee came in or the hour is
    over."""
    if seat.state not in Seat.TAKEN:
        raise SeatNotTaken
    if seat.state != Seat.State.CONFIRMED:
        raise AlreadyEntered


def plan_seat_move(*, seat: Seat, live_session: LiveSession, active: list[Seat], now: datetime) -> int:
    """The number that the seat would have in the other session beside its `active` seats, which it joins. Only reads. `seat` has
    its session.

    Refuses as `check_movable`, and with SalesClosed, AlreadySeated or SoldOut where the other session takes it no more.
    """
    check_movable(seat)
    attendee = Attendee(seat.attendee_name, seat.attendee_email, seat.attendee_firm)
    return number_by_house(live_session=live_session, active=active, attendee=attendee, now=now)


def move_locked_seat(
    *, seat: Seat, live_session: LiveSession, active: list[Seat], actor: User, reason: str, now: datetime
) -> None:
    """Seat the attendee in the other session; the caller has locked both sessions and the seat. Refuses as `plan_seat_move`.

    It stays the same seat: its calendar entry is replaced by the next one. Every link of before dies, and whoever had said that
    they cannot come is expected anew. Its place is free for who waits. Moved after its cut-off it is not given back any more.
    """
    number = plan_seat_move(seat=seat, live_session=live_session, active=active, now=now)
    left = seat.live_session
    detail = {"from": left.pk, "to": live_session.pk, "was_starting_at": left.starts_at.isoformat(), "number": seat.number}
    audit.record(actor=actor, verb="moved", target=seat, reason=reason, detail=detail, now=now)
    # It may be back in time by now: the house has moved the session it was brought to too late.
    seat.restitution = Seat.Restitution.NONE if now >= seat.free_cancel_until else ""
    seat.live_session, seat.number, seat.held_at, seat.declined_at = live_session, number, now, None
    seat.calendar_sequence += 1
    seat.door_version += 1
    seat.save(
        update_fields=[
            *["live_session", "number", "held_at", "declined_at", "restitution"],
            *["calendar_sequence", "door_version"],
        ]
    )
    offer_freed_seats_soon(left.pk)
