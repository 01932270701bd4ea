"""What Stripe took and our rows do not know, as after a restore of an older database. Calls Stripe; not inside a transaction."""

from datetime import datetime

from django.db import transaction

from redreport.money import format_money
from subscriptions import stripe_gateway as gateway
from subscriptions.models import Case, Order, Payment, Subscriber
from subscriptions.operations.cases import open_case
from subscriptions.operations.checkouts import sync_checkout
from subscriptions.operations.payments import record_captured_payment
from subscriptions.operations.refunds import sync_refund
from subscriptions.operations.renewals import sync_invoice
from subscriptions.operations.subscribers import lock_subscriber, subscriber_of_customer
from subscriptions.stripe_objects import CapturedPayment, CheckoutState

LOST_SEAT = (
    "Stripe knows neither the attendee nor the seat. Ask the payer who is to sit there, then give a complimentary seat; "
    "if none is left or wanted, refund the payment."
)
LOST_SEAT_FOR_NOTHING = "Nothing was paid. Ask the buyer who is to sit there, then give a complimentary seat."
OF_NOTHING = "Look it up in Stripe's dashboard: refund it there, or give what it was meant for."


def recover_payment(*, payment_intent_id: str, now: datetime) -> None:
    """Bring back what a payment paid for, as far as Stripe knows it; else write the payment down, and open a case for the rest.

    A year comes back whole. Of a seat whose order is not in our books only the payment does.
    """
    captured = gateway.fetch_payment(payment_intent_id)
    subscriber = subscriber_of_customer(stripe_customer_id=captured.customer_id, now=now) if captured else None
    if captured is None or subscriber is None:
        return
    checkout = gateway.find_checkout_of_payment(payment_intent_id)
    invoice = gateway.find_invoice_of_payment(payment_intent_id)
    if checkout and Order.objects.filter(number=checkout.order_number).exists():
        sync_checkout(checkout_session_id=checkout.id, now=now)
    elif invoice and invoice.subscription_id:
        sync_invoice(stripe_invoice_id=invoice.id, now=now)
    _write_down(captured, subscriber, checkout, now)
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
            key=lost_seat_key(checkout.id),
            kind=Case.Kind.PAYMENT_WITHOUT_SEAT,
            summary=_lost_seat(checkout),
            proposal=LOST_SEAT_FOR_NOTHING,
            subscriber=subscriber,
            now=now,
        )


def lost_seat_key(stripe_object_id: str) -> str:
    """The key of the case of a payment, or of a Checkout without one, whose seat we do not know."""
    return f"payment_without_seat:{stripe_object_id}"


def _write_down(captured: CapturedPayment, subscriber: Subscriber, checkout: CheckoutState | None, now: datetime) -> None:
    with transaction.atomic():
        # The subscriber's lock: a webhook may be bringing the same payment.
        lock_subscriber(subscriber.pk)
        if Payment.objects.filter(stripe_payment_intent_id=captured.payment_intent_id).exists():
            return
        # Without its invoice: by that a year's payments are told from a seat's.
        payment = record_captured_payment(captured=captured, subscriber_id=subscriber.pk, order=None, invoice_id="", now=now)
        if captured.refunded_minor >= captured.amount_minor:
            return  # All of it is back: nobody is owed anything.
        is_seat = checkout is not None and checkout.order_number != "" and not checkout.subscription_id
        amount = format_money(captured.amount_minor, captured.currency)
        open_case(
            key=lost_seat_key(captured.payment_intent_id) if is_seat else f"unknown_payment:{captured.payment_intent_id}",
            kind=Case.Kind.PAYMENT_WITHOUT_SEAT if is_seat else Case.Kind.UNKNOWN_PAYMENT,
            summary=f"{amount}: {_lost_seat(checkout)}" if checkout and is_seat else f"{amount} paid for nothing that we know",
            proposal=LOST_SEAT if is_seat else OF_NOTHING,
            subscriber=subscriber,
            payment=payment,
            now=now,
        )


def _lost_seat(checkout: CheckoutState) -> str:
    about = f"a seat in {checkout.session_slug}" if checkout.session_slug else "a seat"
    return f"order {checkout.order_number} for {about} is not in our books"
