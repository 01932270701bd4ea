"""Mails to be looked at before they are owed: about a session as it is about to be, to somebody who does not exist.

They are rendered by what renders the real ones, from rows that are never saved. The links in them look like an attendee's and
open nothing, since no seat has their number.
"""

from copy import copy
from datetime import datetime

from redreport.accounts.models import User
from redreport.outbox.models import OutgoingMail
from sessions_live.models import LiveSession, ScheduleChange, Seat

ATTENDEE_NAME, ATTENDEE_EMAIL = "Ada Example", "ada@example.com"
BOOKER_NAME, BOOKER_EMAIL = "Bo Example", "bo@example.com"


def as_if_moved(
    live_session: LiveSession, *, starts_at: datetime, duration_minutes: int, message: str, now: datetime
) -> ScheduleChange:
    """The change that moving the session would make, not saved; its session is a copy that stands at the new time."""
    moved = copy(live_session)
    moved.starts_at, moved.duration_minutes, moved.moved_at = starts_at, duration_minutes, now
    return _change(ScheduleChange.Kind.MOVED, live_session, moved, message, now)


def as_if_canceled(live_session: LiveSession, *, message: str, now: datetime) -> ScheduleChange:
    """The change that canceling the session would make, not saved; its session is a canceled copy."""
    canceled = copy(live_session)
    canceled.state = LiveSession.State.CANCELED
    return _change(ScheduleChange.Kind.CANCELED, live_session, canceled, message, now)


def sample_seat(live_session: LiveSession, *, is_booked_for_another: bool = False, now: datetime) -> Seat:
    """Nobody's seat in this session, taken a moment ago."""
    attendee = User(name=ATTENDEE_NAME, email=ATTENDEE_EMAIL)
    return Seat(
        live_session=live_session,
        number=1,
        state=Seat.State.CONFIRMED,
        attendee_name=ATTENDEE_NAME,
        attendee_email=ATTENDEE_EMAIL,
        booked_by=User(name=BOOKER_NAME, email=BOOKER_EMAIL) if is_booked_for_another else attendee,
        held_at=now,
        confirmed_at=now,
    )


def sample_mail(kind: str, now: datetime) -> OutgoingMail:
    """A mail of this kind that nobody is owed."""
    return OutgoingMail(kind=kind, key=f"{kind}:sample:sample", recipient=ATTENDEE_EMAIL, created_at=now)


def _change(kind: ScheduleChange.Kind, before: LiveSession, after: LiveSession, message: str, now: datetime) -> ScheduleChange:
    after.schedule_version += 1
    return ScheduleChange(
        live_session=after,
        kind=kind,
        version=after.schedule_version,
        old_starts_at=before.starts_at,
        new_starts_at=after.starts_at,
        old_duration_minutes=before.duration_minutes,
        new_duration_minutes=after.duration_minutes,
        message=message,
        made_at=now,
    )
