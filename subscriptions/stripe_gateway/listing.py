"""Walking Stripe's lists, newest first, for the comparison of all that it has with all that we have.

They hold what was made from `since` on and, where that is given, before `until`.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from subscriptions.stripe_gateway.checkouts import fetch_checkout
from subscriptions.stripe_gateway.client import client, stripe_errors
from subscriptions.stripe_gateway.years import FETCHED_ALONG, fetch_invoice
from subscriptions.stripe_objects import (
    CapturedPayment,
    CheckoutState,
    DisputeState,
    EventHint,
    InvoiceState,
    RefundState,
    SubscriptionState,
)
from subscriptions.stripe_shapes import (
    read_checkout,
    read_dispute,
    read_event,
    read_invoice,
    read_payment,
    read_refund,
    read_subscription,
)

MOST_AT_ONCE = 100


def list_events(*, since: datetime, until: datetime | None = None) -> Iterator[EventHint]:
    """Everything that happened since; Stripe reaches back 30 days."""
    with stripe_errors():
        for event in client().v1.events.list(_between(since, until)).auto_paging_iter():
            yield read_event(event.to_dict())


def list_payments(*, since: datetime, until: datetime | None = None) -> Iterator[CapturedPayment]:
    """Money taken by payment intents made since, with their customers."""
    params: Any = {**_between(since, until), "expand": ["data.latest_charge", "data.customer"]}
    with stripe_errors():
        for intent in client().v1.payment_intents.list(params).auto_paging_iter():
            payment = read_payment(intent.to_dict())
            if payment:
                yield payment


def list_refunds(*, since: datetime, until: datetime | None = None) -> Iterator[RefundState]:
    """Refunds made since, ours and those made by hand."""
    with stripe_errors():
        for refund in client().v1.refunds.list(_between(since, until)).auto_paging_iter():
            yield read_refund(refund.to_dict())


def list_disputes(*, since: datetime, until: datetime | None = None) -> Iterator[DisputeState]:
    """Disputes opened since."""
    with stripe_errors():
        for dispute in client().v1.disputes.list(_between(since, until)).auto_paging_iter():
            yield read_dispute(dispute.to_dict())


def list_subscriptions() -> Iterator[SubscriptionState]:
    """Every subscription of the account with its customer and card, ended ones too."""
    params: Any = {"status": "all", "limit": MOST_AT_ONCE, "expand": [f"data.{path}" for path in FETCHED_ALONG]}
    with stripe_errors():
        for subscription in client().v1.subscriptions.list(params).auto_paging_iter():
            yield read_subscription(subscription.to_dict())


def list_invoices(*, since: datetime, until: datetime | None = None) -> Iterator[InvoiceState]:
    """Invoices made since, without their payments."""
    with stripe_errors():
        for invoice in client().v1.invoices.list(_between(since, until)).auto_paging_iter():
            yield read_invoice(invoice.to_dict(), ())


def list_checkouts(*, since: datetime, until: datetime | None = None) -> Iterator[CheckoutState]:
    """Checkouts opened since, without their payments."""
    with stripe_errors():
        for session in client().v1.checkout.sessions.list(_between(since, until)).auto_paging_iter():
            yield read_checkout(session.to_dict())


def find_checkout_of_payment(payment_intent_id: str) -> CheckoutState | None:
    """The Checkout in which this payment was made."""
    with stripe_errors():
        for session in client().v1.checkout.sessions.list({"payment_intent": payment_intent_id, "limit": 1}).data:
            return fetch_checkout(session.id)
    return None


def find_invoice_of_payment(payment_intent_id: str) -> InvoiceState | None:
    """The invoice that this payment settled."""
    params: Any = {"payment": {"type": "payment_intent", "payment_intent": payment_intent_id}, "limit": 1}
    with stripe_errors():
        for paid in client().v1.invoice_payments.list(params).data:
            invoice = paid.to_dict()["invoice"]
            return fetch_invoice(invoice if isinstance(invoice, str) else invoice["id"])
    return None


def _between(since: datetime, until: datetime | None) -> Any:
    created = {"gte": int(since.timestamp())}
    if until:
        created["lt"] = int(until.timestamp())
    return {"created": created, "limit": MOST_AT_ONCE}
