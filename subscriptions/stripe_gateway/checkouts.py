"""Customers, and the Checkouts in which they pay."""

from typing import Any

from django.conf import settings

from subscriptions.errors import GatewayRefused, GatewayUnavailable
from subscriptions.stripe_gateway.client import client, stripe_errors
from subscriptions.stripe_objects import CheckoutRequest, CheckoutState, CustomerState
from subscriptions.stripe_shapes import read_checkout, read_customer

# Methods that pay at once. Others, bank debits for one, settle in days.
IMMEDIATE_PAYMENT_METHODS = ["card", "link"]
PAID_AT_ONCE = {"allowed_payment_method_types": IMMEDIATE_PAYMENT_METHODS}

CHECKOUT_EXPANSIONS = ["payment_intent.latest_charge", "invoice"]


def create_customer(*, key: str, email: str, name: str, reference: str) -> str:
    """Make a customer and return its id; the same `key` gives the same customer."""
    with stripe_errors():
        customer = client().v1.customers.create(
            {"email": email, "name": name, "metadata": {"subscriber": reference}},
            {"idempotency_key": key},
        )
    return customer.id


def fetch_customer(customer_id: str) -> CustomerState:
    """The customer as it is now; one deleted in the dashboard is told by `is_deleted`."""
    with stripe_errors():
        customer = client().v1.customers.retrieve(customer_id)
    return read_customer(customer.to_dict())


def forget_who_customer_is(customer_id: str, *, name: str, email: str) -> None:
    """Put these in place of a customer's name and e-mail address, and take its postal address away. Invoices that
    are made out already stay as they are: Stripe never changes one."""
    with stripe_errors():
        client().v1.customers.update(customer_id, {"name": name, "email": email, "address": ""})


def create_seat_checkout(request: CheckoutRequest, *, title: str, may_pay_late: bool = False) -> CheckoutState:
    """Open a Checkout for so many seats, with an invoice. Paid at once, or by whatever the account has switched on."""
    reference = {"order": request.order_number, "session": request.session_slug, "seats": str(request.quantity)}
    seat = {
        "mode": "payment",
        "metadata": reference,
        "payment_intent_data": {"metadata": reference, "description": title},
        "invoice_creation": {"enabled": True, "invoice_data": {"metadata": reference, "description": title}},
    }
    return _create_checkout(request, seat if may_pay_late else {**seat, **PAID_AT_ONCE})


def create_year_checkout(request: CheckoutRequest) -> CheckoutState:
    """Open a Checkout for a yearly subscription, paid at once."""
    reference = {"order": request.order_number}
    return _create_checkout(request, {"mode": "subscription", "subscription_data": {"metadata": reference}, **PAID_AT_ONCE})


def fetch_checkout(checkout_session_id: str) -> CheckoutState:
    """The Checkout as it is now, with its payment and invoice."""
    with stripe_errors():
        session = client().v1.checkout.sessions.retrieve(checkout_session_id, {"expand": CHECKOUT_EXPANSIONS})
    return read_checkout(session.to_dict())


def find_checkout(*, customer_id: str, order_number: str) -> CheckoutState | None:
    """The Checkout that an unanswered call may have opened for this order."""
    with stripe_errors():
        sessions = client().v1.checkout.sessions.list({"customer": customer_id, "limit": 100})
        for session in sessions.auto_paging_iter():
            if session.client_reference_id == order_number:
                return fetch_checkout(session.id)
    return None


def expire_checkout(checkout_session_id: str) -> None:
    """Ask Stripe to take no payment for this Checkout any more. One that is paid or expired already is left as it is."""
    try:
        with stripe_errors():
            client().v1.checkout.sessions.expire(checkout_session_id)
    except GatewayUnavailable:
        raise
    except GatewayRefused:
        # Only an open Checkout can be expired; what it is instead, the caller learns by fetching it.
        return


def _create_checkout(request: CheckoutRequest, what: dict[str, Any]) -> CheckoutState:
    params: Any = {
        "customer": request.customer_id,
        "client_reference_id": request.order_number,
        "line_items": [{"price": request.price_id, "quantity": request.quantity}],
        "expires_at": int(request.expires_at.timestamp()),
        "success_url": request.return_url,
        "cancel_url": request.back_url,
        "metadata": {"order": request.order_number},
        **_offers_and_tax(),
        **what,
    }
    with stripe_errors():
        session = client().v1.checkout.sessions.create(params, {"idempotency_key": request.key})
    return read_checkout(session.to_dict())


def _offers_and_tax() -> dict[str, Any]:
    """What the page asks beside the card. Of a customer who exists already, Stripe changes only what it is told to: the address
    by which tax is reckoned, the name that goes with a tax id."""
    params: dict[str, Any] = {}
    customer_update = {}
    if settings.STRIPE_PROMOTION_CODES:
        params["allow_promotion_codes"] = True
    if settings.STRIPE_AUTOMATIC_TAX:
        params |= {"automatic_tax": {"enabled": True}, "billing_address_collection": "required"}
        customer_update["address"] = "auto"
    if settings.STRIPE_TAX_ID_COLLECTION:
        params["tax_id_collection"] = {"enabled": True}
        customer_update["name"] = "auto"
    return {**params, "customer_update": customer_update} if customer_update else params
