"""Taking and giving back seats. Every function here runs inside its caller's transaction: a payment and the seat that it
confirms are one commit. The session's row is locked first, then the seat's."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import count
from typing import Any

from django.db import transaction

from redreport import policy
from redreport.accounts.models import User
from redreport.dispatch import hand_to_worker
from sessions_live.errors import AlreadySeated, SalesClosed, SeatNotHeld, SessionOver, SoldOut, TooManySeats
from sessions_live.models import LiveSession, Seat, WaitlistEntry

TEND_WAITLIST = "sessions_live.tend_waitlist"


@dataclass(frozen=True)
class Attendee:
    """Who will sit in a seat."""

    name: str
    email: str
    firm: str = ""


def hold_seats(*, live_session: LiveSession, attendees: Sequence[Attendee], booker: User, now: datetime) -> list[Seat]:
    """Keep a seat for each attendee for `policy.HOLD` while the buyer pays: all of them or none. `live_session` is locked by the
    caller.

    Refuses with SalesClosed, TooManySeats, AlreadySeated or SoldOut.
    """
    return Seat.objects.bulk_create(_held_seats(live_session, active_seats(live_session), attendees, booker, now))


def check_hold_instead(
    *, live_session: LiveSession, seats: Sequence[Seat], attendees: Sequence[Attendee], booker: User, now: datetime
) -> None:
    """Refuses as `hold_seats` would once these held seats were given back; changes nothing. `live_session` is locked by the
    caller."""
    given_back = {seat.pk for seat in seats}
    others = [seat for seat in active_seats(live_session) if seat.pk not in given_back]
    _held_seats(live_session, others, attendees, booker, now)


def take_confirmed_seat(
    *, live_session: LiveSession, attendee: Attendee, booker: User, by_house: bool = False, now: datetime
) -> Seat:
    """Take a seat that is covered at once, by a credit or by the house. `live_session` is locked by the caller.

    The house need not queue behind its waitlist. Refuses with SalesClosed, AlreadySeated or SoldOut.
    """
    if not live_session.is_on_sale(now):
        raise SalesClosed
    active = active_seats(live_session)
    if not by_house:
        _refuse_to_jump_the_queue(live_session, len(active) + 1, now)
    return _insert_confirmed(_free_place(live_session, active, attendee, booker, now), now)


def number_by_house(*, live_session: LiveSession, active: list[Seat], attendee: Attendee, now: datetime) -> int:
    """The number of the place that the house would give to the attendee beside these `active` seats, which it joins: the next
    one finds it taken. Only reads. Refuses as `take_confirmed_seat` does for the house."""
    if not live_session.is_on_sale(now):
        raise SalesClosed
    number = _free_number(live_session, active, attendee)
    active.append(Seat(number=number, attendee_email=attendee.email.lower()))
    return number


def offer_seat(*, live_session: LiveSession, attendee: Attendee, booker: User, until: datetime, now: datetime) -> Seat:
    """Keep a free seat for a reader who waits, until then. `live_session` is locked by the caller.

    Refuses with TooManySeats, AlreadySeated or SoldOut.
    """
    active = active_seats(live_session)
    if sum(seat.booked_by_id == booker.pk for seat in active) >= policy.MAX_ACTIVE_SEATS_PER_BUYER:
        raise TooManySeats
    place = _free_place(live_session, active, attendee, booker, now)
    return Seat.objects.create(state=Seat.State.OFFERED, hold_expires_at=until, **place)


def hold_offered_seat(*, entry: WaitlistEntry, seat: Seat, now: datetime) -> None:
    """Turn an accepted offer into an ordinary hold; the caller has locked session, entry and seat."""
    # Accepted at the time that the session has now, whatever it was when the seat was offered.
    seat.state, seat.held_at, seat.hold_expires_at = Seat.State.HELD, now, now + policy.HOLD
    seat.save(update_fields=["state", "held_at", "hold_expires_at"])
    entry.accepted_at = now
    entry.save(update_fields=["accepted_at"])


def confirm_offered_seat(*, seat: Seat, held_at: datetime, now: datetime) -> None:
    """Give an offered seat that is covered at once, by who decided for this session at `held_at`; the caller has locked session,
    entry and seat."""
    seat.state, seat.held_at, seat.hold_expires_at, seat.confirmed_at = Seat.State.CONFIRMED, held_at, None, now
    seat.save(update_fields=["state", "held_at", "hold_expires_at", "confirmed_at"])
    _end_wait(seat, WaitlistEntry.State.SEATED, now)


def confirm_seat(*, live_session: LiveSession, seat: Seat, taken_at: datetime, now: datetime) -> Seat:
    """Confirm a held seat whose payment Stripe took at `taken_at`; `live_session` and `seat` are locked by the caller.

    Returns the confirmed seat. A hold that lapsed meanwhile gets another seat of the session if one is left: a new row, since
    the old number may be somebody else's by now; or the seat that is offered to its payer, who has waited since. What is offered
    to another attendee of the order gives way to the seat that is paid.

    Refuses with SalesClosed when the payment came after the start or the session does not take place, with SessionOver when its
    door has closed before we heard of the payment, with SoldOut or AlreadySeated when no seat can be given any more.
    """
    if live_session.state not in (LiveSession.State.PUBLISHED, LiveSession.State.ENDED) or taken_at >= live_session.starts_at:
        raise SalesClosed
    # It ends under this lock: whoever waited for it meanwhile comes too late, though their `now` may say otherwise.
    if now > live_session.door_closes_at or live_session.state == LiveSession.State.ENDED:
        raise SessionOver
    if seat.state == Seat.State.HELD:
        seat.state = Seat.State.CONFIRMED
        seat.hold_expires_at = None
        seat.confirmed_at = now
        seat.save(update_fields=["state", "hold_expires_at", "confirmed_at"])
        _end_wait(seat, WaitlistEntry.State.SEATED, now)
        return seat
    if seat.state != Seat.State.EXPIRED:
        raise SeatNotHeld
    # The waitlist has paid nothing yet: a late payment goes before it.
    offered = Seat.objects.filter(live_session=live_session, state=Seat.State.OFFERED, attendee_email=seat.attendee_email).first()
    if offered and offered.booked_by_id == seat.booked_by_id:
        confirm_offered_seat(seat=offered, held_at=seat.held_at, now=now)
        return offered
    if offered:
        _replace_offer(offered, now)
    attendee = Attendee(seat.attendee_name, seat.attendee_email, seat.attendee_firm)
    place = _free_place(live_session, active_seats(live_session), attendee, seat.booked_by, seat.held_at)
    return _insert_confirmed(place, now)


def seats_kept_for_waitlist(live_session: LiveSession, now: datetime) -> int:
    """How many of the free seats are for readers who wait: one each, until it is too late to make an offer."""
    if not live_session.takes_waitlist(now):
        return 0
    return WaitlistEntry.objects.filter(live_session=live_session, state=WaitlistEntry.State.WAITING).count()


def change_held_attendees(*, live_session: LiveSession, seats: Sequence[Seat], attendees: Sequence[Attendee]) -> None:
    """Seat these attendees, as many as the held seats, in them; `live_session` and the seats are locked by the caller.

    Whoever is named again keeps the seat. Refuses with AlreadySeated, and then changes nothing.
    """
    own = {seat.pk for seat in seats}
    seated = [seat for seat in active_seats(live_session) if seat.pk not in own]
    for attendee in attendees:
        _refuse_second_seat(seated, attendee)
        seated.append(Seat(attendee_email=attendee.email))
    changed = [seat for seat, attendee in _who_sits_where(seats, attendees) if _seat_in(seat, attendee)]
    Seat.objects.bulk_update(changed, ["attendee_name", "attendee_firm", "attendee_email"])


def seats_for_walk_ins(live_session: LiveSession, now: datetime) -> int:
    """How many free seats are for whoever comes."""
    active = Seat.objects.filter(live_session=live_session, state__in=Seat.ACTIVE).count()
    return live_session.capacity - active - seats_kept_for_waitlist(live_session, now)


def active_seats(live_session: LiveSession) -> list[Seat]:
    """The seats that count against a session's capacity, with what tells whether another one can be had beside them."""
    active = Seat.objects.filter(live_session=live_session, state__in=Seat.ACTIVE)
    return list(active.order_by().only("number", "attendee_email", "booked_by"))


