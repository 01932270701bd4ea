"""Whoever pays, and the yearly agreement."""

import uuid

from django.conf import settings
from django.db import models

from redreport.text import FIRM_LENGTH, NAME_LENGTH


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

    subscriber = models.ForeignKey(Subscriber, on_delete=models.PROTECT, related_name="subscriptions")
    stripe_subscription_id = models.CharField(max_length=80, unique=True)
    status = models.CharField(max_length=20, choices=Status)
    current_period_start = models.DateTimeField()
    current_period_end = models.DateTimeField()
    # Either one means 'scheduled to end': Stripe's portal sets the date, older ways set the flag.
    cancel_at = models.DateTimeField(null=True, blank=True)
    cancel_at_period_end = models.BooleanField(default=False)
    canceled_at = models.DateTimeField(null=True, blank=True)
    synced_at = models.DateTimeField()

    class Meta:
        ordering = ["-current_period_end"]

    def __str__(self) -> str:
        return f"{self.stripe_subscription_id} ({self.status})"

    @property
    def is_live(self) -> bool:
        """Whether it still runs, paid or not."""
        return self.status in self.LIVE

    @property
    def renews(self) -> bool:
        """Whether Stripe will charge again at the end of the period."""
        return self.is_live and self.cancel_at is None and not self.cancel_at_period_end
