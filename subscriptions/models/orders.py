"""Orders, and the money received for them. Rows here are never deleted."""

import secrets
from datetime import datetime

from django.db import models
from django.db.models import F, Q

from redreport.text import READ_ALOUD
from sessions_live.models import LiveSession
from subscriptions.models.billing import Subscriber, Subscription
from subscriptions.models.catalog import Price


def new_order_number() -> str:
    """'RR-7F3K9QXW': short enough for the telephone, too sparse to be guessed."""
    return "RR-" + "".join(secrets.choice(READ_ALOUD) for _ in range(8))


class Order(models.Model):
    """One purchase: a seat or a year. Its number is the reference between us, the reader and Stripe."""

    class Kind(models.TextChoices):
        SEAT = "seat"
        YEAR = "year"

    class State(models.TextChoices):
        PENDING = "pending"
        PAID = "paid"
        PARTLY_REFUNDED = "partly_refunded"
        REFUNDED = "refunded"
        EXPIRED = "expired"
        FAILED = "failed"

    number = models.CharField(max_length=16, unique=True, default=new_order_number, editable=False)
    subscriber = models.ForeignKey(Subscriber, on_delete=models.PROTECT, related_name="orders")
    kind = models.CharField(max_length=4, choices=Kind)
    state = models.CharField(max_length=16, choices=State, default=State.PENDING)
    live_session = models.ForeignKey(LiveSession, on_delete=models.PROTECT, null=True, blank=True, related_name="orders")
    price = models.ForeignKey(Price, on_delete=models.PROTECT, related_name="orders")
    # How many seats it is for. A year is one.
    quantity = models.PositiveSmallIntegerField(default=1, db_default=1)
    # The right amount of all of it: before tax and discount.
    amount_minor = models.PositiveIntegerField()
    currency = models.CharField(max_length=3)
    created_at = models.DateTimeField()
    # When we start to ask Stripe to expire the Checkout; what was held is given back only once Stripe says that it is expired.
    expires_at = models.DateTimeField()
    checkout_expires_at = models.DateTimeField()
    stripe_checkout_session_id = models.CharField(max_length=120, unique=True, null=True, blank=True)
    checkout_url = models.TextField(blank=True)
    stripe_key_version = models.PositiveSmallIntegerField(default=0, editable=False)
    # When Stripe took the payment, and when what was paid for had been given.
    paid_at = models.DateTimeField(null=True, blank=True)
    fulfilled_at = models.DateTimeField(null=True, blank=True)
    # Since when the reader's bank is moving the money: the Checkout is complete, and not paid yet.
    under_way_since = models.DateTimeField(null=True, blank=True)
    # When the buyer gave the hold back before paying: such an order did not lapse.
    given_up_at = models.DateTimeField(null=True, blank=True)
    # When the sweep next asks Stripe about this order; empty when there is nothing left to learn.
    next_check_at = models.DateTimeField(null=True, blank=True)
    checks = models.PositiveSmallIntegerField(default=0)
    consent_version = models.CharField(max_length=20, blank=True)
    consented_at = models.DateTimeField(null=True, blank=True)
    # The renewal terms word for word, as they stood beside the box.
    consent_text = models.TextField(blank=True, default="", db_default="")
    # What was paid in the end: discount and tax are known once it is.
    discount_minor = models.PositiveIntegerField(default=0, db_default=0)
    tax_minor = models.PositiveIntegerField(default=0, db_default=0)
    total_minor = models.PositiveIntegerField(null=True, blank=True)
    subscription = models.OneToOneField(Subscription, on_delete=models.PROTECT, null=True, blank=True, related_name="started_by")
    hosted_invoice_url = models.TextField(blank=True)
    invoice_pdf_url = models.TextField(blank=True)
    receipt_url = models.TextField(blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["next_check_at"], condition=Q(next_check_at__isnull=False), name="order_next_check_idx"),
            models.Index(
                fields=["paid_at"], condition=Q(fulfilled_at__isnull=True, paid_at__isnull=False), name="order_unfulfilled_idx"
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["subscriber"], condition=Q(kind="year", state="pending"), name="order_one_pending_year"
            ),
            models.UniqueConstraint(
                fields=["subscriber", "live_session"],
                condition=Q(kind="seat", state="pending"),
                name="order_one_pending_per_session",
            ),
            models.CheckConstraint(
                condition=Q(kind="seat", live_session__isnull=False) | Q(kind="year", live_session__isnull=True),
                name="order_seat_names_session",
            ),
            models.CheckConstraint(
                condition=Q(quantity__gte=1) & (Q(kind="seat") | Q(quantity=1)), name="order_quantity_fits_kind"
            ),
            models.CheckConstraint(
                condition=Q(kind="seat") | (~Q(consent_version="") & Q(consented_at__isnull=False)),
                name="order_year_has_consent",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["pending", "expired", "failed"]) | Q(paid_at__isnull=False), name="order_paid_has_time"
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def came_to_nothing(self) -> bool:
        """Whether it cost nothing and what it was for could not be had: closed for good, and nothing to return."""
        return self.state == self.State.FAILED and self.paid_at is not None

    @property
    def waits_for_stripe(self) -> bool:
        """Whether asking Stripe may bring it further: it may be paid by now, or another worker was at its year when it was."""
        return self.state in (self.State.PENDING, self.State.PAID) and self.fulfilled_at is None

    @property
    def held_until(self) -> datetime:
        """The last instant at which it can be paid for: its Checkout ends then, or the sale does. With a payment on its way,
        when we stop waiting for it."""
        if self.under_way_since:
            return self.expires_at
        ends = [self.expires_at, self.checkout_expires_at]
        return min([*ends, self.live_session.starts_at] if self.live_session else ends)


class Payment(models.Model):
    """Money that Stripe took for us, in one payment intent."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, null=True, blank=True, related_name="payments")
    subscriber = models.ForeignKey(Subscriber, on_delete=models.PROTECT, related_name="payments")
    stripe_payment_intent_id = models.CharField(max_length=80, unique=True)
    stripe_charge_id = models.CharField(max_length=80, blank=True)
    stripe_invoice_id = models.CharField(max_length=80, blank=True)
    amount_minor = models.PositiveIntegerField()
    currency = models.CharField(max_length=3)
    receipt_url = models.TextField(blank=True, default="", db_default="")
    # The sum of its refunds that have not failed.
    refunded_minor = models.PositiveIntegerField(default=0)
    # The sum of what its cases say went back past Stripe.
    paid_back_minor = models.PositiveIntegerField(default=0, db_default=0)
    captured_at = models.DateTimeField()
    recorded_at = models.DateTimeField()

    class Meta:
        ordering = ["-captured_at", "-id"]
        indexes = [models.Index(fields=["stripe_invoice_id"], name="payment_invoice_idx")]
        constraints = [
            models.CheckConstraint(condition=Q(refunded_minor__lte=F("amount_minor")), name="payment_refunds_within_amount"),
            models.CheckConstraint(condition=Q(paid_back_minor__lte=F("amount_minor")), name="payment_paid_back_within_amount"),
        ]

    def __str__(self) -> str:
        return self.stripe_payment_intent_id

    @property
    def left_minor(self) -> int:
        """What can still be given back of it; what is owed already counts as gone, and so does what went back past Stripe."""
        return max(0, self.left_at_stripe_minor - self.paid_back_minor)

    @property
    def left_at_stripe_minor(self) -> int:
        """What Stripe would still let anybody refund: it knows nothing of what went back past it."""
        return self.amount_minor - self.refunded_minor
