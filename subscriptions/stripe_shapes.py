"""Reading Stripe's objects, plain dicts from the SDK in the shapes of the pinned version, into values of our own."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from subscriptions.cards import Card
from subscriptions.stripe_objects import (
    CapturedPayment,
    CheckoutState,
    CustomerState,
    DisputeState,
    EventHint,
    FraudWarning,
    InvoiceLine,
    InvoiceState,
    RefundState,
    RenewalPreview,
    SubscriptionState,
)

# A complete Checkout whose payment intent is in one of these gets no money any more.
WITHOUT_MONEY = ("requires_payment_method", "canceled")


def read_event(event: dict[str, Any]) -> EventHint:
    """A verified event's hint."""
    return EventHint(
        id=event["id"],
        type=event["type"],
        object_id=_object_of(event),
        livemode=bool(event.get("livemode")),
        account=event.get("account") or "",
        api_version=event.get("api_version") or "",
        occurred_at=_instant(event["created"]),
        object=event.get("data", {}).get("object") or {},
    )


def _object_of(event: dict[str, Any]) -> str:
    """The id of what an event is about; an invoice that is merely upcoming has none, and stands for its subscription."""
    about = event.get("data", {}).get("object", {})
    if event["type"] == "invoice.upcoming":
        return _id_of(_agreement_of(about).get("subscription"))
    return about.get("id") or ""


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
        discount_minor=(session.get("total_details") or {}).get("amount_discount") or 0,
        tax_minor=(session.get("total_details") or {}).get("amount_tax") or 0,
        total_minor=session.get("amount_total") or 0,
        currency=session.get("currency") or "",
        livemode=bool(session.get("livemode")),
        payment=read_payment(intent),
        payment_failed=session.get("status") == "complete" and intent.get("status") in WITHOUT_MONEY,
        subscription_id=_id_of(session.get("subscription")),
        invoice_id=_id_of(session.get("invoice")),
        hosted_invoice_url=invoice.get("hosted_invoice_url") or "",
        invoice_pdf_url=invoice.get("invoice_pdf") or "",
        session_slug=(session.get("metadata") or {}).get("session", ""),
        seats=_count((session.get("metadata") or {}).get("seats", "")),
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
        pause_behavior=(subscription.get("pause_collection") or {}).get("behavior") or "",
        ended_at=_instant_or_none(subscription.get("ended_at")),
        livemode=bool(subscription.get("livemode")),
        customer=_customer_fetched_along(subscription),
        ends_because=(subscription.get("cancellation_details") or {}).get("reason") or "",
        card=None if subscription.get("ended_at") else _card_to_charge(subscription),
    )


def paid_intent_ids(invoice: dict[str, Any]) -> list[str]:
    """The payment intents that settled an invoice fetched with its payments."""
    return _intent_ids(invoice, "paid")


def open_intent_ids(invoice: dict[str, Any]) -> list[str]:
    """The payment intents with which an open invoice, fetched with its payments, is being collected."""
    return _intent_ids(invoice, "open") if invoice.get("status") == "open" else []


def _intent_ids(invoice: dict[str, Any], status: str) -> list[str]:
    payments = (invoice.get("payments") or {}).get("data", [])
    found = [payment["payment"] for payment in payments if payment.get("status") == status]
    return [_id_of(payment["payment_intent"]) for payment in found if payment.get("payment_intent")]


def read_invoice(invoice: dict[str, Any], payments: Iterable[CapturedPayment], *, needs_action: bool = False) -> InvoiceState:
    """An invoice, the payments found for it, and whether a payment under way waits for the reader."""
    agreement = _agreement_of(invoice)
    return InvoiceState(
        id=invoice["id"],
        number=invoice.get("number") or "",
        status=invoice.get("status") or "",
        billing_reason=invoice.get("billing_reason") or "",
        customer_id=_id_of(invoice.get("customer")),
        subscription_id=_id_of(agreement.get("subscription")),
        order_number=(invoice.get("metadata") or {}).get("order") or (agreement.get("metadata") or {}).get("order") or "",
        subtotal_minor=invoice["subtotal"],
        discount_minor=_sum_of(invoice.get("total_discount_amounts")),
        tax_minor=_sum_of(invoice.get("total_taxes")),
        total_minor=invoice["total"],
        currency=invoice["currency"],
        attempt_count=invoice.get("attempt_count") or 0,
        next_payment_attempt_at=_instant_or_none(invoice.get("next_payment_attempt")),
        finalization_error=(invoice.get("last_finalization_error") or {}).get("code") or "",
        created_at=_instant(invoice["created"]),
        lines=tuple(_invoice_line(line) for line in invoice["lines"]["data"]),
        payments=tuple(payments),
        paid_at=_instant_or_none((invoice.get("status_transitions") or {}).get("paid_at")),
        hosted_invoice_url=invoice.get("hosted_invoice_url") or "",
        invoice_pdf_url=invoice.get("invoice_pdf") or "",
        livemode=bool(invoice.get("livemode")),
        needs_action=needs_action,
    )


