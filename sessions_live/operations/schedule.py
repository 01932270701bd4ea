"""Changing the schedule."""

from datetime import datetime

from django.db import transaction

from redreport import audit
from redreport.accounts.models import User
from sessions_live.errors import NotPublishable
from sessions_live.models import LiveSession, ScheduleChange
from sessions_live.operations.attendance import mark_no_shows
from sessions_live.operations.seats import lock_live_session


def publish_live_session(*, live_session_id: int, actor: User, now: datetime) -> LiveSession:
    """Show a drafted session to readers and open its sale. Publishing twice changes nothing.

    Refuses with NotPublishable when it is canceled, starts in the past, or has no host or no meeting address.
    """
    with transaction.atomic():
        # The session's lock: two members of staff publish it at once, one audit entry.
        live_session = lock_live_session(live_session_id)
        if live_session.state == LiveSession.State.PUBLISHED:
            return live_session
        if live_session.state != LiveSession.State.DRAFTED:
            raise NotPublishable(f"It is {live_session.get_state_display().lower()}.")
        if live_session.starts_at <= now:
            raise NotPublishable("Its start lies in the past.")
        if not live_session.hosts.exists():
            raise NotPublishable("It has no host.")
        if not live_session.meeting_url:
            raise NotPublishable("It has no meeting address, so its door would lead nowhere.")
        live_session.state = LiveSession.State.PUBLISHED
        live_session.published_at = now
        live_session.save(update_fields=["state", "published_at"])
        audit.record(actor=actor, verb="published", target=live_session, now=now)
        return live_session


def note_change(
    *,
    live_session: LiveSession,
    kind: ScheduleChange.Kind,
    starts_at: datetime,
    duration_minutes: int,
    message: str,
    reason: str,
    actor: User,
    now: datetime,
) -> ScheduleChange:
    """Write down that a session is moved or canceled, as the next version of its schedule, with the time it had and the one it
    has from now on. The caller has locked the session, and saves it."""
    live_session.schedule_version += 1
    return ScheduleChange.objects.create(
        live_session=live_session,
        kind=kind,
        version=live_session.schedule_version,
        old_starts_at=live_session.starts_at,
        new_starts_at=starts_at,
        old_duration_minutes=live_session.duration_minutes,
        new_duration_minutes=duration_minutes,
        message=message,
        reason=reason,
        made_by=actor,
        made_at=now,
    )


def end_past_live_sessions(*, now: datetime) -> int:
    """Mark published sessions whose door has closed as ended, and who did not come in as not come; returns how many."""
    due = [
        live_session.pk
        for live_session in LiveSession.objects.filter(state=LiveSession.State.PUBLISHED, starts_at__lt=now)
        if live_session.door_closes_at < now
    ]
    for live_session_id in sorted(due):
        with transaction.atomic():
            # The session's lock: a late payment may be confirming a seat in it, or somebody entering, right now.
            live_session = lock_live_session(live_session_id)
            if live_session.state == LiveSession.State.PUBLISHED and live_session.door_closes_at < now:
                live_session.state = LiveSession.State.ENDED
                live_session.save(update_fields=["state"])
                mark_no_shows(live_session)
    return len(due)
