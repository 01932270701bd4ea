"""What belongs to an hour before and after it: questions, materials, and what attendees thought."""

import uuid

from django.core.files.storage import Storage, storages
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from sessions_live.models.schedule import LiveSession
from sessions_live.models.seats import Seat


class Question(models.Model):
    """What an attendee wants the hosts to answer; seen by the hosts and staff alone."""

    seat = models.ForeignKey(Seat, on_delete=models.PROTECT, related_name="questions")
    text = models.CharField(max_length=500)
    asked_at = models.DateTimeField()

    class Meta:
        ordering = ["asked_at", "id"]

    def __str__(self) -> str:
        return f"Question {self.pk}"


def materials_storage() -> Storage:
    """Where uploads lie: a folder or a bucket, as the settings say."""
    return storages["materials"]


class Material(models.Model):
    """What stays of an hour for those who had a seat: a replay, notes, a file or an address elsewhere; exactly one of both."""

    class Kind(models.TextChoices):
        REPLAY = "replay", "Replay"
        NOTES = "notes", "Notes"
        READING = "reading", "Reading"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    live_session = models.ForeignKey(LiveSession, on_delete=models.PROTECT, related_name="materials")
    kind = models.CharField(max_length=8, choices=Kind)
    title = models.CharField(max_length=160)
    file = models.FileField(max_length=300, blank=True, storage=materials_storage, upload_to="materials/%Y/%m/")
    url = models.URLField("address elsewhere", max_length=500, blank=True)
    position = models.PositiveSmallIntegerField(default=0)
    added_at = models.DateTimeField()

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.CheckConstraint(
                condition=(Q(file="") & ~Q(url="")) | (~Q(file="") & Q(url="")), name="material_file_or_address"
            ),
        ]

    def __str__(self) -> str:
        return self.title


class Feedback(models.Model):
    """What an attendee thought of the hour; seen by the hosts and staff alone, without the name."""

    seat = models.OneToOneField(Seat, on_delete=models.PROTECT, related_name="feedback")
    rating = models.PositiveSmallIntegerField(validators=[MinValueValidator(1), MaxValueValidator(5)])
    comment = models.CharField(max_length=1000, blank=True)
    given_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "feedback"
        constraints = [
            models.CheckConstraint(condition=Q(rating__gte=1, rating__lte=5), name="feedback_rating_of_five"),
        ]

    def __str__(self) -> str:
        return f"Feedback on seat {self.seat_id}"
