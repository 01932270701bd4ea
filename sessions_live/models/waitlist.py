"""Who waits for a seat in a session that is sold out: first those whom staff gave a place, then the others by joining."""

import uuid
from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from redreport.text import FIRM_LENGTH, NAME_LENGTH
from sessions_live.models.schedule import LiveSession
from sessions_live.models.seats import Seat


class WaitlistEntryQuerySet(models.QuerySet["WaitlistEntry"]):
    """The order in which seats are offered, said once."""

    def in_turn(self) -> Self:
        """Who comes first first. PostgreSQL puts those without a place of staff's last."""
        return self.order_by("position", "joined_at", "id")

    def before(self, entry: "WaitlistEntry") -> Self:
        """Those whose turn comes before this entry's."""
        joined_before = Q(joined_at__lt=entry.joined_at) | Q(joined_at=entry.joined_at, pk__lt=entry.pk)
        if entry.position is None:
            return self.filter(Q(position__isnull=False) | joined_before)
        return self.filter(Q(position__lt=entry.position) | (Q(position=entry.position) & joined_before))


class WaitlistEntry(models.Model):
    """A reader who waits. Nothing is reserved or charged; an offer is a seat that is kept for them until it expires.

    An accepted offer that is to be paid stays `offered` while its seat is held, and ends with it: seated, or lapsed.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        OFFERED = "offered"
        SEATED = "seated"
        LAPSED = "lapsed"
        DECLINED = "declined"
        WITHDRAWN = "withdrawn"
        CLOSED = "closed"

    class PayBy(models.TextChoices):
        MONEY = "money"
        CREDIT = "credit"

    OPEN = (State.WAITING, State.OFFERED)

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    live_session = models.ForeignKey(LiveSession, on_delete=models.PROTECT, related_name="waitlist")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="waitlist_entries")
    attendee_name = models.CharField(max_length=NAME_LENGTH)
    attendee_firm = models.CharField(max_length=FIRM_LENGTH, blank=True)
    # How the reader means to pay; looked at again when they accept.
    pay_by = models.CharField(max_length=6, choices=PayBy)
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    joined_at = models.DateTimeField()
    # The place that staff gave it, before all who have none; else the order of joining decides.
    position = models.PositiveIntegerField(null=True, blank=True)
    offered_at = models.DateTimeField(null=True, blank=True)
    offer_expires_at = models.DateTimeField(null=True, blank=True)
    # The seat that was offered last.
    seat = models.OneToOneField(Seat, on_delete=models.PROTECT, null=True, blank=True, related_name="waitlist_entry")
    accepted_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    objects = WaitlistEntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "waitlist entries"
        ordering = ["live_session_id", "position", "joined_at", "id"]
        indexes = [
            models.Index(
                fields=["live_session", "position", "joined_at", "id"], condition=Q(state="waiting"), name="waitlist_turn_idx"
            ),
            models.Index(fields=["offer_expires_at"], condition=Q(state="offered"), name="waitlist_offered_idx"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["live_session", "user"], condition=Q(state__in=["waiting", "offered"]), name="waitlist_entry_open_once"
            ),
            models.CheckConstraint(
                condition=~Q(state="offered") | Q(seat__isnull=False, offered_at__isnull=False, offer_expires_at__isnull=False),
                name="waitlist_entry_offered_has_seat",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "offered"], closed_at__isnull=True)
                | (~Q(state__in=["waiting", "offered"]) & Q(closed_at__isnull=False)),
                name="waitlist_entry_ended_has_time",
            ),
        ]

    def __str__(self) -> str:
        return f"Waitlist of {self.live_session_id}: user {self.user_id}"

    def is_offered_at(self, now: datetime) -> bool:
        """Whether a seat is offered that can still be taken at `now`."""
        is_open = self.state == self.State.OFFERED and self.accepted_at is None
        return is_open and self.offer_expires_at is not None and now < self.offer_expires_at
