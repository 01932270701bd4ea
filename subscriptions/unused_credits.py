"""Credits that will expire unused, beside the sessions that they could still pay for."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import CharField, Exists, OuterRef, QuerySet, Sum, Value
from django.db.models.functions import Cast, Concat, Lower

from redreport import policy
from redreport.accounts.models import User
from redreport.outbox.models import OutgoingMail
from sessions_live.models import LiveSession, Seat
from sessions_live.selectors import coming_cards
from subscriptions.models import CreditGrant

REMINDER_KEY = "credits_left:"


@dataclass(frozen=True)
class UnusedCredits:
    """How many credits expire by then, and into which sessions before then the reader could still book, soonest first."""

    credits: int
    live_sessions: list[LiveSession]


def unused_credits(*, user: User, until: datetime, now: datetime) -> UnusedCredits:
    """What the user has left that expires `until` then, and could do with it. Four queries."""
    expiring = CreditGrant.objects.valid_at(now).filter(subscriber__user=user, expires_at__lte=until)
    credits = expiring.order_by().aggregate(total=Sum("balance"))["total"] or 0
    live_sessions = [live_session for live_session in _with_free_seats(now) if live_session.starts_at < until]
    seats = Seat.objects.filter(live_session__in=live_sessions, state__in=Seat.ACTIVE, attendee_email__iexact=user.email)
    seated = set(seats.order_by().values_list("live_session_id", flat=True))
    return UnusedCredits(credits, [live_session for live_session in live_sessions if live_session.pk not in seated])


def grants_to_remind_of(*, now: datetime) -> QuerySet[CreditGrant]:
    """Grants with credits left that expire soon, that a session could still use, and that no reminder was owed for; the soonest
    to expire first.

    Of grants that expire together only the one spent last: one mail speaks of all of them.
    """
    bookable = LiveSession.objects.filter(
        pk__in=[live_session.pk for live_session in _with_free_seats(now)], starts_at__lt=OuterRef("expires_at")
    )
    own_seat = Seat.objects.alias(address=Lower("attendee_email")).filter(
        live_session=OuterRef("pk"), state__in=Seat.ACTIVE, address=OuterRef(OuterRef("subscriber__user__email"))
    )
    spent_later = CreditGrant.objects.filter(
        subscriber=OuterRef("subscriber"), expires_at=OuterRef("expires_at"), balance__gt=0, id__gt=OuterRef("id")
    )
    reminder = OutgoingMail.objects.filter(key=Concat(Value(REMINDER_KEY), Cast(OuterRef("id"), CharField())))
    soon = CreditGrant.objects.valid_at(now).filter(
        balance__gt=0, expires_at__lte=now + policy.CREDIT_REMINDER_BEFORE, subscriber__user__is_active=True
    )
    return soon.filter(Exists(bookable.filter(~Exists(own_seat))), ~Exists(spent_later), ~Exists(reminder))


def _with_free_seats(now: datetime) -> list[LiveSession]:
    return [card.live_session for card in coming_cards(now=now) if card.is_open and card.seats_left]
