"""What staff asked to be done to many rows: each row's part is known beforehand, done once, and says what came of it."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from sessions_live.models import LiveSession


class Job(models.Model):
    """One confirmed form of the desk's. It is done item by item by a worker, goes on after a crash, and lists what failed."""

    # The number of the form it came from: a second click is the same job.
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=40)
    # Where it was begun, and where its page leads back to.
    live_session = models.ForeignKey(LiveSession, on_delete=models.PROTECT, null=True, blank=True, related_name="jobs")
    # What the form said, for all items alike: why, with or without restitution, to where.
    wishes = models.JSONField(default=dict)
    # What staff were shown before they confirmed it.
    preview = models.CharField(max_length=500)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-made_at", "-id"]
        permissions = [("view_books", "Can see the books")]
        indexes = [
            # What the minute sweep reads; it stays small however many jobs there were.
            models.Index(fields=["id"], condition=Q(finished_at__isnull=True), name="job_unfinished_idx"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class JobItem(models.Model):
    """One row's part of a job."""

    class State(models.TextChoices):
        WAITING = "waiting"
        DONE = "done"
        FAILED = "failed"

    job = models.ForeignKey(Job, on_delete=models.PROTECT, related_name="items")
    number = models.PositiveIntegerField()
    # Operations that make something new keep it beside what they made: done again, they find it.
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    # Whom or what it is about, as staff read it.
    about = models.CharField(max_length=300)
    # The row it changes, if there is one; what the operation needs to know beside the job's wishes.
    target_id = models.BigIntegerField(null=True, blank=True)
    values = models.JSONField(default=dict)
    state = models.CharField(max_length=7, choices=State, default=State.WAITING)
    # What came of it, or why not, in words.
    outcome = models.CharField(max_length=300, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["job_id", "number"]
        constraints = [
            models.UniqueConstraint(fields=["job", "number"], name="job_item_once_per_number"),
            models.CheckConstraint(
                condition=Q(state="waiting", done_at__isnull=True) | (~Q(state="waiting") & Q(done_at__isnull=False)),
                name="job_item_ended_has_time",
            ),
        ]
        indexes = [
            models.Index(fields=["job", "number"], condition=Q(state="waiting"), name="job_item_waiting_idx"),
        ]

    def __str__(self) -> str:
        return f"Item {self.number} of job {self.job_id}"