def refuse_if_seated(*, live_session: LiveSession, attendee: Attendee) -> None:
    """Refuses with AlreadySeated somebody who has an active seat in the session, which the caller has locked."""
    _refuse_second_seat(active_seats(live_session), attendee)


def hold_longer(*, seat: Seat, until: datetime) -> None:
    """Hold a held seat until then, while its payment is on its way; the caller has locked the session and the seat."""
    if seat.state == Seat.State.HELD:
        seat.hold_expires_at = until
        seat.save(update_fields=["hold_expires_at"])


def release_held_seat(*, seat: Seat, now: datetime) -> bool:
    """Give a held seat back to the session; the caller has locked the session and the seat. False if it was not held."""
    if seat.state != Seat.State.HELD:
        return False
    seat.state = Seat.State.EXPIRED
    seat.hold_expires_at = None
    seat.save(update_fields=["state", "hold_expires_at"])
    _end_wait(seat, WaitlistEntry.State.LAPSED, now)
    offer_freed_seats_soon(seat.live_session_id)
    return True


def offer_freed_seats_soon(live_session_id: int) -> None:
    """A seat has come free: once the caller's transaction commits, a worker offers it to whoever waits. Where that hand-off is
    lost, the minute sweep does."""
    transaction.on_commit(partial(hand_to_worker, TEND_WAITLIST, live_session_id))


