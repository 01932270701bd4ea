"""Seats: who sits where, and what became of each."""

import uuid
from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from redreport import policy
from redreport.text import FIRM_LENGTH, NAME_LENGTH
from sessions_live.models.schedule import LiveSession


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
    # When this place in this session was taken for its buyer: by them, or by staff who moved them here.
    held_at = models.DateTimeField()
    hold_expires_at = models.DateTimeField(null=True, blank=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    # When it was given to who sits in it now, and when they said that they cannot come.
    handed_over_at = models.DateTimeField(null=True, blank=True)
    declined_at = models.DateTimeField(null=True, blank=True)
    entered_at = models.DateTimeField(null=True, blank=True)
    canceled_at = models.DateTimeField(null=True, blank=True)
    canceled_by = models.CharField(max_length=6, choices=CanceledBy, blank=True)
    canceled_reason = models.CharField(max_length=200, blank=True)
    # What is given back for it. Noted when it is canceled; before that, as nothing, when it was moved too late to be given back.
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

    @property
    def is_booked_for_another(self) -> bool:
        """Whether somebody else sits in it than booked it."""
        return self.attendee_email != self.booked_by.email

    def takes_feedback(self, now: datetime) -> bool:
        """Whether its attendee may rate the hour at `now`: they came in, and it ended not long ago."""
        ends_at = self.live_session.ends_at
        is_open = ends_at <= now <= ends_at + policy.FEEDBACK_OPEN_FOR
        return is_open and self.state == self.State.ATTENDED and self.live_session.state != LiveSession.State.CANCELED

    @property
    def informed_at(self) -> datetime:
        """When its attendee was last owed a mail that says all there is to know: the confirmation, a hand-over, a move of
        theirs or of the session."""
        assert self.confirmed_at is not None
        later = (self.handed_over_at, self.live_session.moved_at)
        return max([self.held_at, self.confirmed_at, *(moment for moment in later if moment)])

    @property
    def was_moved(self) -> bool:
        """Whether the house moved its session after the buyer had taken it: they did not choose that time."""
        moved_at = self.live_session.moved_at
        return moved_at is not None and self.held_at <= moved_at

    @property
    def free_cancel_until(self) -> datetime:
        """Until then its buyer gets restitution for giving it back: the cut-off, and the start itself once the session was moved.
        No longer at all once they were moved here too late: another session is no way round the cut-off."""
        if self.was_moved:
            return self.live_session.starts_at
        was_late = self.state != self.State.CANCELED and self.restitution == self.Restitution.NONE
        return self.held_at if was_late else self.live_session.cancel_cutoff_at

    @property
    def was_brought_here(self) -> bool:
        """Whether staff moved it here from the session it was booked for."""
        return self.confirmed_at is not None and self.held_at > self.confirmed_at


class HandOver(models.Model):
    """A seat changed hands. Written once; the mails to both name it."""

    seat = models.ForeignKey(Seat, on_delete=models.PROTECT, related_name="hand_overs")
    from_name = models.CharField(max_length=NAME_LENGTH)
    from_email = models.EmailField()
    to_name = models.CharField(max_length=NAME_LENGTH)
    to_email = models.EmailField()
    # SEQUENCE of the entry that takes the invitation back from who sat there. The next one is the invitation of the new attendee:
    # a calendar that both share ends with it, in whatever order the two mails come.
    cancel_sequence = models.PositiveIntegerField()
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()

    class Meta:
        ordering = ["seat_id", "id"]
        constraints = [
            models.UniqueConstraint(fields=["seat", "cancel_sequence"], name="hand_over_once_per_sequence"),
        ]

    def __str__(self) -> str:
        return f"Hand-over of seat {self.seat_id}"


class DoorEntry(models.Model):
    """Somebody went through a seat's door, from a device that is known by a random key in its cookie."""

    seat = models.ForeignKey(Seat, on_delete=models.PROTECT, related_name="door_entries")
    device = models.UUIDField()
    entered_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "door entries"
        ordering = ["seat_id", "-id"]
        indexes = [models.Index(fields=["seat", "-id"], name="door_entry_seat_idx")]

    def __str__(self) -> str:
        return f"Entry to seat {self.seat_id}"
