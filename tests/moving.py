"""Sessions that are moved, and who hears of it."""

from datetime import datetime, timedelta

from redreport import clock
from redreport.outbox.models import OutgoingMail
from sessions_live.models import LiveSession, ScheduleChange, Seat
from subscriptions.operations.moves import move_live_session_and_follow
from tests.canceling import book
from tests.factories import make_credits, make_staff, make_user


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


def seat_by_credit(live_session: LiveSession) -> Seat:
    """A reader's seat, and a second credit of theirs."""
    user = make_user()
    make_credits(user, 2)
    return book(user, live_session)


def owed() -> list[tuple[str, str]]:
    """Kind and recipient of each mail since the confirmation."""
    new = OutgoingMail.objects.exclude(kind="seat_confirmed").order_by("id")
    return list(new.values_list("kind", "recipient"))
