"""Which of Stripe's events concern us, and the operation each asks for. What an event says is a hint: objects are fetched."""

from collections.abc import Callable
from datetime import datetime

from subscriptions.operations.checkouts import sync_checkout
from subscriptions.operations.customers import sync_customer
from subscriptions.operations.disputes import sync_dispute
from subscriptions.operations.fraud_warnings import sync_fraud_warning
from subscriptions.operations.notices import announce_renewal
from subscriptions.operations.refund_sync import sync_refund, sync_refunds_of_charge
from subscriptions.operations.renewals import sync_invoice, sync_subscription

Handler = Callable[[str, datetime], None]


def on_checkout_session(object_id: str, now: datetime) -> None:
    """A Checkout was paid, failed or expired."""
    sync_checkout(checkout_session_id=object_id, now=now)


def on_subscription(object_id: str, now: datetime) -> None:
    """A subscription began, changed or ended."""
    sync_subscription(stripe_subscription_id=object_id, now=now)


def on_customer(object_id: str, now: datetime) -> None:
    """A customer was renamed in the portal, or deleted in the dashboard."""
    sync_customer(stripe_customer_id=object_id, now=now)


def on_invoice(object_id: str, now: datetime) -> None:
    """An invoice was paid, could not be collected, or was given up."""
    sync_invoice(stripe_invoice_id=object_id, now=now)


def on_upcoming_invoice(object_id: str, now: datetime) -> None:
    """A subscription will renew soon; the invoice has no id yet, so the event is about the subscription."""
    announce_renewal(stripe_subscription_id=object_id, now=now)


def on_refund(object_id: str, now: datetime) -> None:
    """A refund was made, went through or failed."""
    sync_refund(stripe_refund_id=object_id, now=now)


def on_charge_refunded(object_id: str, now: datetime) -> None:
    """A charge was given back, in whole or in part: the event names the charge, not the refund."""
    sync_refunds_of_charge(stripe_charge_id=object_id, now=now)


def on_dispute(object_id: str, now: datetime) -> None:
    """A payment was disputed or inquired about, or the bank decided."""
    sync_dispute(stripe_dispute_id=object_id, now=now)


def on_fraud_warning(object_id: str, now: datetime) -> None:
    """A card's network suspects fraud."""
    sync_fraud_warning(stripe_warning_id=object_id, now=now)


HANDLERS: dict[str, Handler] = {
    "checkout.session.completed": on_checkout_session,
    "checkout.session.async_payment_succeeded": on_checkout_session,
    "checkout.session.async_payment_failed": on_checkout_session,
    "checkout.session.expired": on_checkout_session,
    "customer.subscription.created": on_subscription,
    "customer.subscription.updated": on_subscription,
    "customer.subscription.deleted": on_subscription,
    "customer.subscription.paused": on_subscription,
    "customer.subscription.resumed": on_subscription,
    "customer.updated": on_customer,
    "customer.deleted": on_customer,
    "invoice.paid": on_invoice,
    "invoice.payment_failed": on_invoice,
    "invoice.payment_action_required": on_invoice,
    "invoice.finalization_failed": on_invoice,
    "invoice.marked_uncollectible": on_invoice,
    "invoice.voided": on_invoice,
    "invoice.upcoming": on_upcoming_invoice,
    "refund.created": on_refund,
    "refund.updated": on_refund,
    "refund.failed": on_refund,
    "charge.refunded": on_charge_refunded,
    "charge.dispute.created": on_dispute,
    "charge.dispute.updated": on_dispute,
    "charge.dispute.closed": on_dispute,
    "charge.dispute.funds_withdrawn": on_dispute,
    "charge.dispute.funds_reinstated": on_dispute,
    "radar.early_fraud_warning.created": on_fraud_warning,
}
