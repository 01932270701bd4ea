"""Subscriptions, their invoices, and what the next one will say."""

from typing import Any

from subscriptions.stripe_gateway.client import client, stripe_errors
from subscriptions.stripe_gateway.money import fetch_payment
from subscriptions.stripe_objects import InvoiceState, RenewalPreview, SubscriptionState
from subscriptions.stripe_shapes import open_intent_ids, paid_intent_ids, read_invoice, read_preview, read_subscription

# Its customer, and the cards that it may charge.
FETCHED_ALONG = ["default_payment_method", "customer.invoice_settings.default_payment_method"]


def fetch_subscription(subscription_id: str) -> SubscriptionState:
    """The subscription as it is now, with its customer and card."""
    with stripe_errors():
        subscription = client().v1.subscriptions.retrieve(subscription_id, {"expand": FETCHED_ALONG})
    return read_subscription(subscription.to_dict())


def set_renewal(*, key: str, subscription: SubscriptionState, renews: bool) -> SubscriptionState:
    """Turn the renewal of a subscription, as it was just fetched, on or off; the same `key` gives the same answer.

    An end can stand in either of two fields: we set the flag, Stripe's portal sets the date. On takes back the one that is set.
    """
    params: Any = {"cancel_at_period_end": True}
    if renews:
        params = {"cancel_at_period_end": False} if subscription.cancel_at_period_end else {"cancel_at": ""}
    with stripe_errors():
        changed = client().v1.subscriptions.update(subscription.id, params, {"idempotency_key": key})
    return read_subscription(changed.to_dict())


def cancel_subscription(subscription_id: str) -> SubscriptionState:
    """End a subscription at once, without an invoice or credit for the rest. Refuses with GatewayNotFound one that has ended."""
    params: Any = {"invoice_now": False, "prorate": False}
    with stripe_errors():
        subscription = client().v1.subscriptions.cancel(subscription_id, params)
    return read_subscription(subscription.to_dict())


def fetch_invoice(invoice_id: str) -> InvoiceState:
    """The invoice as it is now, with its lines and payments."""
    with stripe_errors():
        # Stripe expands four levels at most, and a payment's charge lies on the fifth.
        invoice = client().v1.invoices.retrieve(invoice_id, {"expand": ["payments"]}).to_dict()
    payments = (fetch_payment(intent_id) for intent_id in paid_intent_ids(invoice))
    needs_action = any(_waits_for_the_reader(intent_id) for intent_id in open_intent_ids(invoice))
    return read_invoice(invoice, [payment for payment in payments if payment], needs_action=needs_action)


def _waits_for_the_reader(payment_intent_id: str) -> bool:
    with stripe_errors():
        return client().v1.payment_intents.retrieve(payment_intent_id).status == "requires_action"


def preview_renewal(subscription_id: str) -> RenewalPreview:
    """What the next invoice will charge, with tax and discounts, and to which card."""
    with stripe_errors():
        invoice = client().v1.invoices.create_preview({"subscription": subscription_id}).to_dict()
        subscription = client().v1.subscriptions.retrieve(subscription_id, {"expand": FETCHED_ALONG})
    return read_preview(invoice, subscription.to_dict())
