"""Stripe's invoices of ours: their papers, their sums, and how their collection goes."""

from django.db import models

from subscriptions.models.billing import Subscriber, Subscription
from subscriptions.models.orders import Order


class Invoice(models.Model):
    """An invoice as Stripe last told it. Amounts in minor units; `subtotal_minor` is before discount and tax."""

    class Status(models.TextChoices):
        DRAFT = "draft"
        OPEN = "open"
        PAID = "paid"
        UNCOLLECTIBLE = "uncollectible"
        VOID = "void"

    RENEWAL = "subscription_cycle"
    OF_A_PERIOD = ("subscription_create", RENEWAL)

    stripe_invoice_id = models.CharField(max_length=80, unique=True)
    number = models.CharField(max_length=60, blank=True)
    subscriber = models.ForeignKey(Subscriber, on_delete=models.PROTECT, related_name="invoices")
    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, null=True, blank=True, related_name="invoices")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, null=True, blank=True, related_name="invoices")
    status = models.CharField(max_length=14, choices=Status)
    # Stripe's own word: subscription_create, subscription_cycle, manual.
    billing_reason = models.CharField(max_length=50, blank=True)
    subtotal_minor = models.IntegerField()
    discount_minor = models.PositiveIntegerField(default=0)
    tax_minor = models.PositiveIntegerField(default=0)
    total_minor = models.IntegerField()
    currency = models.CharField(max_length=3)
    # How often Stripe tried to collect it, and when it tries again.
    attempt_count = models.PositiveSmallIntegerField(default=0)
    next_payment_attempt_at = models.DateTimeField(null=True, blank=True)
    hosted_invoice_url = models.TextField(blank=True)
    invoice_pdf_url = models.TextField(blank=True)
    created_at = models.DateTimeField()
    paid_at = models.DateTimeField(null=True, blank=True)
    synced_at = models.DateTimeField()

    class Meta:
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return self.number or self.stripe_invoice_id

    @property
    def is_renewal(self) -> bool:
        """Whether it bills another period of a subscription that runs already."""
        return self.billing_reason == self.RENEWAL