def _replace_offer(offered: Seat, now: datetime) -> None:
    """An attendee gets a seat that somebody else has paid for: what was offered to them themselves is offered no longer."""
    offered.state, offered.hold_expires_at = Seat.State.EXPIRED, None
    offered.save(update_fields=["state", "hold_expires_at"])
    _end_wait(offered, WaitlistEntry.State.SEATED, now)


def _end_wait(seat: Seat, state: WaitlistEntry.State, now: datetime) -> None:
    """A seat that was offered to somebody who waited is theirs from now on, or no longer."""
    entry = getattr(seat, "waitlist_entry", None)
    if entry:
        entry.state, entry.closed_at = state, now
        entry.save(update_fields=["state", "closed_at"])


def _who_sits_where(seats: Sequence[Seat], attendees: Sequence[Attendee]) -> list[tuple[Seat, Attendee]]:
    """Each seat with its attendee: first those who stay, so that no address is in two seats at any moment."""
    by_email = {attendee.email.lower(): attendee for attendee in attendees}
    staying = [(seat, by_email.pop(seat.attendee_email)) for seat in seats if seat.attendee_email in by_email]
    kept = {seat.pk for seat, _ in staying}
    return staying + list(zip((seat for seat in seats if seat.pk not in kept), by_email.values(), strict=True))


def _seat_in(seat: Seat, attendee: Attendee) -> bool:
    """Name the attendee in the unsaved seat; whether that is a change."""
    before = (seat.attendee_name, seat.attendee_email, seat.attendee_firm)
    seat.attendee_name, seat.attendee_email, seat.attendee_firm = attendee.name, attendee.email.lower(), attendee.firm
    return before != (seat.attendee_name, seat.attendee_email, seat.attendee_firm)


def _held_seats(
    live_session: LiveSession, active: list[Seat], attendees: Sequence[Attendee], booker: User, now: datetime
) -> list[Seat]:
    """A held seat for each attendee, none of them written yet, beside those that are active."""
    if not live_session.is_on_sale(now):
        raise SalesClosed
    held_before = sum(seat.booked_by_id == booker.pk for seat in active)
    if held_before + len(attendees) > policy.MAX_ACTIVE_SEATS_PER_BUYER:
        raise TooManySeats
    _refuse_to_jump_the_queue(live_session, len(active) + len(attendees), now)
    held: list[Seat] = []
    for attendee in attendees:
        place = _free_place(live_session, active + held, attendee, booker, now)
        held.append(Seat(state=Seat.State.HELD, hold_expires_at=now + policy.HOLD, **place))
    return held


def _insert_confirmed(place: dict[str, Any], now: datetime) -> Seat:
    return Seat.objects.create(state=Seat.State.CONFIRMED, confirmed_at=now, **place)


def _refuse_to_jump_the_queue(live_session: LiveSession, seats_then: int, now: datetime) -> None:
    """A free seat belongs to whoever has waited longest, as long as there is time to offer it. Refuses with SoldOut."""
    if seats_then > live_session.capacity - seats_kept_for_waitlist(live_session, now):
        raise SoldOut


def _free_place(
    live_session: LiveSession, active: list[Seat], attendee: Attendee, booker: User, held_at: datetime
) -> dict[str, Any]:
    """The values of a new seat with the lowest free number. Refuses with AlreadySeated or SoldOut.

    Were the session's lock ever missing, a rival could take this number or seat this attendee before our insert: then the
    database refuses it, and the operation begins anew.
    """
    return {
        "live_session": live_session,
        "number": _free_number(live_session, active, attendee),
        "attendee_name": attendee.name,
        "attendee_email": attendee.email.lower(),
        "attendee_firm": attendee.firm,
        "booked_by": booker,
        "held_at": held_at,
    }


def _free_number(live_session: LiveSession, active: list[Seat], attendee: Attendee) -> int:
    _refuse_second_seat(active, attendee)
    # Counted, not numbered: a capacity lowered below what is sold evicts nobody and sells no more.
    if len(active) >= live_session.capacity:
        raise SoldOut
    numbers_in_use = {seat.number for seat in active}
    return next(number for number in count(1) if number not in numbers_in_use)


def _refuse_second_seat(active: list[Seat], attendee: Attendee) -> None:
    if any(seat.attendee_email.lower() == attendee.email.lower() for seat in active):
        raise AlreadySeated(attendee.email)
