"""Whoever pays, and the yearly agreement."""

import uuid
from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from redreport.outbox.models import OutgoingMail
from redreport.text import FIRM_LENGTH, NAME_LENGTH
from subscriptions.cards import Card


class Subscriber(models.Model):
    """Whoever pays: one row per user who has bought or been granted something, linked to a Stripe customer."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="subscriber")
    # Makes the idempotency key with which the Stripe customer is created.
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    stripe_key_version = models.PositiveSmallIntegerField(default=0, editable=False)
    stripe_customer_id = models.CharField(max_length=80, unique=True, null=True, blank=True)
    firm = models.CharField(max_length=FIRM_LENGTH, blank=True)
    billing_name = models.CharField(max_length=NAME_LENGTH, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.billing_name or f"Subscriber {self.pk}"


class FormerCustomer(models.Model):
    """A Stripe customer of the subscriber's that was deleted in the dashboard. What it paid stays the subscriber's."""

    subscriber = models.ForeignKey(Subscriber, on_delete=models.PROTECT, related_name="former_customers")
    stripe_customer_id = models.CharField(max_length=80, unique=True)
    left_at = models.DateTimeField()

    class Meta:
        ordering = ["-left_at", "-id"]

    def __str__(self) -> str:
        return self.stripe_customer_id


class Subscription(models.Model):
    """The yearly agreement, as Stripe last told it. Its status never blocks a booked seat or a granted credit."""

    class Status(models.TextChoices):
        INCOMPLETE = "incomplete"
        INCOMPLETE_EXPIRED = "incomplete_expired"
        TRIALING = "trialing"
        ACTIVE = "active"
        PAST_DUE = "past_due"
        CANCELED = "canceled"
        UNPAID = "unpaid"
        PAUSED = "paused"

    LIVE = (Status.TRIALING, Status.ACTIVE, Status.PAST_DUE, Status.UNPAID, Status.PAUSED)
    # Stripe's paused and unpaid ones make no invoice that is charged; one in arrears hears about those it owes.
    RENEWING = (Status.TRIALING, Status.ACTIVE)
    LAPSED = (Status.CANCELED, Status.UNPAID)

    subscriber = models.ForeignKey(Subscriber, on_delete=models.PROTECT, related_name="subscriptions")
    stripe_subscription_id = models.CharField(max_length=80, unique=True)
    status = models.CharField(max_length=20, choices=Status)
    current_period_start = models.DateTimeField()
    current_period_end = models.DateTimeField()
    # Either one means 'scheduled to end': Stripe's portal sets the date, older ways set the flag.
    cancel_at = models.DateTimeField(null=True, blank=True)
    cancel_at_period_end = models.BooleanField(default=False)
    canceled_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    # Collection paused in Stripe's dashboard: what becomes of its invoices meanwhile. Empty when it is not paused.
    pause_behavior = models.CharField(max_length=20, blank=True, default="", db_default="")
    # What the next charge goes to; empty where that is no card, and once the year has ended.
    card_brand = models.CharField(max_length=20, blank=True, default="", db_default="")
    card_last4 = models.CharField(max_length=4, blank=True, default="", db_default="")
    card_expires = models.CharField(max_length=7, blank=True, default="", db_default="")
    synced_at = models.DateTimeField()

    class Meta:
        ordering = ["-current_period_end"]
        indexes = [models.Index(fields=["status", "current_period_end"], name="subscription_renewal_idx")]

    def __str__(self) -> str:
        return f"{self.stripe_subscription_id} ({self.status})"

    @property
    def is_live(self) -> bool:
        """Whether it still runs, paid or not."""
        return self.status in self.LIVE

    @property
    def has_lapsed(self) -> bool:
        """Whether Stripe has stopped asking for its money: it ended, or is left unpaid."""
        return self.status in self.LAPSED

    @property
    def renews(self) -> bool:
        """Whether Stripe will charge again at the end of the period."""
        return self.is_live and self.cancel_at is None and not self.cancel_at_period_end

    @property
    def payment_is_open(self) -> bool:
        """Whether Stripe could not take the payment of the current period."""
        return self.status in (self.Status.PAST_DUE, self.Status.UNPAID)

    @property
    def is_paused(self) -> bool:
        """Whether the house paused it at Stripe, in either of Stripe's two ways: nothing is charged meanwhile."""
        return self.status == self.Status.PAUSED or (self.is_live and bool(self.pause_behavior))

    @property
    def card(self) -> Card | None:
        """What Stripe will charge next."""
        return Card(self.card_brand, self.card_last4, self.card_expires) if self.card_last4 else None

    @property
    def ends_at(self) -> datetime:
        """When it ends, or its paid period does if it renews."""
        return self.ended_at or self.cancel_at or self.current_period_end


class SubscriptionChange(models.Model):
    """What somebody asked of a subscription: committed before Stripe is asked, and the key with which it is asked."""

    class Kind(models.TextChoices):
        RENEWAL_OFF = "renewal_off", "renewal turned off"
        RENEWAL_ON = "renewal_on", "renewal turned on"
        END_NOW = "end_now", "ended at once"

    class State(models.TextChoices):
        PENDING = "pending"
        DONE = "done"
        SUPERSEDED = "superseded"
        REFUSED = "refused"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, related_name="changes")
    kind = models.CharField(max_length=12, choices=Kind)
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=200, blank=True)
    stripe_key_version = models.PositiveSmallIntegerField(default=0, editable=False)
    attempts = models.PositiveSmallIntegerField(default=0)
    # When the sweep next asks Stripe; empty once there is nothing left to ask.
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(
                fields=["next_attempt_at"], condition=Q(next_attempt_at__isnull=False), name="subscription_change_due_idx"
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["subscription"], condition=Q(state="pending"), name="subscription_change_one_pending"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ({self.state})"


class RenewalNoticeQuerySet(models.QuerySet["RenewalNotice"]):
    """Which notices are under way, and which were let go."""

    def idle(self) -> Self:
        """Notices that nobody works on and that no mail states: the renewal was off when its turn came."""
        let_go = Q(mail__isnull=True) | Q(mail__state=OutgoingMail.State.WITHHELD)
        return self.filter(let_go, next_attempt_at__isnull=True, given_up_at__isnull=True)


class RenewalNotice(models.Model):
    """The mail before a renewal, once for each renewal date; `dossier` is what it stated, kept as evidence."""

    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, related_name="renewal_notices")
    renews_at = models.DateTimeField()
    # Amounts in minor units, card, sessions attended, credits left, as they stood when the mail was owed.
    dossier = models.JSONField(default=dict)
    mail = models.OneToOneField(OutgoingMail, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    # When it was given up because no preview of the invoice could be had in time; then a case stands.
    given_up_at = models.DateTimeField(null=True, blank=True)

    objects = RenewalNoticeQuerySet.as_manager()

    class Meta:
        ordering = ["-renews_at", "-id"]
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=Q(next_attempt_at__isnull=False), name="renewal_notice_due_idx"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["subscription", "renews_at"], name="renewal_notice_once_per_renewal"),
        ]

    def __str__(self) -> str:
        return f"Renewal notice for {self.renews_at:%Y-%m-%d}"

    @property
    def still_holds(self) -> bool:
        """Whether the subscription renews on that date, as far as we know."""
        subscription = self.subscription
        is_charged = subscription.renews and not subscription.pause_behavior and subscription.status in Subscription.RENEWING
        return is_charged and subscription.current_period_end == self.renews_at
