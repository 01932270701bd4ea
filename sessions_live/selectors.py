"""Reading the schedule and the seats."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from redreport import policy
from redreport.accounts.models import User
from sessions_live.models import CalendarFeed, Host, LiveSession, Question, ScheduleChange, Seat, WaitlistEntry

# A calendar that subscribes to us keeps the past for so long.
KEPT_IN_FEEDS = timedelta(days=60)


@dataclass(frozen=True)
class SessionCard:
    """What a list of sessions shows of one."""

    live_session: LiveSession
    hosts: Sequence[Host]
    seats_left: int
    is_open: bool


@dataclass(frozen=True)
class AskedQuestion:
    """A question as hosts see it."""

    text: str
    name: str
    firm: str = ""


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


@dataclass(frozen=True)
class SessionPage:
    """A session's page, and when what stands on it last changed as far as the schedule tells."""

    slug: str
    changed_at: datetime


def session_pages(*, now: datetime) -> list[SessionPage]:
    """The page of each session that takes place or took place, by its start. Two queries."""
    shown = LiveSession.objects.filter(state__in=[LiveSession.State.PUBLISHED, LiveSession.State.ENDED])
    sessions = shown.order_by("starts_at", "id").prefetch_related("schedule_changes")
    return [SessionPage(live_session.slug, _page_changed_at(live_session, now)) for live_session in sessions]


@dataclass(frozen=True)
class SeatCounts:
    """How many seats of a session are whose, and how many readers wait for one."""

    taken: int
    # Somebody is paying for them, or is offered them.
    held: int
    waiting: int

    @property
    def active(self) -> int:
        """Those that are on sale no more."""
        return self.taken + self.held


def with_seat_counts(live_sessions: QuerySet[LiveSession]) -> QuerySet[LiveSession]:
    """Each session with `seats_taken`, `seats_held` and `waiting`, in one query."""
    seats = Seat.objects.filter(live_session=OuterRef("pk"))
    waiting = WaitlistEntry.objects.filter(live_session=OuterRef("pk"), state=WaitlistEntry.State.WAITING)
    return live_sessions.annotate(
        seats_taken=_count(seats.filter(state__in=Seat.TAKEN)),
        seats_held=_count(seats.filter(state__in=[Seat.State.HELD, Seat.State.OFFERED])),
        waiting=_count(waiting),
    )


def seat_counts(live_session: LiveSession) -> SeatCounts:
    """The same of one session."""
    counted: Any = with_seat_counts(LiveSession.objects.filter(pk=live_session.pk)).get()
    return SeatCounts(counted.seats_taken, counted.seats_held, counted.waiting)


def offers_that_follow(live_session: LiveSession, counts: SeatCounts, now: datetime) -> int:
    """To how many who wait the seats that are free are offered, as the session stands at `now`."""
    if not live_session.takes_waitlist(now):
        return 0
    return max(0, min(counts.waiting, live_session.capacity - counts.active))


def draft_card(live_session: LiveSession) -> SessionCard:
    """What the page of a draft would show on the day it is published. The session given is changed, and must not be saved."""
    live_session.state = LiveSession.State.PUBLISHED
    return SessionCard(live_session, list(live_session.hosts.all()), live_session.capacity, is_open=True)


def last_change(live_session: LiveSession) -> ScheduleChange | None:
    """The last move or cancellation of a session; no query for one that stands as it was published."""
    return live_session.schedule_changes.order_by("-version").first() if live_session.schedule_version else None


def own_seat(*, user: User, live_session: LiveSession) -> Seat | None:
    """The active seat in which the user sits, or which the user is paying for."""
    return (
        Seat.objects.filter(live_session=live_session, state__in=Seat.ACTIVE)
        .filter(Q(attendee_email__iexact=user.email) | Q(booked_by=user, state=Seat.State.HELD))
        .order_by("state")
        .first()
    )


def held_seats(*, user: User, live_session: LiveSession) -> QuerySet[Seat]:
    """The seats for which the user is paying, for whomever they are; by id."""
    return Seat.objects.filter(live_session=live_session, booked_by=user, state=Seat.State.HELD).order_by("id")


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
    return waiting.before(entry).count()


def waitlists_to_tend(*, now: datetime) -> QuerySet[LiveSession]:
    """The sessions whose waitlist has something to do at `now`, the next to begin first: a seat is free and somebody waits for
    it, an offer has run out, or readers wait although no offer is made any more."""
    waiting = WaitlistEntry.objects.filter(state=WaitlistEntry.State.WAITING)
    run_out = WaitlistEntry.objects.filter(state=WaitlistEntry.State.OFFERED, accepted_at__isnull=True, offer_expires_at__lte=now)
    has_free_seat = Q(seats_active__lt=F("capacity"))
    takes_none = ~Q(state=LiveSession.State.PUBLISHED) | Q(starts_at__lte=now + policy.LAST_OFFER_BEFORE)
    waited_for = Q(pk__in=waiting.values("live_session")) & (has_free_seat | takes_none)
    active = Seat.objects.filter(live_session=OuterRef("pk"), state__in=Seat.ACTIVE)
    counted = LiveSession.objects.annotate(seats_active=_count(active))
    return counted.filter(waited_for | Q(pk__in=run_out.values("live_session"))).order_by("starts_at", "id")


