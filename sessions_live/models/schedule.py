"""The schedule: sessions, who runs them, and every change of a session's time."""

import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q

from redreport import policy


class Host(models.Model):
    """Who runs a session: an author of the newsletter."""

    name = models.CharField(max_length=120)
    email = models.EmailField(blank=True)
    bio = models.TextField(blank=True)
    # Whose account it is, for a host who reads of their own sessions in the admin.
    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="host")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class SessionNews(models.Model):
    """One mail to every reader who asked for it, of the sessions that point here. Sent batch by batch, by the readers' ids."""

    created_at = models.DateTimeField()
    last_user_id = models.BigIntegerField(default=0)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "session news"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["id"], condition=Q(finished_at__isnull=True), name="session_news_unfinished_idx"),
        ]

    def __str__(self) -> str:
        return f"News {self.pk}"


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
    # Rises when the session is moved or canceled: mails and calendar entries name the version they speak of.
    schedule_version = models.PositiveIntegerField(default=0, editable=False)
    # When it was last moved. Who had a seat by then did not choose this time.
    moved_at = models.DateTimeField(null=True, blank=True, editable=False)
    # When what stays of it was released to those who had a seat, and when they were written to.
    materials_released_at = models.DateTimeField(null=True, blank=True, editable=False)
    followed_up_at = models.DateTimeField(null=True, blank=True, editable=False)
    # The mail in which readers who asked for it are told of this session.
    news = models.ForeignKey(
        SessionNews,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="live_sessions",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["starts_at", "id"]
        indexes = [
            models.Index(fields=["state", "starts_at"], name="live_session_state_starts_idx"),
            models.Index(
                fields=["published_at"], condition=Q(news__isnull=True, state="published"), name="live_session_untold_idx"
            ),
            models.Index(
                fields=["starts_at"], condition=Q(followed_up_at__isnull=True, state="ended"), name="live_session_follow_up_idx"
            ),
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
    def host_door_opens_at(self) -> datetime:
        """The instant from which hosts may enter."""
        return self.starts_at - policy.HOST_DOOR_OPENS_BEFORE

    @property
    def door_closes_at(self) -> datetime:
        """The instant after which nobody enters any more."""
        return self.ends_at + policy.DOOR_CLOSES_AFTER

    @property
    def cancel_cutoff_at(self) -> datetime:
        """Until then a buyer gets restitution for a seat given back."""
        return self.starts_at - policy.CANCEL_CUTOFF

    @property
    def last_offer_at(self) -> datetime:
        """Until then freed seats are offered to the waitlist; afterwards to whoever comes."""
        return self.starts_at - policy.LAST_OFFER_BEFORE

    def takes_waitlist(self, now: datetime) -> bool:
        """Whether freed seats go to the waitlist at `now`: it is on sale, and an offer would leave time to answer."""
        return self.is_on_sale(now) and now < self.last_offer_at

    def is_door_open(self, now: datetime) -> bool:
        """Whether attendees may enter at `now`, as far as the clock decides."""
        return self.door_opens_at <= now <= self.door_closes_at

    def is_host_door_open(self, now: datetime) -> bool:
        """Whether hosts may enter at `now`, as far as the clock decides."""
        return self.host_door_opens_at <= now <= self.door_closes_at

    def is_on_sale(self, now: datetime) -> bool:
        """Whether seats may be taken at `now`: published, and not yet started."""
        return self.state == self.State.PUBLISHED and now < self.starts_at


class ScheduleChange(models.Model):
    """A published session was moved or canceled. Written once; the mails about it name it."""

    class Kind(models.TextChoices):
        MOVED = "moved"
        CANCELED = "canceled"

    live_session = models.ForeignKey(LiveSession, on_delete=models.PROTECT, related_name="schedule_changes")
    kind = models.CharField(max_length=8, choices=Kind)
    # The version of the schedule that it made.
    version = models.PositiveIntegerField()
    old_starts_at = models.DateTimeField()
    # Of a canceled session the same as the old one.
    new_starts_at = models.DateTimeField()
    old_duration_minutes = models.PositiveSmallIntegerField()
    new_duration_minutes = models.PositiveSmallIntegerField()
    # What readers are told beside the fact; may be empty.
    message = models.CharField(max_length=500, blank=True)
    reason = models.CharField(max_length=200)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()

    class Meta:
        ordering = ["live_session_id", "version"]
        constraints = [
            models.UniqueConstraint(fields=["live_session", "version"], name="schedule_change_once_per_version"),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.live_session_id}, version {self.version}"


class CalendarFeed(models.Model):
    """A reader's private calendar address. A new key makes the old address worthless."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="calendar_feed")
    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    made_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"Feed of user {self.user_id}"
