"""The switch 'book me into every session', and what came of it for each session."""

from django.db import models
from django.db.models import Q

from sessions_live.models import LiveSession
from subscriptions.models.billing import Subscriber
from subscriptions.models.coverage import SeatCoverage


class AutoBooking(models.Model):
    """A subscriber is booked into every session published from `since` on, while credits last. Switched off, the row is gone."""

    subscriber = models.OneToOneField(Subscriber, on_delete=models.PROTECT, related_name="auto_booking")
    since = models.DateTimeField()

    def __str__(self) -> str:
        return f"Auto-booking of {self.subscriber_id}"


class AutoBookingAttempt(models.Model):
    """A session was tried for a subscriber, once: whoever gives the seat back is not booked into it again."""

    class Outcome(models.TextChoices):
        BOOKED = "booked"
        # There was one already: booked by themselves or by somebody else.
        SEATED = "seated", "had a seat"
        SOLD_OUT = "sold_out", "sold out"
        NO_CREDIT = "no_credit", "no credit for it"
        # It begins so soon that giving the seat back would cost the credit.
        TOO_SOON = "too_soon", "too soon"

    subscriber = models.ForeignKey(Subscriber, on_delete=models.PROTECT, related_name="auto_booking_attempts")
    live_session = models.ForeignKey(LiveSession, on_delete=models.PROTECT, related_name="auto_booking_attempts")
    outcome = models.CharField(max_length=9, choices=Outcome)
    coverage = models.OneToOneField(
        SeatCoverage, on_delete=models.PROTECT, null=True, blank=True, related_name="auto_booking_attempt"
    )
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subscriber", "live_session"], name="auto_booking_attempt_once"),
            models.CheckConstraint(
                condition=Q(outcome="booked", coverage__isnull=False) | (~Q(outcome="booked") & Q(coverage__isnull=True)),
                name="auto_booking_attempt_booked_has_seat",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.outcome}: {self.subscriber_id} in {self.live_session_id}"
