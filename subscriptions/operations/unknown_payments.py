"""A payment that only its refund or its dispute tells us of: Stripe is asked what it paid for. Calls Stripe."""

from datetime import datetime

from django.db import transaction

from redreport.money import format_money
from subscriptions import stripe_gateway as gateway
from subscriptions.models import Case, Payment
from subscriptions.operations.cases import open_case
from subscriptions.operations.checkouts import sync_checkout
from subscriptions.operations.payments import record_captured_payment
from subscriptions.operations.renewals import sync_invoice
from subscriptions.operations.subscribers import lock_subscriber
from subscriptions.selectors import id_of_customers_subscriber


def learn_payment(*, payment_intent_id: str, now: datetime) -> Payment | None:
    """The payment's row, found or made; None for money that no customer of ours paid.

    What its Checkout or its invoice bought is given first. What a customer of ours paid for nothing we know gets a case.
    """
    if not payment_intent_id:
        return None
    known = Payment.objects.filter(stripe_payment_intent_id=payment_intent_id)
    if not known.exists():
        _follow_to_what_it_paid_for(payment_intent_id, now)
    return known.first() or _record_what_paid_for_nothing_we_know(payment_intent_id, now)


def _follow_to_what_it_paid_for(payment_intent_id: str, now: datetime) -> None:
    checkout = gateway.find_checkout_of_payment(payment_intent_id)
    if checkout:
        sync_checkout(checkout_session_id=checkout.id, now=now)
        return
    invoice = gateway.find_invoice_of_payment(payment_intent_id)
    if invoice:
        sync_invoice(stripe_invoice_id=invoice.id, now=now)


def _record_what_paid_for_nothing_we_know(payment_intent_id: str, now: datetime) -> Payment | None:
    captured = gateway.fetch_payment(payment_intent_id)
    subscriber_id = id_of_customers_subscriber(captured.customer_id) if captured else None
    if captured is None or subscriber_id is None:
        return None
    with transaction.atomic():
        # The subscriber's lock: a refund and a dispute may bring the same payment at once.
        subscriber = lock_subscriber(subscriber_id)
        payment = record_captured_payment(captured=captured, subscriber_id=subscriber_id, order=None, invoice_id="", now=now)
        open_case(
            key=f"unknown_payment:{payment_intent_id}",
            kind=Case.Kind.UNKNOWN_PAYMENT,
            summary=f"{format_money(captured.amount_minor, captured.currency)} of a customer of ours paid for nothing we know",
            proposal="Look in Stripe's dashboard what it was for. If it was for nothing, refund what is left of it.",
            subscriber=subscriber,
            payment=payment,
            now=now,
        )
        return payment
