"""The inbox of Stripe's webhooks, and who may fetch and apply an object just now."""

from django.db import models
from django.db.models import Q


class StripeEvent(models.Model):
    """A hint from Stripe that an object changed: verified, stored once, acted on by fetching the object."""

    class State(models.TextChoices):
        RECEIVED = "received"
        PROCESSED = "processed"
        IGNORED = "ignored"
        FAILED = "failed"

    stripe_event_id = models.CharField(max_length=80, unique=True)
    type = models.CharField(max_length=80)
    object_id = models.CharField(max_length=120, blank=True)
    api_version = models.CharField(max_length=40, blank=True)
    livemode = models.BooleanField()
    # The event's object without what could name a person: ids, states, amounts, times.
    payload = models.JSONField(default=dict, db_default={})
    state = models.CharField(max_length=10, choices=State, default=State.RECEIVED)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=200, blank=True)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    # When it is tried next; empty once it needs no more work.
    due_at = models.DateTimeField(null=True, blank=True)
    processed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-received_at", "-id"]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="stripe_event_due_idx"),
            # What waits or failed: the desk and the metrics count it, however many went well.
            models.Index(fields=["received_at"], condition=Q(state__in=("received", "failed")), name="stripe_event_unwell_idx"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.stripe_event_id}"


class StripeObjectLease(models.Model):
    """The right to fetch one of Stripe's objects and write what it says. One holder at a time; runs out if its holder dies."""

    stripe_object_id = models.CharField(max_length=120, primary_key=True)
    holder = models.UUIDField(null=True, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    # Somebody was told of a newer state while it was held: the holder fetches once more before letting go.
    asked_again = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.stripe_object_id


class Reconciliation(models.Model):
    """One comparison of all that Stripe has with all that we have. `lines` says of each difference what became of it."""

    class Endpoint(models.TextChoices):
        UNKNOWN = "", "not known"
        ENABLED = "enabled"
        DISABLED = "disabled"
        MISSING = "missing"

    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    # How far back Stripe's objects were walked.
    since = models.DateTimeField()
    found = models.PositiveIntegerField(default=0)
    fixed = models.PositiveIntegerField(default=0)
    cases = models.PositiveIntegerField(default=0)
    lines = models.JSONField(default=list)
    # Whether Stripe still tells our endpoint of its events: after many failures it stops.
    endpoint = models.CharField(max_length=8, choices=Endpoint, blank=True, default="", db_default="")

    class Meta:
        ordering = ["-started_at", "-id"]

    def __str__(self) -> str:
        return f"Reconciliation of {self.started_at:%Y-%m-%d %H:%M}"
