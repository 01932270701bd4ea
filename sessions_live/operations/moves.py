"""Moving a session to another time. Everybody who has to do with it is owed the news in the same transaction."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Count, F, Q

from redreport import audit
from redreport.accounts.models import User
from redreport.transactions import retried
from sessions_live.errors import NotMovable
from sessions_live.mails.moves import queue_session_moved
from sessions_live.models import LiveSession, ScheduleChange, Seat, WaitlistEntry
from sessions_live.operations.locks import lock_live_session
from sessions_live.operations.schedule import note_change
from sessions_live.operations.waitlist import follow_move


@dataclass(frozen=True)
class MovePreview:
    """What moving a session would do, and to how many."""

    old_starts_at: datetime
    new_starts_at: datetime
    old_duration_minutes: int
    new_duration_minutes: int
    seats_taken: int
    # Somebody is paying for these right now: they are not written to, and may cancel for free like the others.
    seats_held: int
    # Who came in early: they are taken to be still to come.
    entered: int
    waiting: int
    hosts: int


def preview_move(*, live_session: LiveSession, starts_at: datetime, duration_minutes: int, now: datetime) -> MovePreview:
    """What `move_live_session` would do now. Only reads. Refuses with NotMovable where it would."""
    _refuse_if_not_movable(live_session, starts_at, duration_minutes, now)
    seats = Seat.objects.filter(live_session=live_session).aggregate(
        taken=Count("pk", filter=Q(state__in=Seat.TAKEN)),
        held=Count("pk", filter=Q(state=Seat.State.HELD)),
        entered=Count("pk", filter=Q(state=Seat.State.ATTENDED)),
    )
    return MovePreview(
        old_starts_at=live_session.starts_at,
        new_starts_at=starts_at,
        old_duration_minutes=live_session.duration_minutes,
        new_duration_minutes=duration_minutes,
        seats_taken=seats["taken"],
        seats_held=seats["held"],
        entered=seats["entered"],
        waiting=WaitlistEntry.objects.filter(live_session=live_session, state__in=WaitlistEntry.OPEN).count(),
        hosts=live_session.hosts.exclude(email="").count(),
    )


@retried
def move_live_session(
    *,
    live_session_id: int,
    starts_at: datetime,
    duration_minutes: int,
    message: str,
    reason: str,
    actor: User,
    now: datetime,
) -> ScheduleChange:
    """Move a published session that has not begun to another start or length, and owe everybody the news.

    Every seat keeps its place, its coverage and its door; its calendar entry follows; its buyer may give it back for full
    restitution until the new start. Whoever had come in early, or had said that they cannot come, is expected anew. `message` is
    told to readers, `reason` to staff. A constant number of statements, however many seats there are. Refuses with NotMovable,
    also when it stands at that time already: moving twice changes nothing.
    """
    with transaction.atomic():
        # The session's lock: nobody takes, confirms or gives up a seat meanwhile, so its seats need no locks of their own.
        live_session = lock_live_session(live_session_id)
        _refuse_if_not_movable(live_session, starts_at, duration_minutes, now)
        change = note_change(
            live_session=live_session,
            kind=ScheduleChange.Kind.MOVED,
            starts_at=starts_at,
            duration_minutes=duration_minutes,
            message=message,
            reason=reason,
            actor=actor,
            now=now,
        )
        detail = {"from": change.old_starts_at.isoformat(), "to": starts_at.isoformat(), "minutes": duration_minutes}
        audit.record(actor=actor, verb="moved", target=live_session, reason=reason, detail=detail, now=now)
        live_session.starts_at, live_session.duration_minutes, live_session.moved_at = starts_at, duration_minutes, now
        live_session.save(update_fields=["starts_at", "duration_minutes", "schedule_version", "moved_at"])
        _let_seats_follow(live_session)
        follow_move(live_session=live_session, now=now)
        queue_session_moved(change=change, now=now)
        return change


def refuse_to_move_at_all(live_session: LiveSession, now: datetime) -> None:
    """Refuses with NotMovable a session that cannot be moved to any time."""
    if live_session.state != LiveSession.State.PUBLISHED:
        raise NotMovable(f"It is {live_session.get_state_display().lower()}.")
    if live_session.starts_at <= now:
        raise NotMovable("It has begun.")


def _refuse_if_not_movable(live_session: LiveSession, starts_at: datetime, duration_minutes: int, now: datetime) -> None:
    refuse_to_move_at_all(live_session, now)
    if starts_at <= now:
        raise NotMovable("The new start lies in the past.")
    if duration_minutes < 1:
        raise NotMovable("It needs a length.")
    if (starts_at, duration_minutes) == (live_session.starts_at, live_session.duration_minutes):
        raise NotMovable("It stands at this time already.")


def _let_seats_follow(live_session: LiveSession) -> None:
    seats = Seat.objects.filter(live_session=live_session, state__in=Seat.ACTIVE)
    seats.update(calendar_sequence=F("calendar_sequence") + 1, declined_at=None)
    seats.filter(state=Seat.State.ATTENDED).update(state=Seat.State.CONFIRMED, entered_at=None)
