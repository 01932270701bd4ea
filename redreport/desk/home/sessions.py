"""The sessions that come next, as the home of the desk shows them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import CharField, Count, OuterRef, QuerySet, Subquery
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce

from redreport import wording
from redreport.accounts.models import User
from redreport.outbox.models import OutgoingMail
from sessions_live.models import LiveSession, Seat, WaitlistEntry

MOST_SHOWN = 8
# One that goes on is still the next: who is late telephones now.
LONGEST_SESSION = timedelta(hours=12)
MAILS_LOOKED_BACK = timedelta(days=60)


@dataclass(frozen=True)
class ComingSession:
    """A session with what its roster comes to. `undelivered` is None for who may not see mails."""

    live_session: LiveSession
    sold: int
    held: int
    waiting: int
    undelivered: int | None
    soon: str


def coming_sessions(*, user: User, now: datetime) -> list[ComingSession]:
    """Published sessions that are not over, soonest first: all of them for who may see seats, else those that they host."""
    if not user.has_perm("sessions_live.view_livesession"):
        return []
    coming = _with_counts(_sessions_for(user)).filter(state=LiveSession.State.PUBLISHED, starts_at__gt=now - LONGEST_SESSION)
    # What was counted is no field of a session's that the type checker knows.
    shown: list[Any] = [
        live_session for live_session in coming.order_by("starts_at", "id")[: 2 * MOST_SHOWN] if live_session.ends_at > now
    ]
    sees_mails = user.has_perm("outbox.view_outgoingmail") or user.has_perm("desk.view_rosterseat")
    return [
        ComingSession(
            live_session=live_session,
            sold=live_session.sold,
            held=live_session.held,
            waiting=live_session.waiting,
            undelivered=_undelivered(live_session, now) if sees_mails and number == 0 else None,
            soon=_how_soon(live_session, now),
        )
        for number, live_session in enumerate(shown[:MOST_SHOWN])
    ]


def _sessions_for(user: User) -> QuerySet[LiveSession]:
    everything = LiveSession.objects.all()
    sees_all = user.has_perm("sessions_live.view_seat") or user.has_perm("desk.view_rosterseat")
    return everything if sees_all else everything.filter(hosts__user=user)


def _with_counts(sessions: QuerySet[LiveSession]) -> QuerySet[LiveSession]:
    """Each session with its seats and its waitlist counted by the database."""
    seats = Seat.objects.filter(live_session=OuterRef("pk"))
    waiting = WaitlistEntry.objects.filter(live_session=OuterRef("pk"), state=WaitlistEntry.State.WAITING)
    return sessions.annotate(
        sold=_count(seats.filter(state__in=Seat.TAKEN)),
        held=_count(seats.filter(state__in=(Seat.State.HELD, Seat.State.OFFERED))),
        waiting=_count(waiting),
    )


def _count(rows: QuerySet[Any]) -> Coalesce:
    """Rows of a session, counted in a query of their own: joined together they would multiply."""
    counted = rows.order_by().values("live_session").annotate(number=Count("pk")).values("number")
    return Coalesce(Subquery(counted), 0)


def _undelivered(live_session: LiveSession, now: datetime) -> int:
    """How many mails about its seats nobody got, to who still sits there."""
    seats = Seat.objects.filter(live_session=live_session, state__in=Seat.TAKEN).annotate(key=Cast("pk", CharField()))
    mails = OutgoingMail.objects.filter(state__in=OutgoingMail.UNDELIVERED, updated_at__gte=now - MAILS_LOOKED_BACK)
    about = mails.annotate(seat_key=KT("context__seat_id")).filter(seat_key__in=seats.values("key"))
    return about.count()


def _how_soon(live_session: LiveSession, now: datetime) -> str:
    """'in 10 minutes', 'in 3 days', 'began 5 minutes ago'."""
    if live_session.starts_at > now:
        return f"in {wording.roughly(live_session.starts_at - now)}"
    return f"began {wording.roughly(now - live_session.starts_at)} ago"
