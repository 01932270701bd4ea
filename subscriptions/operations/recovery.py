"""What Stripe took and our rows do not know, as after a restore of an older database. Calls Stripe; not inside a transaction."""

from datetime import datetime

from subscriptions import stripe_gateway as gateway
from subscriptions.models import Case, Order
from subscriptions.operations.cases import case_key, open_case
from subscriptions.operations.checkouts import sync_checkout
from subscriptions.operations.refund_sync import sync_refund
from subscriptions.operations.subscribers import subscriber_of_customer
from subscriptions.operations.unknown_payments import learn_payment, lost_seat

LOST_SEAT_FOR_NOTHING = "Nothing was paid. Ask the buyer who is to sit there, then give each a complimentary seat."


def recover_payment(*, payment_intent_id: str, now: datetime) -> None:
    """Bring back what a payment paid for as `learn_payment` does, and every refund of it."""
    if learn_payment(payment_intent_id=payment_intent_id, now=now):
        for refund_id in gateway.list_refund_ids(payment_intent_id=payment_intent_id):
            sync_refund(stripe_refund_id=refund_id, now=now)


def recover_checkout(*, checkout_session_id: str, now: datetime) -> None:
    """Bring a Checkout back that was complete without any payment; if its order is not in our books, open a case."""
    checkout = gateway.fetch_checkout(checkout_session_id)
    if Order.objects.filter(number=checkout.order_number).exists():
        sync_checkout(checkout_session_id=checkout.id, now=now)
        return
    subscriber = subscriber_of_customer(stripe_customer_id=checkout.customer_id, now=now)
    if subscriber and checkout.is_paid and not checkout.subscription_id and checkout.payment is None:
        open_case(
            key=case_key(Case.Kind.PAYMENT_WITHOUT_SEAT, checkout.id),
            kind=Case.Kind.PAYMENT_WITHOUT_SEAT,
            summary=lost_seat(checkout),
            proposal=LOST_SEAT_FOR_NOTHING,
            subscriber=subscriber,
            now=now,
        )
