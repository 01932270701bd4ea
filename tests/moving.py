"""Sessions that are moved."""

from datetime import datetime, timedelta

from redreport import clock
from sessions_live.models import LiveSession, ScheduleChange
from subscriptions.operations.moves import move_live_session_and_follow
from tests.factories import make_staff


def move(
    live_session: LiveSession,
    by: timedelta = timedelta(days=2),
    *,
    to: datetime | None = None,
    minutes: int | None = None,
    message: str = "",
    now: datetime | None = None,
) -> ScheduleChange:
    """The house moves a session, and the row in the test's hand follows."""
    live_session.refresh_from_db()
    change = move_live_session_and_follow(
        live_session_id=live_session.pk,
        starts_at=to or live_session.starts_at + by,
        duration_minutes=minutes or live_session.duration_minutes,
        message=message,
        reason="The host is traveling",
        actor=make_staff(),
        now=now or clock.now(),
    )
    live_session.refresh_from_db()
    return change
