"""The schedule and the seats, with what the database itself refuses."""

import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from redreport import policy
from redreport.text import FIRM_LENGTH, NAME_LENGTH


class Host(models.Model):
    """Who runs a session: an author of the newsletter."""

    name = models.CharField(max_length=120)
    email = models.EmailField(blank=True)
    bio = models.TextField(blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class LiveSession(models.Model):
    """One live hour. Its row is the mutex of its seats: whoever changes a seat locks this row first."""

    class Section(models.TextChoices):
        ZHONGNANHAI = "zhongnanhai", "From Zhongnanhai"
        HILL = "hill", "On the Hill"
        BUSINESS = "business", "Business Matters"
        TECH = "tech", "Tech Futures"
        ESPIONAGE = "espionage", "Espionage Alert"
        ONE_MORE = "one_more", "One more thing"
        BOOKS = "books", "Book Recs"

    class State(models.TextChoices):
        DRAFTED = "drafted"
        PUBLISHED = "published"
        ENDED = "ended"
        CANCELED = "canceled"

    title = models.CharField(max_length=160)
    slug = models.SlugField(max_length=180, unique=True)
    section = models.CharField(max_length=20, choices=Section)
    question = models.CharField("the question it answers", max_length=300)
    description = models.TextField(blank=True)
    hosts = models.ManyToManyField(Host, related_name="live_sessions", blank=True)
    starts_at = models.DateTimeField()
    duration_minutes = models.PositiveSmallIntegerField(default=policy.SESSION_MINUTES)
    capacity = models.PositiveIntegerField(default=policy.DEFAULT_CAPACITY)
    meeting_url = models.URLField("meeting address", blank=True, help_text="Never shown; the door leads there.")
    state = models.CharField(max_length=12, choices=State, default=State.DRAFTED)
    published_at = models.DateTimeField(null=True, blank=True, editable=False)
    # Rises with every change of the time: mails and calendar entries name the version they speak of.
    schedule_version = models.PositiveIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["starts_at", "id"]
        indexes = [
            models.Index(fields=["state", "starts_at"], name="live_session_state_starts_idx"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(capacity__gte=1), name="live_session_capacity_positive"),
            models.CheckConstraint(condition=Q(duration_minutes__gte=1), name="live_session_duration_positive"),
            models.CheckConstraint(
                condition=Q(state="drafted") | Q(published_at__isnull=False) | Q(state="canceled"),
                name="live_session_published_has_time",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def ends_at(self) -> datetime:
        """The instant at which the hour is over."""
        return self.starts_at + timedelta(minutes=self.duration_minutes)

    @property
    def door_opens_at(self) -> datetime:
        """The instant from which attendees may enter."""
        return self.starts_at - policy.DOOR_OPENS_BEFORE

    @property
    def door_closes_at(self) -> datetime:
        """The instant after which nobody enters any more."""
        return self.ends_at + policy.DOOR_CLOSES_AFTER

    @property
    def cancel_cutoff_at(self) -> datetime:
        """Until then a buyer gets restitution for a seat given back."""
        return self.starts_at - policy.CANCEL_CUTOFF

    def is_door_open(self, now: datetime) -> bool:
        """Whether attendees may enter at `now`, as far as the clock decides."""
        return self.door_opens_at <= now <= self.door_closes_at

    def is_on_sale(self, now: datetime) -> bool:
        """Whether seats may be taken at `now`: published, and not yet started."""
        return self.state == self.State.PUBLISHED and now < self.starts_at


class Seat(models.Model):
    """One unit of a session's capacity, and who sits in it. The attendee needs no account; `booked_by` may be another person."""

    class State(models.TextChoices):
        OFFERED = "offered"
        HELD = "held"
        CONFIRMED = "confirmed"
        ATTENDED = "attended"
        NO_SHOW = "no_show"
        CANCELED = "canceled"
        EXPIRED = "expired"

    ACTIVE = (State.OFFERED, State.HELD, State.CONFIRMED, State.ATTENDED, State.NO_SHOW)
    TAKEN = (State.CONFIRMED, State.ATTENDED, State.NO_SHOW)

    class CanceledBy(models.TextChoices):
        BUYER = "buyer"
        HOUSE = "house"

    class Restitution(models.TextChoices):
        FULL = "full"
        NONE = "none"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    live_session = models.ForeignKey(LiveSession, on_delete=models.PROTECT, related_name="seats")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State)
    attendee_name = models.CharField(max_length=NAME_LENGTH)
    attendee_email = models.EmailField()
    attendee_firm = models.CharField(max_length=FIRM_LENGTH, blank=True)
    booked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="booked_seats")
    held_at = models.DateTimeField()
    hold_expires_at = models.DateTimeField(null=True, blank=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    entered_at = models.DateTimeField(null=True, blank=True)
    canceled_at = models.DateTimeField(null=True, blank=True)
    canceled_by = models.CharField(max_length=6, choices=CanceledBy, blank=True)
    canceled_reason = models.CharField(max_length=200, blank=True)
    restitution = models.CharField(max_length=4, choices=Restitution, blank=True)
    # SEQUENCE of this seat's calendar entry, and the version of its door: raising it kills every link mailed before.
    calendar_sequence = models.PositiveIntegerField(default=0)
    door_version = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["live_session_id", "number", "id"]
        indexes = [
            models.Index(fields=["booked_by", "state"], name="seat_booked_by_state_idx"),
            models.Index(fields=["canceled_at"], condition=Q(state="canceled"), name="seat_canceled_idx"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["live_session", "number"],
                condition=Q(state__in=["offered", "held", "confirmed", "attended", "no_show"]),
                name="seat_number_unique_while_active",
            ),
            models.UniqueConstraint(
                F("live_session"),
                Lower("attendee_email"),
                condition=Q(state__in=["offered", "held", "confirmed", "attended", "no_show"]),
                name="seat_attendee_unique_while_active",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["offered", "held"], hold_expires_at__isnull=False)
                | (~Q(state__in=["offered", "held"]) & Q(hold_expires_at__isnull=True)),
                name="seat_held_has_expiry",
            ),
            models.CheckConstraint(condition=Q(number__gte=1), name="seat_number_positive"),
            models.CheckConstraint(
                condition=~Q(state__in=["confirmed", "attended", "no_show"]) | Q(confirmed_at__isnull=False),
                name="seat_confirmed_has_time",
            ),
            models.CheckConstraint(
                condition=~Q(state="canceled") | (Q(canceled_at__isnull=False) & ~Q(canceled_by="") & ~Q(restitution="")),
                name="seat_canceled_says_by_whom",
            ),
        ]

    def __str__(self) -> str:
        return f"Seat {self.number} of {self.live_session_id}"
