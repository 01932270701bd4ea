"""What we read of Stripe's objects: plain values of our own, so that no shape of Stripe's travels further than the gateway."""

import uuid
from collections.abc import Container
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from subscriptions.cards import Card

A_YEAR_AT_LEAST = timedelta(days=360)


@dataclass(frozen=True)
class EventHint:
    """A verified webhook: something happened to an object. What it says is not believed; the object is fetched."""

    id: str
    type: str
    object_id: str
    livemode: bool
    account: str
    api_version: str
    occurred_at: datetime
    # As Stripe sent it, personal data and all: scrubbed before it is kept, and in no log.
    object: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class CustomerState:
    """A customer as Stripe has it now; one deleted in the dashboard has nothing left but its id."""

    id: str
    is_deleted: bool
    email: str = ""
    name: str = ""
    # Our subscriber's public id, for customers that we made.
    reference: str = ""

    @property
    def is_made_by_us(self) -> bool:
        """Whether its reference is of the shape that ours have."""
        return _uuid_or_none(self.reference) is not None


@dataclass(frozen=True)
class CapturedPayment:
    """Money taken: its intent, charge and customer, the amount in minor units, and when Stripe took it.

    `refunded_minor` is what Stripe says went back so far, in refunds that have not failed.
    """

    payment_intent_id: str
    charge_id: str
    amount_minor: int
    currency: str
    captured_at: datetime
    receipt_url: str = ""
    customer_id: str = ""
    refunded_minor: int = 0
    livemode: bool = False
    # What our Checkout wrote beside it: the order of a seat.
    order_number: str = ""
    # Where it was fetched along.
    customer: CustomerState | None = None


class Sums(Protocol):
    """What was paid in the end, in minor units: discount and tax are known once it is."""

    @property
    def discount_minor(self) -> int: ...
    @property
    def tax_minor(self) -> int: ...
    @property
    def total_minor(self) -> int: ...


@dataclass(frozen=True)
class CheckoutRequest:
    """What every Checkout we open says. The same `key` gives the same Checkout."""

    key: str
    order_number: str
    customer_id: str
    price_id: str
    expires_at: datetime
    return_url: str
    back_url: str
    quantity: int = 1
    # Which session a seat is for: what is left of it should our order ever be lost.
    session_slug: str = ""


@dataclass(frozen=True)
class CheckoutState:
    """A Checkout session as Stripe has it now. `amount_minor` is before tax and discount, `total_minor` is what is paid."""

    id: str
    url: str
    status: str
    payment_status: str
    order_number: str
    customer_id: str
    amount_minor: int
    discount_minor: int
    tax_minor: int
    total_minor: int
    currency: str
    livemode: bool
    payment: CapturedPayment | None
    # The bank that was to make the payment did not.
    payment_failed: bool
    subscription_id: str
    invoice_id: str
    hosted_invoice_url: str
    invoice_pdf_url: str
    session_slug: str = ""
    # How many seats our Checkout was for, as it wrote beside the session.
    seats: int = 1

    @property
    def is_paid(self) -> bool:
        """Whether what it sells may be given."""
        return self.status == "complete" and self.payment_status in ("paid", "no_payment_required")

    @property
    def is_under_way(self) -> bool:
        """Whether the reader has done everything, and a bank is still moving the money."""
        return self.status == "complete" and not self.is_paid and not self.payment_failed


@dataclass(frozen=True)
class SubscriptionState:
    """A subscription as Stripe has it now; the period is that of its first item."""

    id: str
    customer_id: str
    status: str
    order_number: str
    current_period_start: datetime
    current_period_end: datetime
    cancel_at: datetime | None
    cancel_at_period_end: bool
    canceled_at: datetime | None
    latest_invoice_id: str
    # How Stripe treats invoices while collection is paused in the dashboard; empty when it is not.
    pause_behavior: str
    ended_at: datetime | None
    livemode: bool
    # Where it was fetched along.
    customer: CustomerState | None = None
    # Stripe's own word for why it ends: payment_failed, cancellation_requested, payment_disputed.
    ends_because: str = ""
    # What its next invoice is charged to, where it was fetched along; none where it is no card, or nothing will be charged.
    card: Card | None = None


@dataclass(frozen=True)
class InvoiceLine:
    """One line of an invoice: the price it charges, and the period it pays for. A proration settles a change, not a year."""

    id: str
    price_id: str
    amount_minor: int
    is_proration: bool
    quantity: int
    period_start: datetime
    period_end: datetime

    def pays_for_a_year(self, yearly_price_ids: Container[str]) -> bool:
        """Prorations, trials and other small change on a yearly price bring no credits. The amount is before any discount."""
        is_charged = self.price_id in yearly_price_ids and self.amount_minor > 0 and not self.is_proration
        return is_charged and self.period_end - self.period_start > A_YEAR_AT_LEAST


@dataclass(frozen=True)
class InvoiceState:
    """An invoice as Stripe has it now, with the payments that settled it. Amounts in minor units; `subtotal_minor` is before
    discount and tax."""

    id: str
    number: str
    status: str
    billing_reason: str
    customer_id: str
    subscription_id: str
    order_number: str
    subtotal_minor: int
    discount_minor: int
    tax_minor: int
    total_minor: int
    currency: str
    attempt_count: int
    next_payment_attempt_at: datetime | None
    # Stripe could not even finalize it, as when tax cannot be reckoned; its own word for why.
    finalization_error: str
    created_at: datetime
    lines: tuple[InvoiceLine, ...]
    payments: tuple[CapturedPayment, ...]
    paid_at: datetime | None
    hosted_invoice_url: str
    invoice_pdf_url: str
    livemode: bool
    # The card's bank asks the reader to confirm the payment.
    needs_action: bool = False


@dataclass(frozen=True)
class RefundState:
    """A refund as Stripe has it now. `reference` is our row's public id, empty for one made by hand in the dashboard."""

    id: str
    status: str
    reference: str
    failure_reason: str
    payment_intent_id: str
    amount_minor: int
    currency: str
    created_at: datetime

    @property
    def own_reference(self) -> uuid.UUID | None:
        """The reference where it is one of ours; in the dashboard anybody can write anything there."""
        return _uuid_or_none(self.reference)


@dataclass(frozen=True)
class DisputeState:
    """A dispute as Stripe has it now; an inquiry is one whose status begins with 'warning_'."""

    id: str
    status: str
    reason: str
    payment_intent_id: str
    amount_minor: int
    currency: str
    evidence_due_at: datetime | None
    created_at: datetime
    livemode: bool


@dataclass(frozen=True)
class FraudWarning:
    """The card issuer suspects fraud; refunding in time avoids a dispute. Not actionable once it is refunded or disputed."""

    id: str
    payment_intent_id: str
    fraud_type: str
    is_actionable: bool


@dataclass(frozen=True)
class RenewalPreview:
    """What the next invoice of a subscription will charge, in minor units, and the card it will go to, where one is kept."""

    subtotal_minor: int
    discount_minor: int
    tax_minor: int
    total_minor: int
    currency: str
    renews_at: datetime
    card: Card | None


@dataclass(frozen=True)
class CatalogPrice:
    """One of Stripe's prices, as `stripe_setup` found or made it."""

    id: str
    product_id: str
    lookup_key: str
    amount_minor: int
    currency: str
    interval: str
    tax_behavior: str
    livemode: bool


def _uuid_or_none(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
