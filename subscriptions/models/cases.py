"""Mismatches that a person must decide."""

from django.conf import settings
from django.db import models

from subscriptions.models.billing import Subscriber
from subscriptions.models.orders import Order


class Case(models.Model):
    """One mismatch, opened once per `key`, settled by a member of staff."""

    class Kind(models.TextChoices):
        AMOUNT_MISMATCH = "amount_mismatch", "Paid amount is not the order's"
        SECOND_YEAR = "second_year", "Second live subscription"
        REFUND_FAILED = "refund_failed", "Refund failed"
        UNKNOWN_INVOICE = "unknown_invoice", "Paid invoice that is none of ours"

    class State(models.TextChoices):
        OPENED = "opened"
        SETTLED = "settled"

    key = models.CharField(max_length=160, unique=True)
    kind = models.CharField(max_length=20, choices=Kind)
    state = models.CharField(max_length=8, choices=State, default=State.OPENED)
    subscriber = models.ForeignKey(Subscriber, on_delete=models.PROTECT, null=True, blank=True, related_name="cases")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, null=True, blank=True, related_name="cases")
    summary = models.CharField(max_length=300)
    opened_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)
    settled_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    resolution = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-opened_at", "-id"]

    def __str__(self) -> str:
        return self.summary
