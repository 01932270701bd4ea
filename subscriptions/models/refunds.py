"""Money given back, and money that a bank takes back."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from subscriptions.models.orders import Payment


class Refund(models.Model):
    """Money given back. The row is committed before Stripe is asked, and makes the key with which it is asked."""

    class State(models.TextChoices):
        PENDING = "pending"
        SUBMITTED = "submitted"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        CANCELED = "canceled"

    class Reason(models.TextChoices):
        """Why money goes back; the labels are said to readers as sentences."""

        SOLD_OUT = "sold_out", "the payment came after the held seat had been released, and no other was left"
        STARTED = "started", "the payment came after the session had started"
        HEARD_TOO_LATE = "heard_too_late", "we learned of the payment only after the session"
        NOT_HELD = "not_held", "the session does not take place"
        ALREADY_SEATED = "already_seated", "the attendee already had a seat in this session"
        PAID_TWICE = "paid_twice", "the order was paid twice"
        GIVEN_BACK = "given_back", "you canceled the seat in time"
        HOUSE_CANCELED = "house_canceled", "we canceled the seat"
        YEAR_ENDED = "year_ended", "the year was ended early"
        STAFF = "staff", "we agreed on it with you"
        # Seen at Stripe: somebody made it in the dashboard.
        DASHBOARD = "dashboard", "we returned it"

    # Stripe has taken it on, and it has not failed.
    STANDING = (State.SUBMITTED, State.SUCCEEDED)
    # Over, with nothing given back.
    GIVEN_UP = (State.FAILED, State.CANCELED)
    TOLD_WITH_THEIR_CAUSE = (Reason.GIVEN_BACK, Reason.HOUSE_CANCELED, Reason.YEAR_ENDED)
    SAY_NOTHING_OF_THE_SEAT = (
        Reason.PAID_TWICE,
        Reason.STAFF,
        Reason.YEAR_ENDED,
        # These say it themselves.
        Reason.GIVEN_BACK,
        Reason.HOUSE_CANCELED,
        Reason.NOT_HELD,
    )

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="refunds")
    amount_minor = models.PositiveIntegerField()
    currency = models.CharField(max_length=3)
    reason = models.CharField(max_length=20, choices=Reason)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    note = models.CharField(max_length=200, blank=True, default="", db_default="")
    # The refund that failed and that this one is made instead of.
    replaces = models.OneToOneField("self", on_delete=models.PROTECT, null=True, blank=True, related_name="replaced_by")
    # The papers of an invoiced payment's refund: when they are next asked for, and what Stripe calls them.
    credit_note_due_at = models.DateTimeField(null=True, blank=True)
    credit_note_attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    stripe_credit_note_id = models.CharField(max_length=80, blank=True, default="", db_default="")
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    stripe_refund_id = models.CharField(max_length=80, unique=True, null=True, blank=True)
    stripe_key_version = models.PositiveSmallIntegerField(default=0, editable=False)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=Q(next_attempt_at__isnull=False), name="refund_next_attempt_idx"),
            models.Index(
                fields=["credit_note_due_at"], condition=Q(credit_note_due_at__isnull=False), name="refund_credit_note_due_idx"
            ),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(amount_minor__gte=1), name="refund_amount_positive"),
        ]

    def __str__(self) -> str:
        return f"Refund of {self.amount_minor} {self.currency}"

    @property
    def is_told_already(self) -> bool:
        """Whether the mail about the canceled seat or the ended year has promised it. One made after it failed is news, and so
        is one that staff decided on later."""
        is_of_canceled_seat = self.coverages.filter(settlement="refund").exists()
        return (self.reason in self.TOLD_WITH_THEIR_CAUSE and self.replaces_id is None) or is_of_canceled_seat

    @property
    def leaves_what_was_bought(self) -> bool:
        """Whether the order keeps what another payment of it has bought."""
        order = self.payment.order
        return self.reason == self.Reason.PAID_TWICE and order is not None and order.fulfilled_at is not None

    @property
    def takes_the_seat(self) -> bool:
        """Whether it must be said that the payment left no seat behind: not of a year, nor where the house had a reason of its
        own or the reason says it already."""
        order = self.payment.order
        if order is None or order.live_session_id is None or self.reason in self.SAY_NOTHING_OF_THE_SEAT:
            return False
        return self.reason != self.Reason.DASHBOARD or self.amount_minor == self.payment.amount_minor


class Dispute(models.Model):
    """A cardholder's bank asks for a payment back, as Stripe last told it. An inquiry asks first and takes nothing yet."""

    INQUIRY = "warning_"
    LOST = "lost"
    CLOSED = ("won", LOST, "warning_closed", "prevented")

    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="disputes")
    stripe_dispute_id = models.CharField(max_length=80, unique=True)
    amount_minor = models.PositiveIntegerField()
    currency = models.CharField(max_length=3)
    reason = models.CharField(max_length=60)
    # Stripe's own word.
    status = models.CharField(max_length=30)
    evidence_due_at = models.DateTimeField(null=True, blank=True)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    synced_at = models.DateTimeField()

    class Meta:
        ordering = ["-opened_at", "-id"]

    def __str__(self) -> str:
        return f"Dispute {self.stripe_dispute_id} ({self.status})"

    @property
    def is_open(self) -> bool:
        """Whether the bank has not decided yet."""
        return self.status not in self.CLOSED

    @property
    def keeps_refunds_back(self) -> bool:
        """Whether a refund now would pay the money out twice: it is with the bank, or lost to it."""
        return self.status == self.LOST or (self.is_open and not self.status.startswith(self.INQUIRY))
