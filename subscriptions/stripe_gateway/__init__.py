"""The only door to Stripe. Values of our own go in and come out; Stripe's errors become ours. Not inside a transaction."""

from subscriptions.stripe_gateway.checkouts import (
    create_customer,
    create_seat_checkout,
    create_year_checkout,
    expire_checkout,
    fetch_checkout,
    fetch_customer,
    find_checkout,
)
from subscriptions.stripe_gateway.client import API_VERSION, account_id, client, stripe_errors
from subscriptions.stripe_gateway.listing import (
    find_checkout_of_payment,
    find_invoice_of_payment,
    list_checkouts,
    list_disputes,
    list_events,
    list_invoices,
    list_payments,
    list_refunds,
    list_subscriptions,
)
from subscriptions.stripe_gateway.money import (
    create_credit_note,
    create_refund,
    fetch_dispute,
    fetch_fraud_warning,
    fetch_payment,
    fetch_refund,
    find_credit_note,
    find_refund,
    list_refund_ids,
)
from subscriptions.stripe_gateway.portal import PORTAL_MARK, open_portal
from subscriptions.stripe_gateway.webhooks import state_of_endpoint, verify_event
from subscriptions.stripe_gateway.years import (
    cancel_subscription,
    fetch_invoice,
    fetch_subscription,
    preview_renewal,
    set_renewal,
)

__all__ = [
    "API_VERSION",
    "PORTAL_MARK",
    "account_id",
    "cancel_subscription",
    "client",
    "create_credit_note",
    "create_customer",
    "create_refund",
    "create_seat_checkout",
    "create_year_checkout",
    "expire_checkout",
    "fetch_checkout",
    "fetch_customer",
    "fetch_dispute",
    "fetch_fraud_warning",
    "fetch_invoice",
    "fetch_payment",
    "fetch_refund",
    "fetch_subscription",
    "find_checkout",
    "find_checkout_of_payment",
    "find_credit_note",
    "find_invoice_of_payment",
    "find_refund",
    "list_checkouts",
    "list_disputes",
    "list_events",
    "list_invoices",
    "list_payments",
    "list_refund_ids",
    "list_refunds",
    "list_subscriptions",
    "open_portal",
    "preview_renewal",
    "set_renewal",
    "state_of_endpoint",
    "stripe_errors",
    "verify_event",
]
