"""Whom to write to after an hour, and when: once its materials are released, and at the latest a day after its start."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from redreport import policy
from redreport.outbox.queue import OwedMail, queue_mails
from sessions_live.mails.follow_ups import FOLLOW_UP
from sessions_live.models import LiveSession, Seat

# An hour that nobody followed up for so long is left alone, until its materials are released.
LOOK_BACK = timedelta(days=7)
BATCH = 20


def send_follow_ups(*, now: datetime) -> int:
    """Owe a follow-up mail to everybody who had a seat in the sessions that are due, each session once; returns how many
    sessions. A batch of the earliest; each session is a transaction of its own."""
    due = LiveSession.objects.filter(_is_due(now)).order_by("starts_at").values_list("pk", flat=True)[:BATCH]
    return sum(_follow_up(live_session_id, now) for live_session_id in due)


def _follow_up(live_session_id: int, now: datetime) -> bool:
    with transaction.atomic():
        # The session's lock: two sweeps, or one and a release, come for it at once. Whoever finds it locked leaves it.
        due = LiveSession.objects.select_for_update(no_key=True, skip_locked=True).filter(_is_due(now), pk=live_session_id)
        live_session = due.first()
        if live_session is None:
            return False
        seats = Seat.objects.filter(live_session=live_session, state__in=Seat.TAKEN).order_by("pk")
        queue_mails(
            [
                OwedMail(FOLLOW_UP, f"{FOLLOW_UP}:{seat.pk}", recipient=seat.attendee_email, context={"seat_id": seat.pk})
                for seat in seats
            ],
            now=now,
        )
        live_session.followed_up_at = now
        live_session.save(update_fields=["followed_up_at"])
        return True


def _is_due(now: datetime) -> Q:
    over_long_enough = Q(starts_at__lte=now - policy.FOLLOW_UP_LATEST_AFTER, starts_at__gt=now - LOOK_BACK)
    is_due = Q(materials_released_at__isnull=False) | over_long_enough
    return Q(state=LiveSession.State.ENDED, followed_up_at__isnull=True) & is_due
