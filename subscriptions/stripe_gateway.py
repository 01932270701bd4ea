"""The only door to Stripe. Values of our own go in and come out; Stripe's errors become ours. Not inside a transaction."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from typing import Any

import stripe
from django.conf import settings
from stripe import RequestsClient, StripeClient

from subscriptions.errors import BadSignature, GatewayBroken, GatewayNotFound, GatewayRefused, GatewayUnavailable
from subscriptions.stripe_objects import (
    CapturedPayment,
    CheckoutRequest,
    CheckoutState,
    EventHint,
    InvoiceState,
    RefundState,
    SubscriptionState,
)
from subscriptions.stripe_shapes import (
    paid_intent_ids,
    read_checkout,
    read_event,
    read_invoice,
    read_payment,
    read_refund,
    read_subscription,
)

API_VERSION = stripe.api_version
TIMEOUT_SECONDS = 6
MAX_RETRIES = 1
SIGNATURE_TOLERANCE_SECONDS = 300
# Methods that pay at once: a seat is not kept for a bank debit that settles in days.
IMMEDIATE_PAYMENT_METHODS = ["card", "link"]

OUT_OF_FUNDS = ("balance_insufficient", "insufficient_funds")

CHECKOUT_EXPANSIONS = ["payment_intent.latest_charge", "invoice"]


def client() -> StripeClient:
    """The SDK's client for the configured account; one for each process."""
    return _client(settings.STRIPE_SECRET_KEY, settings.STRIPE_API_BASE)


@lru_cache(maxsize=4)
def _client(key: str, api_base: str) -> StripeClient:
    return StripeClient(
        key,
        base_addresses={"api": api_base},
        http_client=RequestsClient(timeout=TIMEOUT_SECONDS),
        max_network_retries=MAX_RETRIES,
    )


def account_id() -> str:
    """The account behind the configured key; asked once for each process."""
    return _account_id(settings.STRIPE_SECRET_KEY, settings.STRIPE_API_BASE)


@lru_cache(maxsize=4)
def _account_id(key: str, api_base: str) -> str:
    with stripe_errors():
        return _client(key, api_base).v1.accounts.retrieve_current().id


@contextmanager
def stripe_errors() -> Iterator[None]:
    """Turn the SDK's errors into ours. A conflict or a limit is 'ask again', like a connection that broke.

    So are a key that is refused and an account without funds: both are the house's to mend, and nothing is given up for them.
    """
    try:
        yield
    except (stripe.APIConnectionError, stripe.RateLimitError, stripe.AuthenticationError, stripe.PermissionError) as error:
        raise GatewayUnavailable(type(error).__name__) from error
    except stripe.IdempotencyError as error:
        raise GatewayBroken(type(error).__name__) from error
    except stripe.StripeError as error:
        status = error.http_status or 0
        if status >= 500:
            raise GatewayBroken(f"{type(error).__name__} {status}") from error
        if status in (409, 429) or error.code in OUT_OF_FUNDS:
            raise GatewayUnavailable(f"{type(error).__name__} {status}") from error
        raised = GatewayNotFound if status == 404 or error.code == "resource_missing" else GatewayRefused
        raise raised(f"{type(error).__name__} {error.code or status}", param=getattr(error, "param", "") or "") from error


def verify_event(*, payload: bytes, signature: str, secrets: list[str], now: datetime) -> EventHint:
    """The event that Stripe signed with one of `secrets`. Refuses with BadSignature what is forged, old, or from the future."""
    _refuse_future_timestamp(signature, now)
    for secret in secrets:
        try:
            event = client().construct_event(payload, signature, secret, tolerance=SIGNATURE_TOLERANCE_SECONDS)
        except (stripe.SignatureVerificationError, ValueError, AttributeError):
            continue
        return read_event(event.to_dict())
    raise BadSignature


def create_customer(*, key: str, email: str, name: str, reference: str) -> str:
    """Make a customer and return its id; the same `key` gives the same customer."""
    with stripe_errors():
        customer = client().v1.customers.create(
            {"email": email, "name": name, "metadata": {"subscriber": reference}},
            {"idempotency_key": key},
        )
    return customer.id


