"""What an order's page shows: the state in one word for the template, and the rows that go with it."""

from datetime import datetime
from typing import Any

from sessions_live.models import Seat
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


def order_context(order: Order, *, returned_paid: bool, now: datetime) -> dict[str, Any]:
    """The template's values. 'Paid' only once what was paid for is given; an offer to pay only while that is safe."""
    canceled = _canceled_coverages(order) if order.fulfilled_at and order.kind == Order.Kind.SEAT else []
    if order.fulfilled_at and order.state != Order.State.REFUNDED and not canceled:
        return _given(order)
    refunds = Refund.objects.filter(payment__order=order)
    if canceled:
        # What came back of a second payment says nothing of the seat.
        refunds = refunds.exclude(reason=Refund.Reason.PAID_TWICE)
    refund = refunds.order_by("-id").first()
    case = order.cases.filter(state=Case.State.OPENED, kind__in=CASE_WORDS).order_by("-id").first()
    return {
        "order": order,
        "view": _view(order, refund, case, is_canceled=bool(canceled), returned_paid=returned_paid, now=now),
        "what_came_back": _sentences(canceled),
        "looked_into": CASE_WORDS[Case.Kind(case.kind)] if case else "",
        "refund": refund,
        "hold_expires_at": order.held_until,
    }


def _given(order: Order) -> dict[str, Any]:
    if order.kind == Order.Kind.YEAR:
        grant = CreditGrant.objects.filter(subscription__started_by=order).order_by("id").first()
        return {"order": order, "view": "year", "grant": grant}
    seats = list(Seat.objects.filter(coverage__order=order, state__in=Seat.ACTIVE).order_by("id"))
    own = [seat for seat in seats if seat.attendee_email == order.subscriber.user.email]
    return {
        "order": order,
        "view": "paid",
        "seats": seats,
        "door_url": DOOR.url(own[0]) if own else "",
        "free_cancel_until": _free_cancel_until(order, seats),
    }


def _free_cancel_until(order: Order, seats: list[Seat]) -> datetime | None:
    """The same for all seats of an order: they were held together."""
    for seat in seats:
        assert order.live_session is not None
        seat.live_session = order.live_session
    return min((seat.free_cancel_until for seat in seats), default=None)


def _canceled_coverages(order: Order) -> list[SeatCoverage]:
    """What covered the order's seats, once all of them are canceled."""
    given = SeatCoverage.objects.filter(order=order).exclude(seat__state=Seat.State.EXPIRED)
    coverages = list(given.select_related("seat", "order", "refund").order_by("seat_id"))
    return coverages if all(coverage.seat.state == Seat.State.CANCELED for coverage in coverages) else []


def _sentences(canceled: list[SeatCoverage]) -> list[str]:
    made = [settlement_made(coverage) for coverage in canceled]
    return [what_comes_back(plan, is_done=True) for plan in made if plan]


def _view(
    order: Order, refund: Refund | None, case: Case | None, *, is_canceled: bool, returned_paid: bool, now: datetime
) -> str:
    if case and case.kind == Case.Kind.PARTIAL_REFUND and not order.fulfilled_at:
        return "looked_into"
    if refund and refund.state in REFUND_WORDS:
        return REFUND_WORDS[Refund.State(refund.state)]
    if is_canceled:
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
