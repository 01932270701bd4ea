"""Changing the schedule."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F

from redreport import audit
from redreport.accounts.models import User
from sessions_live.errors import NotPublishable
from sessions_live.models import LiveSession, ScheduleChange, Seat
from sessions_live.operations.attendance import mark_no_shows
from sessions_live.operations.drafts import give_address
from sessions_live.operations.locks import lock_live_session
from sessions_live.operations.seats import offer_freed_seats_soon


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
        missing = what_is_missing(live_session=live_session, now=now)
        if missing:
            raise NotPublishable(" ".join(missing))
        live_session.state = LiveSession.State.PUBLISHED
        live_session.published_at = now
        live_session.save(update_fields=["state", "published_at"])
        audit.record(actor=actor, verb="published", target=live_session, now=now)
        return live_session


def what_is_missing(*, live_session: LiveSession, now: datetime) -> list[str]:
    """Why a draft cannot be published, each in a sentence; empty when it can."""
    missing = [
        (live_session.starts_at <= now, "Its start lies in the past."),
        (not live_session.hosts.exists(), "It has no host."),
        (not live_session.meeting_url, "It has no meeting address, so its door would lead nowhere."),
    ]
    return [words for is_so, words in missing if is_so]


def change_live_session(*, live_session: LiveSession, changed: Sequence[str], actor: User, now: datetime) -> None:
    """Write what was changed in a session's form, and nothing else: the form may be older than a publication or a sale.

    The page of a draft takes its name from the title; once published it keeps it, and start and length with it. A new title
    reaches the private calendars of who has a seat, since their entries are a version newer; nobody is written to. Seats that a
    raised capacity frees are offered to who waits; a lowered one takes none from anybody.
    """
    with transaction.atomic():
        # The session's lock: whoever's seat is confirmed at this moment has the new title in the invitation, or is among those
        # whose entries are made newer.
        before = lock_live_session(live_session.pk)
        is_draft = before.state == LiveSession.State.DRAFTED
        promised = () if is_draft else ("starts_at", "duration_minutes")
        fields = [name for name in changed if name != "hosts" and name not in promised]
        if is_draft and {"title", "starts_at"} & set(fields):
            give_address(live_session)
            fields.append("slug")
        if fields:
            live_session.save(update_fields=fields)
        if "title" in fields and before.state == LiveSession.State.PUBLISHED:
            taken = Seat.objects.filter(live_session=live_session, state__in=Seat.TAKEN)
            taken.update(calendar_sequence=F("calendar_sequence") + 1)
        detail: dict[str, Any] = {"fields": sorted(changed)}
        if "capacity" in fields:
            detail["capacity"] = [before.capacity, live_session.capacity]
            offer_freed_seats_soon(live_session.pk)
        audit.record(actor=actor, verb="changed", target=live_session, detail=detail, now=now)


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
