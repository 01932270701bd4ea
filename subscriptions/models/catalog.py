"""What we sell, and Stripe's prices for it."""

from django.db import models
from django.db.models import Q


class Plan(models.TextChoices):
    """The two things on sale."""

    SINGLE_SEAT = "single_seat", "Single session"
    ANNUAL = "annual", "Annual subscription"


class Price(models.Model):
    """One of Stripe's prices, as `stripe_setup` put it there. It never changes: a new amount is a new row."""

    plan = models.CharField(max_length=12, choices=Plan)
    lookup_key = models.CharField(max_length=80)
    stripe_price_id = models.CharField(max_length=80, unique=True)
    stripe_product_id = models.CharField(max_length=80)
    stripe_account_id = models.CharField(max_length=80)
    livemode = models.BooleanField()
    amount_minor = models.PositiveIntegerField()
    currency = models.CharField(max_length=3)
    interval = models.CharField(max_length=5, blank=True)
    tax_behavior = models.CharField(max_length=12)
    is_current = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["plan", "-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["plan", "livemode"], condition=Q(is_current=True), name="price_one_current_per_plan_and_mode"
            ),
            models.CheckConstraint(condition=Q(interval__in=["", "year"]), name="price_interval_known"),
        ]

    def __str__(self) -> str:
        return f"{self.get_plan_display()}: {self.amount_minor} {self.currency}"
