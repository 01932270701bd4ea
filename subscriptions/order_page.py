"""What an order's page shows: the state in one word for the template, and the rows that go with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sessions_live.models import LiveSession, Seat
from sessions_live.seat_links import DOOR
from subscriptions.models import Case, CreditGrant, Order, Refund, SeatCoverage
from subscriptions.settlement import settlement_made, what_comes_back

REFUND_WORDS = {
    Refund.State.PENDING: "refunding",
    Refund.State.SUBMITTED: "refunding",
    Refund.State.SUCCEEDED: "refunded",
}

# What is said of an order whose payment a bank took days to move, or did not.
UNDER_WAY_WORDS = {
    Order.State.PENDING: "under_way",
    Order.State.EXPIRED: "not_arrived",
    Order.State.FAILED: "payment_failed",
}

# What staff look into without the reader's order being held up has no words here, and is not shown.
CASE_WORDS = {
    Case.Kind.AMOUNT_MISMATCH: "We received a payment that does not match this order, so nothing was given for it yet.",
    Case.Kind.REFUND_FAILED: "We tried to return your payment, and your bank did not take it.",
    Case.Kind.PARTIAL_REFUND: "We returned a part of your payment, and nothing was given for the rest of it yet.",
    Case.Kind.YEAR_REFUNDED: "We returned your payment, and are settling what becomes of the year.",
    Case.Kind.UNKNOWN_PAYMENT: "We received a payment that we cannot match to this order yet.",
    Case.Kind.PAYMENT_WITHOUT_SEAT: "We received your payment, and do not know yet which seat it is for.",
    Case.Kind.DISPUTE: "Your bank has asked for this payment back.",
    Case.Kind.PAID_OUT_TWICE: "This payment was returned to you both by us and by your bank.",
    Case.Kind.OFFLINE_RESTITUTION: "We owe you money that was not paid by card, and are returning it.",
    Case.Kind.DISPUTED_RESTITUTION: "Your seat was canceled, and your bank has asked for its payment back.",
}


@dataclass(frozen=True)
class CanceledSeats:
    """Who sat in seats that were canceled together, and what came back for them; nothing is said while that is not settled."""

    names: str
    what_came_back: str


def order_context(order: Order, *, returned_paid: bool, now: datetime) -> dict[str, Any]:
    """The template's values. 'Paid' only once what was paid for is given; an offer to pay only while that is safe."""
    canceled = _canceled_coverages(order) if order.fulfilled_at and order.kind == Order.Kind.SEAT else []
    if order.fulfilled_at and order.state != Order.State.REFUNDED and not canceled:
        return _given(order)
    refunds = Refund.objects.filter(payment__order=order)
    if canceled:
        # What came back of a second payment says nothing of the seat.
        refunds = refunds.exclude(reason=Refund.Reason.PAID_TWICE)
    made = list(refunds.order_by("-id"))
    refund = made[0] if made else None
    case = order.cases.filter(state=Case.State.OPENED, kind__in=CASE_WORDS).order_by("-id").first()
    return {
        "order": order,
        "view": _view(order, refund, case, canceled=len(canceled), returned_paid=returned_paid, now=now),
        "canceled_seats": _canceled_seats(canceled),
        "looked_into": CASE_WORDS[Case.Kind(case.kind)] if case else "",
        "refund": refund,
        "returned_minor": sum(row.amount_minor for row in made if row.state in REFUND_WORDS),
        "held_seats": _held_seats(order) if order.kind == Order.Kind.SEAT else [],
        "hold_expires_at": order.held_until,
    }


def _given(order: Order) -> dict[str, Any]:
    if order.kind == Order.Kind.YEAR:
        grant = CreditGrant.objects.filter(subscription__started_by=order).order_by("id").first()
        return {"order": order, "view": "year", "grant": grant}
    coverages = _given_coverages(order)
    seats = [coverage.seat for coverage in coverages if coverage.seat.state != Seat.State.CANCELED]
    own = [seat for seat in seats if seat.attendee_email == order.subscriber.user.email]
    canceled = [coverage for coverage in coverages if coverage.seat.state == Seat.State.CANCELED]
    live_session = _session_shown(order, seats)
    ends = (seat.free_cancel_until for seat in seats if seat.live_session == live_session)
    return {
        "order": order,
        "view": "paid",
        "live_session": live_session,
        "seats": seats,
        "canceled_seats": _canceled_seats(canceled),
        "door_url": DOOR.url(own[0]) if own else "",
        "free_cancel_until": min(ends, default=None),
    }


def _held_seats(order: Order) -> list[Seat]:
    return list(Seat.objects.filter(coverage__order=order, state=Seat.State.HELD).order_by("id"))


def _given_coverages(order: Order) -> list[SeatCoverage]:
    """What covered the seats that were given for the order, by seat."""
    given = SeatCoverage.objects.filter(order=order).exclude(seat__state=Seat.State.EXPIRED)
    return list(given.select_related("seat__live_session", "order", "refund__payment").order_by("seat_id"))


def _session_shown(order: Order, seats: list[Seat]) -> LiveSession:
    """The session that was ordered; where all seats were moved to another one, that."""
    assert order.live_session is not None
    sessions = {seat.live_session for seat in seats}
    return sessions.pop() if len(sessions) == 1 else order.live_session


def _canceled_coverages(order: Order) -> list[SeatCoverage]:
    """What covered the order's seats, once all of them are canceled."""
    coverages = _given_coverages(order)
    return coverages if all(coverage.seat.state == Seat.State.CANCELED for coverage in coverages) else []


def _canceled_seats(canceled: Sequence[SeatCoverage]) -> list[CanceledSeats]:
    """What came back for each canceled seat, once for all that one refund was made for."""
    by_refund: dict[object, list[SeatCoverage]] = {}
    for coverage in canceled:
        by_refund.setdefault(coverage.refund_id or coverage, []).append(coverage)
    found = []
    for coverages in by_refund.values():
        plan = settlement_made(coverages[0])
        names = ", ".join(coverage.seat.attendee_name for coverage in coverages)
        found.append(CanceledSeats(names, what_comes_back(plan, is_done=True) if plan else ""))
    return found


def _view(order: Order, refund: Refund | None, case: Case | None, *, canceled: int, returned_paid: bool, now: datetime) -> str:
    if case and case.kind == Case.Kind.PARTIAL_REFUND and not order.fulfilled_at:
        return "looked_into"
    # Several seats are each told of by themselves: what came back of one says nothing of the others.
    if refund and refund.state in REFUND_WORDS and canceled <= 1:
        return REFUND_WORDS[Refund.State(refund.state)]
    if canceled:
        return "canceled"
    if case:
        return "looked_into"
    return _view_of_ungiven(order, returned_paid=returned_paid, now=now)


def _view_of_ungiven(order: Order, *, returned_paid: bool, now: datetime) -> str:
    """Nothing was given for it, and nothing goes back."""
    if order.under_way_since and order.state in UNDER_WAY_WORDS:
        return UNDER_WAY_WORDS[Order.State(order.state)]
    if order.state == Order.State.PAID or (order.state == Order.State.PENDING and (returned_paid or order.held_until <= now)):
        return "confirming"
    if order.came_to_nothing:
        return "came_to_nothing"
    return {Order.State.PENDING: "pending", Order.State.EXPIRED: "expired"}.get(Order.State(order.state), "failed")
