"""Taking and giving back seats. Every function here runs inside its caller's transaction: a payment and the seat that it
confirms are one commit. The session's row is locked first, then the seat's."""

from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from redreport import policy
from redreport.accounts.models import User
from sessions_live.errors import AlreadySeated, HoldExpired, SalesClosed, SoldOut, TooManySeats
from sessions_live.models import LiveSession, Seat


@dataclass(frozen=True)
class Attendee:
    """Who will sit in a seat."""

    name: str
    email: str
    firm: str = ""


def lock_live_session(live_session_id: int) -> LiveSession:
    """The session's row, locked until the transaction ends. Without it two buyers both see the last seat free.

    Locks here and elsewhere leave the key alone: rows that merely refer to a locked one can be inserted meanwhile.
    """
    return LiveSession.objects.select_for_update(no_key=True).get(pk=live_session_id)


def lock_seat(seat_id: int) -> Seat:
    """The seat's row, locked after its session's."""
    return Seat.objects.select_for_update(no_key=True).get(pk=seat_id)


def hold_seat(*, live_session: LiveSession, attendee: Attendee, booker: User, now: datetime) -> Seat:
    """Keep a seat for `policy.HOLD` while its buyer pays. `live_session` is locked by the caller.

    Refuses with SalesClosed, AlreadySeated, TooManySeats or SoldOut.
    """
    if not live_session.is_on_sale(now):
        raise SalesClosed
    own = Seat.objects.filter(live_session=live_session, booked_by=booker, state__in=Seat.ACTIVE).count()
    if own >= policy.MAX_ACTIVE_SEATS_PER_BUYER:
        raise TooManySeats
    return _insert_seat(
        live_session=live_session,
        attendee=attendee,
        booker=booker,
        now=now,
        state=Seat.State.HELD,
        hold_expires_at=now + policy.HOLD,
    )


def take_confirmed_seat(*, live_session: LiveSession, attendee: Attendee, booker: User, now: datetime) -> Seat:
    """Take a seat that is covered at once, by a credit or by the house. `live_session` is locked by the caller.

    Refuses with SalesClosed, AlreadySeated or SoldOut.
    """
    if not live_session.is_on_sale(now):
        raise SalesClosed
    return _insert_seat(
        live_session=live_session,
        attendee=attendee,
        booker=booker,
        now=now,
        state=Seat.State.CONFIRMED,
        confirmed_at=now,
    )


def confirm_seat(*, live_session: LiveSession, seat: Seat, taken_at: datetime, now: datetime) -> Seat:
    """Confirm a held seat whose payment Stripe took at `taken_at`; `live_session` and `seat` are locked by the caller.

    Returns the confirmed seat. A hold that lapsed meanwhile gets another seat of the session if one is left: a new row,
    since the old number may be somebody else's by now. Refuses with SalesClosed when the payment came after the start
    or the session is not held, with SoldOut or AlreadySeated when no seat can be given any more.
    """
    if live_session.state not in (LiveSession.State.PUBLISHED, LiveSession.State.ENDED) or taken_at >= live_session.starts_at:
        raise SalesClosed
    if seat.state == Seat.State.HELD:
        seat.state = Seat.State.CONFIRMED
        seat.hold_expires_at = None
        seat.confirmed_at = now
        seat.save(update_fields=["state", "hold_expires_at", "confirmed_at"])
        return seat
    if seat.state != Seat.State.EXPIRED:
        raise HoldExpired
    return _insert_seat(
        live_session=live_session,
        attendee=Attendee(seat.attendee_name, seat.attendee_email, seat.attendee_firm),
        booker=seat.booked_by,
        now=now,
        state=Seat.State.CONFIRMED,
        confirmed_at=now,
    )


def release_held_seat(*, seat: Seat) -> bool:
    """Give a held seat back to the session; the caller has locked the session and the seat. False if it was not held."""
    if seat.state != Seat.State.HELD:
        return False
    seat.state = Seat.State.EXPIRED
    seat.hold_expires_at = None
    seat.save(update_fields=["state", "hold_expires_at"])
    return True


def _insert_seat(*, live_session: LiveSession, attendee: Attendee, booker: User, now: datetime, **fields: object) -> Seat:
    active = Seat.objects.filter(live_session=live_session, state__in=Seat.ACTIVE)
    while True:
        if active.filter(attendee_email__iexact=attendee.email).exists():
            raise AlreadySeated
        taken = set(active.values_list("number", flat=True))
        # Counted as well as numbered: a capacity lowered below what is sold evicts nobody and sells no more.
        free = [number for number in range(1, live_session.capacity + 1) if number not in taken]
        if len(taken) >= live_session.capacity or not free:
            raise SoldOut
        try:
            with transaction.atomic():
                return Seat.objects.create(
                    live_session=live_session,
                    number=free[0],
                    attendee_name=attendee.name,
                    attendee_email=attendee.email.lower(),
                    attendee_firm=attendee.firm,
                    booked_by=booker,
                    held_at=now,
                    **fields,
                )
        except IntegrityError as error:
            # The second guard: were the session's lock ever missing, a rival committed this number or this attendee
            # between our look and our insert. Each turn of the loop means that somebody got a seat, so it ends.
            if "while_active" not in str(error):
                raise
