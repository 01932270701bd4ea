"""What an order's page shows: the state in one word for the template, and the rows that go with it."""

from datetime import datetime
from typing import Any

from sessions_live.door import door_url
from sessions_live.models import Seat
from subscriptions.models import CreditGrant, Order, Refund

REFUND_WORDS = {
    Refund.State.PENDING: "refunding",
    Refund.State.SUBMITTED: "refunding",
    Refund.State.SUCCEEDED: "refunded",
}


def order_context(order: Order, *, returned_paid: bool, now: datetime) -> dict[str, Any]:
    """The template's values. 'Paid' only once what was paid for is given; an offer to pay only while that is safe."""
    seats = list(Seat.objects.filter(coverage__order=order, state__in=Seat.ACTIVE).order_by("id"))
    refund = Refund.objects.filter(payment__order=order).order_by("-id").first()
    is_year = order.kind == Order.Kind.YEAR
    grant = CreditGrant.objects.filter(subscription__started_by=order).order_by("id").first() if is_year else None
    own = [seat for seat in seats if seat.attendee_email == order.subscriber.user.email and seat.state in Seat.TAKEN]
    return {
        "order": order,
        "view": _view(order, refund, returned_paid=returned_paid, now=now),
        "seats": seats,
        "refund": refund,
        "grant": grant,
        "hold_expires_at": order.expires_at,
        "door_url": door_url(own[0]) if own else "",
    }


def _view(order: Order, refund: Refund | None, *, returned_paid: bool, now: datetime) -> str:
    is_given = order.fulfilled_at is not None and order.state != Order.State.REFUNDED
    if refund and refund.state in REFUND_WORDS and not is_given:
        return REFUND_WORDS[Refund.State(refund.state)]
    if is_given:
        return "year" if order.kind == Order.Kind.YEAR else "paid"
    if order.state == Order.State.PAID or (order.state == Order.State.PENDING and (returned_paid or order.expires_at <= now)):
        return "confirming"
    return {Order.State.PENDING: "pending", Order.State.EXPIRED: "expired"}.get(Order.State(order.state), "failed")
