"""Credits: prepaid attendances, never money. The ledger is append-only; a grant's balance is the sum of its entries."""

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from sessions_live.models import LiveSession, Seat
from subscriptions.models.billing import Subscriber, Subscription


class CreditGrantQuerySet(models.QuerySet["CreditGrant"]):
    """Which credits are good, and in which order they are used."""

    def valid_at(self, now: datetime) -> Self:
        """Grants that have begun and not expired, the soonest to expire first."""
        return self.filter(valid_from__lte=now, expires_at__gt=now).order_by("expires_at", "id")


class CreditGrant(models.Model):
    """Credits that came together: from one paid line of an invoice for a year, or from a member of staff."""

    subscriber = models.ForeignKey(Subscriber, on_delete=models.PROTECT, related_name="credit_grants")
    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, null=True, blank=True, related_name="credit_grants")
    # At most one grant for one line of an invoice, whatever arrives how often.
    stripe_invoice_line_id = models.CharField(max_length=80, unique=True, null=True, blank=True)
    granted_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    reason = models.CharField(max_length=200, blank=True)
    credits = models.PositiveSmallIntegerField()
    balance = models.PositiveSmallIntegerField()
    valid_from = models.DateTimeField()
    # Good for sessions that start before this instant.
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField()

    objects = CreditGrantQuerySet.as_manager()

    class Meta:
        ordering = ["expires_at", "id"]
        indexes = [models.Index(fields=["subscriber", "expires_at"], name="grant_subscriber_expires_idx")]
        constraints = [
            models.CheckConstraint(condition=Q(balance__gte=0, balance__lte=F("credits")), name="credit_grant_balance_within"),
            models.CheckConstraint(
                condition=Q(stripe_invoice_line_id__isnull=False, granted_by__isnull=True)
                | Q(stripe_invoice_line_id__isnull=True, granted_by__isnull=False),
                name="credit_grant_has_one_source",
            ),
            models.CheckConstraint(condition=Q(expires_at__gt=F("valid_from")), name="credit_grant_ends_after_it_begins"),
        ]

    def __str__(self) -> str:
        return f"{self.balance} of {self.credits} credits"

    def covers(self, live_session: LiveSession) -> bool:
        """Whether a credit is left that is still good when the session starts."""
        return self.balance > 0 and self.expires_at > live_session.starts_at


class CreditEntry(models.Model):
    """One line of the ledger. Never updated, never deleted: a trigger refuses both."""

    class Kind(models.TextChoices):
        GRANT = "grant"
        SPEND = "spend"
        RETURN = "return"
        EXPIRE = "expire"
        CARRY_OVER = "carry_over"
        REVOKE = "revoke"

    grant = models.ForeignKey(CreditGrant, on_delete=models.PROTECT, related_name="entries")
    kind = models.CharField(max_length=10, choices=Kind)
    delta = models.SmallIntegerField()
    balance_after = models.PositiveSmallIntegerField()
    seat = models.ForeignKey(Seat, on_delete=models.PROTECT, null=True, blank=True, related_name="credit_entries")
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    reason = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["at", "id"]
        verbose_name_plural = "credit entries"
        constraints = [
            models.UniqueConstraint(fields=["seat"], condition=Q(kind="spend"), name="credit_entry_one_spend_per_seat"),
            models.UniqueConstraint(fields=["seat"], condition=Q(kind="return"), name="credit_entry_one_return_per_seat"),
            models.UniqueConstraint(fields=["grant"], condition=Q(kind="grant"), name="credit_entry_one_grant_per_grant"),
            models.CheckConstraint(
                condition=Q(kind__in=["grant", "return", "carry_over"], delta__gt=0)
                | Q(kind__in=["spend", "expire", "revoke"], delta__lt=0),
                name="credit_entry_sign_fits_kind",
            ),
            models.CheckConstraint(
                condition=~Q(kind__in=["spend", "return"]) | Q(seat__isnull=False), name="credit_entry_names_seat"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.delta:+d}"
