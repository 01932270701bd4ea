"""What all jobs about ticked seats share: naming the seats, finding them again, and saying why something cannot be done."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from django.db.models import QuerySet

from redreport.desk.jobs.effects import Effects
from redreport.desk.jobs.kinds import Draft, PlanRow, Refused
from redreport.desk.models import JobItem
from sessions_live.errors import (
    AlreadyEntered,
    AlreadySeated,
    NotCancelable,
    SalesClosed,
    SeatNotTaken,
    SessionOver,
    SoldOut,
)
from sessions_live.models import LiveSession, Seat
from sessions_live.operations.seats import Attendee
from sessions_live.operations.waitlist import offers_to_come
from subscriptions.errors import CreditUsedHere, NotForfeited, NothingForfeited

MOST_SEATS = 500

ELSEWHERE = "This seat is not in this session, or no longer."

WORDS: dict[type[Exception], str] = {
    AlreadyEntered: "They have come in already, or the hour is over.",
    NotCancelable: "The session has begun, or is over.",
    SalesClosed: "The session has begun, or is not open for seats.",
    NothingForfeited: "No money of this seat was forfeited, it went back already, or the bank has it.",
    NotForfeited: "No credit of this seat was forfeited, or the payment for its year went back.",
    SeatNotTaken: "Nobody has this seat for good: it is not paid yet, or was given up.",
    CreditUsedHere: "A seat there is booked with a credit of the same reader already: one credit, one seat in a session.",
    SessionOver: "The session is over: the door would open nothing.",
    SoldOut: "No place is left. Raise the session's capacity first.",
}


@contextmanager
def refused_in_words() -> Iterator[None]:
    """Refusals of the operations in this block are those of a row, in words for staff."""
    try:
        yield
    except AlreadySeated as refusal:
        raise Refused(f"{refusal.email} has a seat there already.") from refusal
    except tuple(WORDS) as refusal:
        raise Refused(WORDS[type(refusal)]) from refusal


def drafts_of(live_session: LiveSession, seat_ids: Sequence[int]) -> list[Draft]:
    """A row for each ticked seat, in the order of the roster; one query. What is no seat of this session is refused later."""
    known = {seat.pk: seat for seat in Seat.objects.filter(pk__in=seat_ids)}
    within = {"live_session_id": live_session.pk}
    return [Draft(_about(known.get(seat_id)), seat_id, within) for seat_id in dict.fromkeys(seat_ids)]


def seat_of(item: JobItem, *, or_in: LiveSession | None = None) -> Seat:
    """The seat of a row that is being done, as it is now. Refuses one of another session than it was ticked in, or may be in by
    then."""
    assert item.target_id is not None
    seat = Seat.objects.select_related("live_session", "booked_by").filter(pk=item.target_id).first()
    return seat if seat and or_in and seat.live_session_id == or_in.pk else _within(seat, item.values)


def attendee_of(row: Draft | JobItem) -> Attendee:
    """Who is to sit in a seat, as the row keeps it."""
    return Attendee(row.values["name"], row.values["email"], row.values["firm"])


def ticked_seats() -> QuerySet[Seat]:
    """Seats with session, booker and what paid for them, if anything did; in one query."""
    what_paid = ("coverage__order", "coverage__credit_entry__grant", "coverage__refund")
    return Seat.objects.select_related("live_session", "booked_by", *what_paid)


def planned_by_seat(drafts: Sequence[Draft], seats: QuerySet[Seat], plan: Callable[[Seat], Effects]) -> PlanRow:
    """Plans each row by its seat out of `seats`, which are read once."""
    by_id = {seat.pk: seat for seat in seats.filter(pk__in=[draft.target_id for draft in drafts])}

    def plan_row(draft: Draft) -> Effects:
        with refused_in_words():
            return plan(_within(by_id.get(draft.target_id or 0), draft.values))

    return plan_row


def offers_once_free(drafts: Sequence[Draft], now: datetime) -> Effects:
    """To whom the seats of these rows will be offered when they have come free."""
    freed = Seat.objects.filter(pk__in=[draft.target_id for draft in drafts], state__in=Seat.TAKEN)
    by_session: dict[LiveSession, list[int]] = {}
    for seat in freed.select_related("live_session").order_by("live_session_id", "pk"):
        by_session.setdefault(seat.live_session, []).append(seat.pk)
    offers = (offers_to_come(live_session=live_session, freed=ids, now=now) for live_session, ids in by_session.items())
    return Effects(offers=sum(offers))


def _about(seat: Seat | None) -> str:
    return f"{seat.attendee_name}, {seat.attendee_email}, seat {seat.number}" if seat else "A seat that does not exist"


def _within(seat: Seat | None, values: dict[str, object]) -> Seat:
    if seat is None or seat.live_session_id != values["live_session_id"]:
        raise Refused(ELSEWHERE)
    return seat
