"""Comparing what Stripe has with what we have: plain values in, differences in words out. Nothing here asks anybody."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from redreport.money import format_money
from subscriptions.cards import Card
from subscriptions.models import Dispute, Invoice, Order, Payment, Refund, StripeEvent, Subscription
from subscriptions.operations.refund_states import STATE_OF_STATUS
from subscriptions.stripe_objects import (
    CapturedPayment,
    CheckoutState,
    DisputeState,
    EventHint,
    InvoiceState,
    RefundState,
    SubscriptionState,
)

# How the keys of our cases begin.
CASES = "reconcile:"
NOTHING = "nothing"
SUBSCRIPTION_FIELDS = (
    *("status", "current_period_start", "current_period_end", "cancel_at", "cancel_at_period_end"),
    *("canceled_at", "ended_at", "pause_behavior"),
)


@dataclass(frozen=True)
class Difference:
    """One thing on which Stripe and we do not agree, in words without personal data. `kind` names the walk that found it."""

    kind: str
    object_id: str
    about: str
    ours: str
    stripe: str

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id}, {self.about}: ours {self.ours}, Stripe {self.stripe}"

    @property
    def case_key(self) -> str:
        """The same for as long as both sides say the same."""
        said = hashlib.sha256(f"{self.ours}|{self.stripe}".encode()).hexdigest()[:8]
        return f"{CASES}{self.kind}:{self.object_id}:{self.about.replace(' ', '_')}:{said}"


def of_subscription(state: SubscriptionState, row: Subscription | None) -> Iterator[Difference]:
    """Status, period, end, pause and card."""
    if row is None:
        yield Difference("subscription", state.id, "row", NOTHING, f"{state.status} until {_said(state.current_period_end)}")
        return
    for name in SUBSCRIPTION_FIELDS:
        ours, stripe = getattr(row, name), getattr(state, name)
        if ours != stripe:
            yield Difference("subscription", state.id, name.replace("_", " "), _said(ours), _said(stripe))
    if row.card != state.card:
        # Its digits are in no log and no case.
        yield Difference("subscription", state.id, "card", _known(row.card), _known(state.card))


def _known(card: Card | None) -> str:
    return "one that expires " + card.expires if card else NOTHING


def of_customer(kind: str, object_id: str, is_deleted: bool, is_linked: bool) -> Iterator[Difference]:
    """A customer deleted at Stripe with whom we still would do business."""
    if is_deleted and is_linked:
        yield Difference(kind, object_id, "customer", "linked", "deleted")


def of_payment(captured: CapturedPayment, row: Payment | None, given_back_minor: int) -> Iterator[Difference]:
    """Money taken, and how much of it went back in refunds that Stripe took on."""
    intent_id, currency = captured.payment_intent_id, captured.currency
    if row is None:
        yield Difference("payment", intent_id, "row", NOTHING, format_money(captured.amount_minor, currency))
        return
    if (row.amount_minor, row.currency) != (captured.amount_minor, currency):
        ours = format_money(row.amount_minor, row.currency)
        yield Difference("payment", intent_id, "amount", ours, format_money(captured.amount_minor, currency))
    if given_back_minor != captured.refunded_minor:
        ours, stripe = format_money(given_back_minor, currency), format_money(captured.refunded_minor, currency)
        yield Difference("payment", intent_id, "given back", ours, stripe)


def of_refund(state: RefundState, row: Refund | None) -> Iterator[Difference]:
    """Its amount, and whether it went through."""
    amount = format_money(state.amount_minor, state.currency)
    if row is None:
        yield Difference("refund", state.id, "row", NOTHING, f"{amount} {state.status}")
        return
    if (row.amount_minor, row.currency) != (state.amount_minor, state.currency):
        yield Difference("refund", state.id, "amount", format_money(row.amount_minor, row.currency), amount)
    stripes_state = STATE_OF_STATUS.get(state.status, Refund.State.SUBMITTED)
    if row.state != stripes_state:
        yield Difference("refund", state.id, "state", row.state, state.status)


def of_dispute(state: DisputeState, row: Dispute | None) -> Iterator[Difference]:
    """Its amount and how it stands."""
    amount = format_money(state.amount_minor, state.currency)
    if row is None:
        yield Difference("dispute", state.id, "row", NOTHING, f"{amount} {state.status}")
        return
    if (row.amount_minor, row.currency) != (state.amount_minor, state.currency):
        yield Difference("dispute", state.id, "amount", format_money(row.amount_minor, row.currency), amount)
    if row.status != state.status:
        yield Difference("dispute", state.id, "status", row.status, state.status)


def of_invoice(state: InvoiceState, row: Invoice | None, ungranted_lines: Iterable[str]) -> Iterator[Difference]:
    """Its status and sums, and the credits of each paid line of a year."""
    total = format_money(state.total_minor, state.currency)
    if row is None:
        if state.status != Invoice.Status.DRAFT:
            yield Difference("invoice", state.id, "row", NOTHING, f"{total} {state.status}")
    elif row.status != state.status:
        yield Difference("invoice", state.id, "status", row.status, state.status)
    elif (row.total_minor, row.currency) != (state.total_minor, state.currency):
        yield Difference("invoice", state.id, "total", format_money(row.total_minor, row.currency), total)
    for line_id in ungranted_lines:
        yield Difference("invoice", state.id, f"credits of {line_id}", NOTHING, "paid for a year")


def of_checkout(state: CheckoutState, order: Order | None) -> Iterator[Difference]:
    """A complete Checkout belongs to a paid order, an expired one to an order that waits no more."""
    if order is None:
        yield Difference("checkout", state.id, "order", NOTHING, f"{state.order_number} complete without a payment")
    elif state.is_paid and order.paid_at is None:
        yield Difference("checkout", state.id, "order", order.state, "paid")
    elif state.status == "expired" and order.state == Order.State.PENDING and order.stripe_checkout_session_id == state.id:
        yield Difference("checkout", state.id, "order", order.state, "expired")


def of_event(event: EventHint, row: StripeEvent | None) -> Iterator[Difference]:
    """An event on which we would have acted, had we heard of it."""
    if row is None:
        yield Difference("event", event.id, "inbox", NOTHING, event.type)


def _said(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if value else "none"
