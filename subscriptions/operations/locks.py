"""Rows locked in the house's order, from the session to the refund; docs/architecture.md states it."""

from dataclasses import dataclass

from django.db.models import F, Q, QuerySet

from redreport.transactions import Overtaken
from sessions_live.models import LiveSession, Seat
from subscriptions.models import CreditGrant, Order, Payment, Refund, Subscription
from subscriptions.operations.subscribers import lock_subscriber


@dataclass(frozen=True)
class Bought:
    """A payment with everything that it bought, each row locked and as it is now."""

    payment: Payment
    order: Order | None
    # Each with its session: one that was moved sits in another than its order was for.
    seats: list[Seat]

    @property
    def is_of_a_year(self) -> bool:
        """Whether it paid for a year: a renewal's payment has no order."""
        return bool(self.payment.stripe_invoice_id) and (self.order is None or self.order.kind == Order.Kind.YEAR)

    @property
    def is_paid_otherwise(self) -> bool:
        """Whether another payment of the order stands, which keeps what was bought."""
        left = Q(amount_minor__gt=F("refunded_minor") + F("paid_back_minor"))
        others = Payment.objects.filter(left, order=self.order).exclude(pk=self.payment.pk)
        return self.order is not None and others.exclude(disputes__status="lost").exists()


def lock_subscription(subscription_id: int) -> Subscription:
    """The subscription's row, locked after its subscriber's: of two wishes at once one comes second, and counts."""
    return Subscription.objects.select_for_update(no_key=True).get(pk=subscription_id)


def lock_order(order_id: int) -> Order:
    """The order's row, locked after session, seats, subscriber and grants."""
    return locked_orders().get(pk=order_id)


def locked_orders() -> QuerySet[Order]:
    """Orders that are locked when they are read, with all that is said of them."""
    orders = Order.objects.select_related("subscriber__user", "price", "live_session")
    return orders.select_for_update(of=["self"], no_key=True)


def lock_payment(payment_id: int) -> Payment:
    """The payment's row, locked after its order: two refunds at once must not give back more than was taken."""
    return Payment.objects.select_for_update(no_key=True).get(pk=payment_id)


def lock_refund(refund_id: int) -> tuple[Order | None, Payment, Refund]:
    """The refund, its payment and its order if there is one, locked in the house's order."""
    known = Refund.objects.select_related("payment").get(pk=refund_id)
    order = lock_order(known.payment.order_id) if known.payment.order_id else None
    payment = lock_payment(known.payment_id)
    refund = Refund.objects.select_for_update(no_key=True).get(pk=refund_id)
    refund.payment = payment
    return order, payment, refund


def lock_session_and_seats(order: Order) -> tuple[LiveSession, list[Seat]]:
    """The session of a seat's order, and the order's seats by id, each with the session it sits in; those sessions are all
    locked, by id. Raises Overtaken, which `retried` repeats."""
    assert order.live_session_id is not None
    of_order = Seat.objects.filter(coverage__order=order)
    concerned = LiveSession.objects.filter(Q(pk=order.live_session_id) | Q(pk__in=of_order.values("live_session")))
    locked = {live_session.pk: live_session for live_session in concerned.order_by("id").select_for_update(no_key=True)}
    seats = list(
        of_order.select_related("booked_by", "waitlist_entry").order_by("id").select_for_update(of=["self"], no_key=True)
    )
    for seat in seats:
        # The race: it was moved to a session that is not locked here, while this waited for the others.
        if seat.live_session_id not in locked:
            raise Overtaken
        seat.live_session = locked[seat.live_session_id]
    return locked[order.live_session_id], seats


def lock_bought(payment_id: int) -> Bought:
    """A payment and what it bought, each row locked: whoever takes it back must not meet a booking or another refund halfway."""
    known = Payment.objects.select_related("order").get(pk=payment_id)
    seats: list[Seat] = []
    if known.order and known.order.live_session_id:
        _, seats = lock_session_and_seats(known.order)
    lock_subscriber(known.subscriber_id)
    if known.stripe_invoice_id:
        grants = CreditGrant.objects.filter(subscriber_id=known.subscriber_id, stripe_invoice_id=known.stripe_invoice_id)
        list(grants.order_by("id").select_for_update(no_key=True))
    order = lock_order(known.order_id) if known.order_id else None
    payment = lock_payment(payment_id)
    return Bought(payment, order, seats)
