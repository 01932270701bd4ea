"""Reading the schedule and the seats."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from redreport.accounts.models import User
from sessions_live.models import Host, LiveSession, Seat, WaitlistEntry


@dataclass(frozen=True)
class SessionCard:
    """What a list of sessions shows of one."""

    live_session: LiveSession
    hosts: Sequence[Host]
    seats_left: int
    is_open: bool


def coming_cards(*, now: datetime, section: str = "", limit: int | None = None) -> list[SessionCard]:
    """Published sessions that have not ended, soonest first. Two queries."""
    coming = [s for s in _visible(section).filter(state=LiveSession.State.PUBLISHED) if s.ends_at > now]
    return [_card(live_session, now) for live_session in coming[:limit]]


def past_cards(*, now: datetime, section: str = "", limit: int = 24) -> list[SessionCard]:
    """Sessions that were held, latest first. Two queries."""
    held = _visible(section).filter(starts_at__lt=now).order_by("-starts_at")[: limit + 1]
    return [_card(live_session, now) for live_session in held if live_session.ends_at <= now][:limit]


def session_card(*, slug: str, now: datetime) -> SessionCard | None:
    """The session of this address, canceled ones included (their page says so); None for drafts and unknown slugs."""
    live_session = _with_counts(LiveSession.objects.exclude(state=LiveSession.State.DRAFTED)).filter(slug=slug).first()
    return _card(live_session, now) if live_session else None


def own_seat(*, user: User, live_session: LiveSession) -> Seat | None:
    """The active seat in which the user sits, or which the user is paying for."""
    return (
        Seat.objects.filter(live_session=live_session, state__in=Seat.ACTIVE)
        .filter(Q(attendee_email__iexact=user.email) | Q(booked_by=user, state=Seat.State.HELD))
        .order_by("state")
        .first()
    )


def taken_seat(*, user: User, live_session: LiveSession) -> Seat | None:
    """The seat in which the user sits, with its session, while that stands."""
    taken = Seat.objects.filter(live_session=live_session, state__in=Seat.TAKEN, attendee_email__iexact=user.email)
    return taken.exclude(live_session__state=LiveSession.State.CANCELED).select_related("live_session").first()


def open_entry(*, user: User, live_session: LiveSession) -> WaitlistEntry | None:
    """The user's place on the waitlist of a session, or the offer that was made to them, while it is open."""
    return WaitlistEntry.objects.filter(live_session=live_session, user=user, state__in=WaitlistEntry.OPEN).first()


def open_entries(*, user: User) -> QuerySet[WaitlistEntry]:
    """Where the user waits for a seat, or is offered one, with the session; soonest first."""
    entries = WaitlistEntry.objects.filter(user=user, state__in=WaitlistEntry.OPEN, accepted_at__isnull=True)
    return entries.select_related("live_session").order_by("live_session__starts_at", "id")


def waiting_before(entry: WaitlistEntry) -> int:
    """How many wait in front of this entry."""
    waiting = WaitlistEntry.objects.filter(live_session=entry.live_session_id, state=WaitlistEntry.State.WAITING)
    return waiting.filter(Q(joined_at__lt=entry.joined_at) | Q(joined_at=entry.joined_at, pk__lt=entry.pk)).count()


def booked_seats(*, user: User) -> QuerySet[Seat]:
    """Every seat the user booked that was ever given, with its session; soonest first."""
    return (
        Seat.objects.filter(booked_by=user)
        .filter(Q(state__in=Seat.TAKEN) | Q(state=Seat.State.CANCELED))
        .select_related("live_session")
        .order_by("live_session__starts_at", "id")
    )


def sessions_offered(*, begin: datetime, end: datetime) -> int:
    """How many sessions the house held or will hold that start from `begin` on and before `end`; canceled ones do not count."""
    offered = LiveSession.objects.filter(state__in=[LiveSession.State.PUBLISHED, LiveSession.State.ENDED])
    return offered.filter(starts_at__gte=begin, starts_at__lt=end).count()


def sessions_attended(*, user: User, begin: datetime, end: datetime) -> int:
    """How many sessions that start from `begin` on and before `end` the user entered."""
    attended = Seat.objects.filter(attendee_email__iexact=user.email, state=Seat.State.ATTENDED)
    return attended.filter(live_session__starts_at__gte=begin, live_session__starts_at__lt=end).count()


def _visible(section: str) -> QuerySet[LiveSession]:
    shown = LiveSession.objects.filter(state__in=[LiveSession.State.PUBLISHED, LiveSession.State.ENDED])
    return _with_counts(shown.filter(section=section) if section else shown)


def _with_counts(live_sessions: QuerySet[LiveSession]) -> QuerySet[LiveSession]:
    active = Seat.objects.filter(live_session=OuterRef("pk"), state__in=Seat.ACTIVE)
    waiting = WaitlistEntry.objects.filter(live_session=OuterRef("pk"), state=WaitlistEntry.State.WAITING)
    return live_sessions.annotate(seats_active=_count(active), waiting=_count(waiting)).prefetch_related("hosts")


def _count(rows: QuerySet[Any]) -> Coalesce:
    per_session = rows.order_by().values("live_session").annotate(count=Count("pk")).values("count")
    return Coalesce(Subquery(per_session), 0)


def _card(live_session: LiveSession, now: datetime) -> SessionCard:
    counted: Any = live_session
    # A free seat belongs to whoever waits, as long as there is time to offer it: so does `hold_seats` see it.
    kept = counted.waiting if live_session.takes_waitlist(now) else 0
    seats_left = max(0, live_session.capacity - counted.seats_active - kept)
    return SessionCard(live_session, list(live_session.hosts.all()), seats_left, live_session.is_on_sale(now))
