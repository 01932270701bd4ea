"""Which reminders are due. The schedule lives in the database alone: a sweep each minute, no task set for a later time."""

from datetime import datetime, timedelta

from django.db import transaction

from redreport.outbox.models import OutgoingMail
from redreport.outbox.queue import queue_mail
from sessions_live.mails.reminders import REMINDERS, Reminder
from sessions_live.models import LiveSession, Seat

# A reminder whose moment passed while nobody swept is still written down for a day, as missed.
LOOK_BACK = timedelta(days=1)
BATCH = 500


def queue_due_reminders(*, now: datetime) -> int:
    """Queue each reminder whose moment has come, at most one of a kind for a seat and a start time; returns how many are new.

    A seat confirmed after the moment gets none: its confirmation says everything.
    """
    return sum(_queue_kind(reminder, now) for reminder in REMINDERS)


def _queue_kind(reminder: Reminder, now: datetime) -> int:
    due = {_key(reminder, seat): seat for seat in _seats_due(reminder, now)}
    known = set(OutgoingMail.objects.filter(key__in=due).values_list("key", flat=True))
    fresh = [(key, seat) for key, seat in due.items() if key not in known][:BATCH]
    for key, seat in fresh:
        with transaction.atomic():
            queue_mail(
                kind=reminder.kind,
                key=key,
                recipient=seat.attendee_email,
                context={"seat_id": seat.pk},
                schedule_version=seat.live_session.schedule_version,
                now=now,
            )
    return len(fresh)


def _seats_due(reminder: Reminder, now: datetime) -> list[Seat]:
    seats = Seat.objects.filter(
        state__in=Seat.TAKEN,
        live_session__state=LiveSession.State.PUBLISHED,
        live_session__starts_at__gt=now - LOOK_BACK,
        live_session__starts_at__lte=now + reminder.before,
    ).select_related("live_session")
    return [seat for seat in seats if seat.confirmed_at and seat.confirmed_at < seat.live_session.starts_at - reminder.before]


def _key(reminder: Reminder, seat: Seat) -> str:
    return f"{reminder.kind}:{seat.pk}:{int(seat.live_session.starts_at.timestamp())}"