def booked_seats(*, user: User) -> QuerySet[Seat]:
    """Every seat the user booked that was ever given, with its session; soonest first."""
    return (
        Seat.objects.filter(booked_by=user)
        .filter(Q(state__in=Seat.TAKEN) | Q(state=Seat.State.CANCELED))
        .select_related("live_session")
        .order_by("live_session__starts_at", "id")
    )


def sessions_of_feed(*, now: datetime) -> QuerySet[LiveSession]:
    """What a calendar of all sessions shows: those that readers could ever see, canceled ones too, with their changes; the past
    of two months. Two queries."""
    return _seen_lately(now).prefetch_related("schedule_changes")


def public_cards(*, now: datetime) -> list[SessionCard]:
    """The same sessions as cards, soonest first. Two queries."""
    return [_card(live_session, now) for live_session in _with_counts(_seen_lately(now))]


def seats_of_feed(*, user: User, now: datetime) -> list[Seat]:
    """What a reader's own calendar shows: the seats they sit in, and those that were canceled for want of another in that
    session; the past of two months. One query."""
    lately = Seat.objects.filter(attendee_email=user.email, live_session__starts_at__gt=now - KEPT_IN_FEEDS)
    seats = list(
        lately.filter(state__in=[*Seat.TAKEN, Seat.State.CANCELED])
        .select_related("live_session")
        .order_by("live_session__starts_at", "id")
    )
    still_there = {seat.live_session_id for seat in seats if seat.state in Seat.TAKEN}
    return [seat for seat in seats if seat.state in Seat.TAKEN or seat.live_session_id not in still_there]


def owner_of_feed(*, key: uuid.UUID) -> User | None:
    """Whose private calendar address has this key; None for one that is not in use any more."""
    feed = CalendarFeed.objects.select_related("user").filter(key=key).first()
    return feed.user if feed else None


def calendar_feed_key(*, user: User) -> uuid.UUID | None:
    """The key of the reader's private calendar address, if they have one."""
    return CalendarFeed.objects.filter(user=user).values_list("key", flat=True).first()


def questions_of(seat: Seat) -> QuerySet[Question]:
    """What whoever sits in this seat has asked the hosts; not what was asked by those who handed it on, nor of the hosts of a
    session it was moved out of."""
    asked = Question.objects.filter(seat=seat, asked_at__gte=seat.held_at)
    return asked.filter(asked_at__gte=seat.handed_over_at) if seat.handed_over_at else asked


def questions_for_hosts(live_session: LiveSession) -> list[AskedQuestion]:
    """What the attendees of a session ask, in the order of asking, each with who asked it. Two queries."""
    asked = Question.objects.filter(seat__live_session=live_session, seat__state__in=Seat.TAKEN, asked_at__gte=F("seat__held_at"))
    return [_asked(question) for question in asked.select_related("seat").prefetch_related("seat__hand_overs")]


def sessions_offered(*, begin: datetime, end: datetime) -> int:
    """How many sessions the house held or will hold that start from `begin` on and before `end`; canceled ones do not count."""
    offered = LiveSession.objects.filter(state__in=[LiveSession.State.PUBLISHED, LiveSession.State.ENDED])
    return offered.filter(starts_at__gte=begin, starts_at__lt=end).count()


def sessions_attended(*, user: User, begin: datetime, end: datetime) -> int:
    """How many sessions that start from `begin` on and before `end` the user entered."""
    attended = Seat.objects.filter(attendee_email__iexact=user.email, state=Seat.State.ATTENDED)
    return attended.filter(live_session__starts_at__gte=begin, live_session__starts_at__lt=end).count()


def _page_changed_at(live_session: LiveSession, now: datetime) -> datetime:
    """When it was published, moved, began or ended, whichever came last: a page sells no seats any more once its hour begins."""
    moments = [live_session.starts_at, live_session.ends_at, *(change.made_at for change in live_session.schedule_changes.all())]
    return max([live_session.published_at or live_session.created_at, *(moment for moment in moments if moment <= now)])


def _seen_lately(now: datetime) -> QuerySet[LiveSession]:
    # A draft that was canceled was never published.
    published = LiveSession.objects.exclude(state=LiveSession.State.DRAFTED).filter(published_at__isnull=False)
    return published.filter(starts_at__gt=now - KEPT_IN_FEEDS).order_by("starts_at", "id")


def _asked(question: Question) -> AskedQuestion:
    """Who sat in the seat then: the first hand-over after it names them, and their firm is not known any more."""
    for hand_over in question.seat.hand_overs.all():
        if question.asked_at < hand_over.made_at:
            return AskedQuestion(question.text, hand_over.from_name)
    return AskedQuestion(question.text, question.seat.attendee_name, question.seat.attendee_firm)


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
