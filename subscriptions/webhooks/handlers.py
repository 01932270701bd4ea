"""Which of Stripe's events concern us, and the operation each asks for. What an event says is a hint: objects are fetched."""

from collections.abc import Callable
from datetime import datetime

from subscriptions.operations.checkouts import sync_checkout
from subscriptions.operations.customers import sync_customer
from subscriptions.operations.notices import announce_renewal
from subscriptions.operations.refunds import sync_refund
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
}