def create_seat_checkout(request: CheckoutRequest, *, title: str) -> CheckoutState:
    """Open a Checkout for one seat, paid at once, with an invoice."""
    reference = {"order": request.order_number}
    seat = {
        "mode": "payment",
        "payment_intent_data": {"metadata": reference, "description": title},
        "invoice_creation": {"enabled": True, "invoice_data": {"metadata": reference, "description": title}},
    }
    return _create_checkout(request, seat)


def create_year_checkout(request: CheckoutRequest) -> CheckoutState:
    """Open a Checkout for a yearly subscription."""
    return _create_checkout(request, {"mode": "subscription", "subscription_data": {"metadata": {"order": request.order_number}}})


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


def fetch_subscription(subscription_id: str) -> SubscriptionState:
    """The subscription as it is now."""
    with stripe_errors():
        subscription = client().v1.subscriptions.retrieve(subscription_id)
    return read_subscription(subscription.to_dict())


def fetch_invoice(invoice_id: str) -> InvoiceState:
    """The invoice as it is now, with its lines and payments."""
    with stripe_errors():
        # Stripe expands four levels at most, and a payment's charge lies on the fifth.
        invoice = client().v1.invoices.retrieve(invoice_id, {"expand": ["payments"]}).to_dict()
    payments = (fetch_payment(intent_id) for intent_id in paid_intent_ids(invoice))
    return read_invoice(invoice, [payment for payment in payments if payment])


def fetch_payment(payment_intent_id: str) -> CapturedPayment | None:
    """The money that this payment intent took; None if it took none."""
    with stripe_errors():
        intent = client().v1.payment_intents.retrieve(payment_intent_id, {"expand": ["latest_charge"]})
    return read_payment(intent.to_dict())


def create_refund(*, key: str, reference: str, payment_intent_id: str, amount_minor: int) -> RefundState:
    """Give money back; the same `key` gives the same refund. `reference` is our row's public id."""
    with stripe_errors():
        refund = client().v1.refunds.create(
            {"payment_intent": payment_intent_id, "amount": amount_minor, "metadata": {"refund": reference}},
            {"idempotency_key": key},
        )
    return read_refund(refund.to_dict())


def find_refund(*, reference: str, payment_intent_id: str) -> RefundState | None:
    """The refund that an unanswered call may have made for this row."""
    with stripe_errors():
        for refund in client().v1.refunds.list({"payment_intent": payment_intent_id, "limit": 100}).auto_paging_iter():
            found = read_refund(refund.to_dict())
            if found.reference == reference:
                return found
    return None


def fetch_refund(refund_id: str) -> RefundState:
    """The refund as it is now."""
    with stripe_errors():
        refund = client().v1.refunds.retrieve(refund_id)
    return read_refund(refund.to_dict())


def _create_checkout(request: CheckoutRequest, what: dict[str, Any]) -> CheckoutState:
    params: Any = {
        "customer": request.customer_id,
        "client_reference_id": request.order_number,
        "line_items": [{"price": request.price_id, "quantity": 1}],
        "expires_at": int(request.expires_at.timestamp()),
        "success_url": request.return_url,
        "cancel_url": request.back_url,
        "metadata": {"order": request.order_number},
        "allowed_payment_method_types": IMMEDIATE_PAYMENT_METHODS,
        **what,
    }
    with stripe_errors():
        session = client().v1.checkout.sessions.create(params, {"idempotency_key": request.key})
    return read_checkout(session.to_dict())


def _refuse_future_timestamp(signature: str, now: datetime) -> None:
    # The SDK bounds a signature's age only backwards: one dated ahead would stay replayable for as long as it is ahead.
    for part in signature.split(","):
        name, _, value = part.strip().partition("=")
        # Sixteen digits are more than any time has, and few enough for an integer.
        is_time = value.isdecimal() and value.isascii() and len(value) <= 16
        if name == "t" and not (is_time and int(value) <= now.timestamp() + SIGNATURE_TOLERANCE_SECONDS):
            raise BadSignature
