"""Credits: prepaid attendances, never money. The ledger is append-only; a grant's balance is the sum of its entries."""

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from sessions_live.models import LiveSession, Seat
from subscriptions.models.billing import Subscriber, Subscription

# What a grant of another source must leave empty.
_NO_LINE = {"stripe_invoice_line_id__isnull": True}
_NO_STAFF = {"granted_by__isnull": True}
_NO_SEAT = {"returned_for__isnull": True}
_NO_YEAR = {"carried_from__isnull": True}


class CreditGrantQuerySet(models.QuerySet["CreditGrant"]):
    """Which credits are good, and in which order they are used."""

    def valid_at(self, now: datetime) -> Self:
        """Grants that have begun and not expired, the soonest to expire first."""
        return self.filter(valid_from__lte=now, expires_at__gt=now).order_by("expires_at", "id")


class CreditGrant(models.Model):
    """Credits that came together and expire together; `source` says whence."""

    class Source(models.TextChoices):
        INVOICE = "invoice", "paid year"
        STAFF = "staff", "granted by the house"
        RETURNED = "returned", "returned by the house"
        CARRIED_OVER = "carried_over", "carried over"

    source = models.CharField(max_length=12, choices=Source, default=Source.INVOICE, db_default="invoice")

    subscriber = models.ForeignKey(Subscriber, on_delete=models.PROTECT, related_name="credit_grants")
    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, null=True, blank=True, related_name="credit_grants")
    # At most one grant for one line of an invoice, whatever arrives how often.
    stripe_invoice_line_id = models.CharField(max_length=80, unique=True, null=True, blank=True)
    stripe_invoice_id = models.CharField(max_length=80, blank=True, default="", db_default="", db_index=True)
    # The seat whose credit came back after its own grant had too little time left; at most one such grant for a seat.
    returned_for = models.OneToOneField(Seat, on_delete=models.PROTECT, null=True, blank=True, related_name="returned_grant")
    # The year from which unused credits came over, once; what came over does not come over again.
    carried_from = models.OneToOneField("self", on_delete=models.PROTECT, null=True, blank=True, related_name="carried_to")
    granted_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    reason = models.CharField(max_length=200, blank=True)
    # What was asked for once by staff, and granted these: asked for again, it finds them.
    request_id = models.UUIDField(null=True, blank=True, unique=True, editable=False)
    credits = models.PositiveSmallIntegerField()
    balance = models.PositiveSmallIntegerField()
    valid_from = models.DateTimeField()
    # Good for sessions that start before this instant.
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField()

    objects = CreditGrantQuerySet.as_manager()

    class Meta:
        ordering = ["expires_at", "id"]
        indexes = [
            models.Index(fields=["subscriber", "expires_at"], name="grant_subscriber_expires_idx"),
            models.Index(fields=["expires_at"], condition=Q(balance__gt=0), name="grant_unexpired_balance_idx"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(balance__gte=0, balance__lte=F("credits")), name="credit_grant_balance_within"),
            models.CheckConstraint(
                condition=Q(source="invoice", stripe_invoice_line_id__isnull=False, **_NO_STAFF, **_NO_SEAT, **_NO_YEAR)
                | Q(source="staff", granted_by__isnull=False, **_NO_LINE, **_NO_SEAT, **_NO_YEAR)
                | Q(source="returned", returned_for__isnull=False, **_NO_LINE, **_NO_STAFF, **_NO_YEAR)
                | Q(source="carried_over", carried_from__isnull=False, **_NO_LINE, **_NO_STAFF, **_NO_SEAT),
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
            models.UniqueConstraint(
                fields=["grant"], condition=Q(kind__in=["grant", "carry_over"]), name="credit_entry_one_grant_per_grant"
            ),
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
