"""A payment that our rows do not know, as when its refund or its dispute is heard of first, or after a restore: Stripe is asked
what it paid for. Calls Stripe; not inside a transaction."""

from datetime import datetime

from django.db import transaction

from redreport.money import format_money
from subscriptions import stripe_gateway as gateway
from subscriptions.models import Case, Order, Payment, Subscriber
from subscriptions.operations.cases import case_key, open_case
from subscriptions.operations.checkouts import sync_checkout
from subscriptions.operations.payments import record_captured_payment
from subscriptions.operations.renewals import sync_invoice
from subscriptions.operations.subscribers import lock_subscriber, subscriber_of_customer
from subscriptions.stripe_objects import CapturedPayment, CheckoutState

LOST_SEAT = (
    "Stripe knows neither the attendees nor the seats. Ask the payer who is to sit there, then give each a complimentary seat; "
    "what is not left or not wanted, refund."
)
OF_NOTHING = "Look it up in Stripe's dashboard: refund it there, or give what it was meant for."


def learn_payment(*, payment_intent_id: str, now: datetime) -> Payment | None:
    """The payment's row, found or made; None for money that no customer of ours paid.

    What it paid for is given first, as far as Stripe knows it: a year comes back whole, of a seat whose order is not in our books
    only the payment does. What it paid for nothing we know gets a case.
    """
    known = Payment.objects.filter(stripe_payment_intent_id=payment_intent_id)
    captured = gateway.fetch_payment(payment_intent_id) if payment_intent_id and not known.exists() else None
    subscriber = subscriber_of_customer(stripe_customer_id=captured.customer_id, now=now) if captured else None
    if captured and subscriber:
        checkout = gateway.find_checkout_of_payment(payment_intent_id)
        invoice = gateway.find_invoice_of_payment(payment_intent_id)
        if checkout and Order.objects.filter(number=checkout.order_number).exists():
            sync_checkout(checkout_session_id=checkout.id, now=now)
        elif invoice and invoice.subscription_id:
            sync_invoice(stripe_invoice_id=invoice.id, now=now)
        _write_down(captured, subscriber, checkout, now)
    return known.first()


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
        kind = Case.Kind.PAYMENT_WITHOUT_SEAT if is_seat else Case.Kind.UNKNOWN_PAYMENT
        amount = format_money(captured.amount_minor, captured.currency)
        open_case(
            key=case_key(kind, captured.payment_intent_id),
            kind=kind,
            summary=f"{amount}: {lost_seat(checkout)}" if checkout and is_seat else f"{amount} paid for nothing that we know",
            proposal=LOST_SEAT if is_seat else OF_NOTHING,
            subscriber=subscriber,
            payment=payment,
            now=now,
        )


def lost_seat(checkout: CheckoutState) -> str:
    """What is known of a seat whose order is not in our books."""
    seats = "a seat" if checkout.seats == 1 else f"{checkout.seats} seats"
    about = f"{seats} in {checkout.session_slug}" if checkout.session_slug else seats
    return f"order {checkout.order_number} for {about} is not in our books"