def _agreement_of(invoice: dict[str, Any]) -> dict[str, Any]:
    return (invoice.get("parent") or {}).get("subscription_details") or {}


def _invoice_line(line: dict[str, Any]) -> InvoiceLine:
    price = ((line.get("pricing") or {}).get("price_details") or {}).get("price")
    return InvoiceLine(
        id=line["id"],
        price_id=_id_of(price),
        amount_minor=line["amount"],
        quantity=line.get("quantity") or 1,
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
        payment_intent_id=_id_of(refund.get("payment_intent")),
        amount_minor=refund["amount"],
        currency=refund["currency"],
        created_at=_instant(refund["created"]),
    )


def read_dispute(dispute: dict[str, Any]) -> DisputeState:
    """A dispute."""
    return DisputeState(
        id=dispute["id"],
        status=dispute["status"],
        reason=dispute.get("reason") or "",
        payment_intent_id=_id_of(dispute.get("payment_intent")),
        amount_minor=dispute["amount"],
        currency=dispute["currency"],
        evidence_due_at=_instant_or_none((dispute.get("evidence_details") or {}).get("due_by")),
        created_at=_instant(dispute["created"]),
        livemode=bool(dispute.get("livemode")),
    )


def read_fraud_warning(warning: dict[str, Any]) -> FraudWarning:
    """A card issuer's warning, fetched with its charge."""
    intent = warning.get("payment_intent") or _expanded(warning.get("charge")).get("payment_intent")
    return FraudWarning(
        id=warning["id"],
        payment_intent_id=_id_of(intent),
        fraud_type=warning.get("fraud_type") or "",
        is_actionable=bool(warning.get("actionable")),
    )


def read_customer(customer: dict[str, Any]) -> CustomerState:
    """A customer; of a deleted one only the id is left."""
    return CustomerState(
        id=customer["id"],
        is_deleted=bool(customer.get("deleted")),
        email=customer.get("email") or "",
        name=customer.get("name") or "",
        reference=(customer.get("metadata") or {}).get("subscriber", ""),
    )


def read_preview(invoice: dict[str, Any], subscription: dict[str, Any]) -> RenewalPreview:
    """A previewed invoice, and its subscription fetched with the cards it may charge."""
    return RenewalPreview(
        subtotal_minor=invoice["subtotal"],
        discount_minor=_sum_of(invoice.get("total_discount_amounts")),
        tax_minor=_sum_of(invoice.get("total_taxes")),
        total_minor=invoice["total"],
        currency=invoice["currency"],
        renews_at=_instant(subscription["items"]["data"][0]["current_period_end"]),
        card=_card_to_charge(subscription),
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
        customer_id=_id_of(intent.get("customer")),
        refunded_minor=charge.get("amount_refunded") or 0,
        livemode=bool(intent.get("livemode")),
        order_number=(intent.get("metadata") or {}).get("order", ""),
        customer=_customer_fetched_along(intent),
    )


def _customer_fetched_along(owned: dict[str, Any]) -> CustomerState | None:
    customer = _expanded(owned.get("customer"))
    return read_customer(customer) if customer else None


def _card_to_charge(subscription: dict[str, Any]) -> Card | None:
    """The subscription's own, else its customer's."""
    settings = _expanded(_expanded(subscription.get("customer")).get("invoice_settings"))
    method = _expanded(subscription.get("default_payment_method")) or _expanded(settings.get("default_payment_method"))
    return _card(method.get("card") or {})


def _card(card: dict[str, Any]) -> Card | None:
    """It is only shown: one of which Stripe does not say everything is none."""
    brand, last4, month, year = (card.get(name) for name in ("brand", "last4", "exp_month", "exp_year"))
    return Card(brand, last4, f"{month:02}/{year}") if brand and last4 and month and year else None


def _own_order_number(session: dict[str, Any]) -> str:
    """The order a Checkout of ours names twice; a payment link takes a reference from anybody's address bar, but no metadata."""
    reference = session.get("client_reference_id") or ""
    return reference if (session.get("metadata") or {}).get("order") == reference else ""


def _sum_of(amounts: list[dict[str, Any]] | None) -> int:
    return sum(entry["amount"] for entry in amounts or ())


def _expanded(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _id_of(value: Any) -> str:
    return value["id"] if isinstance(value, dict) else value or ""


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _instant_or_none(seconds: int | None) -> datetime | None:
    return _instant(seconds) if seconds else None


def _count(text: str) -> int:
    """A number that we wrote; one where there is none, or where somebody wrote something else over it in the dashboard."""
    return int(text) if text.isdecimal() and len(text) <= 3 else 1
