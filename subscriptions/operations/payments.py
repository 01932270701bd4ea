"""Money that Stripe took, written down."""

from datetime import datetime

from subscriptions.models import Order, Payment
from subscriptions.stripe_objects import CapturedPayment


def record_captured_payment(
    *, captured: CapturedPayment, subscriber_id: int, order: Order | None, invoice_id: str, now: datetime
) -> Payment:
    """The row of this payment, made once. The caller has locked the order or the subscriber it belongs to.

    One that was known before what it paid for, as when its refund was heard of first, learns it now.
    """
    known = Payment.objects.filter(stripe_payment_intent_id=captured.payment_intent_id).first()
    if known and known.order is None and not known.stripe_invoice_id:
        known.order, known.stripe_invoice_id = order, invoice_id
        known.save(update_fields=["order", "stripe_invoice_id"])
    return known or Payment.objects.create(
        stripe_payment_intent_id=captured.payment_intent_id,
        order=order,
        subscriber_id=subscriber_id,
        stripe_charge_id=captured.charge_id,
        stripe_invoice_id=invoice_id,
        amount_minor=captured.amount_minor,
        currency=captured.currency,
        receipt_url=captured.receipt_url,
        captured_at=captured.captured_at,
        recorded_at=now,
    )
