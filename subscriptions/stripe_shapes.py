"""Reading Stripe's objects, plain dicts from the SDK in the shapes of the pinned version, into values of our own."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from subscriptions.stripe_objects import (
    CapturedPayment,
    CheckoutState,
    EventHint,
    InvoiceLine,
    InvoiceState,
    RefundState,
    SubscriptionState,
)


def read_event(event: dict[str, Any]) -> EventHint:
    """A verified event's hint."""
    return EventHint(
        id=event["id"],
        type=event["type"],
        object_id=event.get("data", {}).get("object", {}).get("id") or "",
        livemode=bool(event.get("livemode")),
        account=event.get("account") or "",
        api_version=event.get("api_version") or "",
        occurred_at=_instant(event["created"]),
    )


def read_checkout(session: dict[str, Any]) -> CheckoutState:
    """A Checkout session fetched with its payment intent, charge and invoice."""
    intent, invoice = _expanded(session.get("payment_intent")), _expanded(session.get("invoice"))
    return CheckoutState(
        id=session["id"],
        url=session.get("url") or "",
        status=session.get("status") or "",
        payment_status=session.get("payment_status") or "",
        order_number=_own_order_number(session),
        customer_id=_id_of(session.get("customer")),
        amount_minor=session.get("amount_subtotal") or 0,
        currency=session.get("currency") or "",
        livemode=bool(session.get("livemode")),
        payment=read_payment(intent),
        subscription_id=_id_of(session.get("subscription")),
        invoice_id=_id_of(session.get("invoice")),
        hosted_invoice_url=invoice.get("hosted_invoice_url") or "",
        invoice_pdf_url=invoice.get("invoice_pdf") or "",
    )


def read_subscription(subscription: dict[str, Any]) -> SubscriptionState:
    """A subscription; its period stands on its item since flexible billing."""
    item = subscription["items"]["data"][0]
    return SubscriptionState(
        id=subscription["id"],
        customer_id=_id_of(subscription["customer"]),
        status=subscription["status"],
        order_number=(subscription.get("metadata") or {}).get("order", ""),
        current_period_start=_instant(item["current_period_start"]),
        current_period_end=_instant(item["current_period_end"]),
        cancel_at=_instant_or_none(subscription.get("cancel_at")),
        cancel_at_period_end=bool(subscription.get("cancel_at_period_end")),
        canceled_at=_instant_or_none(subscription.get("canceled_at")),
        latest_invoice_id=_id_of(subscription.get("latest_invoice")),
        livemode=bool(subscription.get("livemode")),
    )


def paid_intent_ids(invoice: dict[str, Any]) -> list[str]:
    """The payment intents that settled an invoice fetched with its payments."""
    payments = (invoice.get("payments") or {}).get("data", [])
    settled = [payment["payment"] for payment in payments if payment.get("status") == "paid"]
    return [_id_of(payment["payment_intent"]) for payment in settled if payment.get("payment_intent")]


def read_invoice(invoice: dict[str, Any], payments: Iterable[CapturedPayment]) -> InvoiceState:
    """An invoice, and the payments found for it."""
    agreement = (invoice.get("parent") or {}).get("subscription_details") or {}
    return InvoiceState(
        id=invoice["id"],
        status=invoice.get("status") or "",
        subscription_id=_id_of(agreement.get("subscription")),
        order_number=(invoice.get("metadata") or {}).get("order") or (agreement.get("metadata") or {}).get("order") or "",
        lines=tuple(_invoice_line(line) for line in invoice["lines"]["data"]),
        payments=tuple(payments),
        paid_at=_instant_or_none((invoice.get("status_transitions") or {}).get("paid_at")),
        hosted_invoice_url=invoice.get("hosted_invoice_url") or "",
        invoice_pdf_url=invoice.get("invoice_pdf") or "",
        livemode=bool(invoice.get("livemode")),
    )


def _invoice_line(line: dict[str, Any]) -> InvoiceLine:
    price = ((line.get("pricing") or {}).get("price_details") or {}).get("price")
    return InvoiceLine(
        id=line["id"],
        price_id=_id_of(price),
        amount_minor=line["amount"],
        is_proration=bool(((line.get("parent") or {}).get("subscription_item_details") or {}).get("proration")),
        period_start=_instant(line["period"]["start"]),
        period_end=_instant(line["period"]["end"]),
    )


def read_refund(refund: dict[str, Any]) -> RefundState:
    """A refund."""
    return RefundState(
        id=refund["id"],
        status=refund.get("status") or "",
        reference=(refund.get("metadata") or {}).get("refund", ""),
        failure_reason=refund.get("failure_reason") or "",
    )


def read_payment(intent: dict[str, Any]) -> CapturedPayment | None:
    """The money of a payment intent fetched with its latest charge; None while nothing was taken."""
    charge = _expanded(intent.get("latest_charge"))
    if not intent or intent.get("status") != "succeeded":
        return None
    return CapturedPayment(
        payment_intent_id=intent["id"],
        charge_id=_id_of(intent.get("latest_charge")),
        amount_minor=intent["amount_received"],
        currency=intent["currency"],
        captured_at=_instant(charge.get("created") or intent["created"]),
        receipt_url=charge.get("receipt_url") or "",
    )


def _own_order_number(session: dict[str, Any]) -> str:
    """The order a Checkout of ours names twice; a payment link takes a reference from anybody's address bar, but no metadata."""
    reference = session.get("client_reference_id") or ""
    return reference if (session.get("metadata") or {}).get("order") == reference else ""


def _expanded(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _id_of(value: Any) -> str:
    return value["id"] if isinstance(value, dict) else value or ""


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _instant_or_none(seconds: int | None) -> datetime | None:
    return _instant(seconds) if seconds else None
