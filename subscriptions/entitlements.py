"""What a reader may do about a session: the one action that its page offers, and the refusals that come before a form."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from redreport.accounts.models import User
from sessions_live.errors import SalesClosed, SoldOut
from sessions_live.models import LiveSession, Seat, WaitlistEntry
from sessions_live.selectors import open_entry, own_seat, session_card
from subscriptions.errors import CreditExpiresBefore, NoCredit
from subscriptions.models import Order
from subscriptions.selectors import valid_grants


class Action(StrEnum):
    """The one thing a reader can do about a session just now."""

    SIGN_IN = "sign_in"
    RESERVE = "reserve"
    USE_CREDIT = "use_credit"
    CONTINUE = "continue"
    YOURS = "yours"
    OFFERED = "offered"
    WAITING = "waiting"
    JOIN_WAITLIST = "join_waitlist"
    SOLD_OUT = "sold_out"
    CLOSED = "closed"
    ENDED = "ended"
    CANCELED = "canceled"


@dataclass(frozen=True)
class Entitlement:
    """Whether a reader may take a seat in a session, and how it would be paid."""

    action: Action
    seat: Seat | None = None
    order: Order | None = None
    waitlist_entry: WaitlistEntry | None = None
    credits_left: int = 0
    credits_expire_at: datetime | None = None
    # Credits are there, but all of them end before the session starts.
    credits_end_too_soon: bool = False


def entitlement(*, user: User | None, live_session: LiveSession, seats_left: int, now: datetime) -> Entitlement:
    """What the reader may do: a pure function of seats, orders, the waitlist, credits and time. Five queries at most."""
    closed = _closed(live_session, now)
    seat = own_seat(user=user, live_session=live_session) if user else None
    if seat and seat.state in Seat.TAKEN and closed != Action.CANCELED and now <= live_session.door_closes_at:
        return Entitlement(Action.YOURS, seat=seat)
    if closed:
        return Entitlement(closed, seat=seat)
    if user is None:
        return Entitlement(_sold_out(live_session, now) if seats_left == 0 else Action.SIGN_IN)
    order = _pending_order(user, live_session)
    if order:
        return Entitlement(Action.CONTINUE, order=order, seat=seat)
    return _of_who_has_none(user, live_session, seats_left, now)


def check_seat_for_sale(*, user: User, live_session: LiveSession, now: datetime) -> None:
    """Refuses with SalesClosed or SoldOut what a purchase would refuse, before its form; a reader's own pending order passes."""
    if not live_session.is_on_sale(now):
        raise SalesClosed
    card = session_card(slug=live_session.slug, now=now)
    if card and card.seats_left == 0 and not _pending_order(user, live_session):
        raise SoldOut


def check_credit_for(*, user: User, live_session: LiveSession, now: datetime) -> None:
    """Refuses with NoCredit or CreditExpiresBefore what spending a credit on this session would refuse. Only reads."""
    grants = [grant for grant in valid_grants(user, now) if grant.balance]
    if not grants:
        raise NoCredit
    if not any(grant.covers(live_session) for grant in grants):
        raise CreditExpiresBefore(max(grant.expires_at for grant in grants))


def _closed(live_session: LiveSession, now: datetime) -> Action | None:
    if live_session.state == LiveSession.State.CANCELED:
        return Action.CANCELED
    if live_session.state == LiveSession.State.ENDED or live_session.ends_at <= now:
        return Action.ENDED
    return None if live_session.is_on_sale(now) else Action.CLOSED


def _of_who_has_none(user: User, live_session: LiveSession, seats_left: int, now: datetime) -> Entitlement:
    entry = open_entry(user=user, live_session=live_session)
    if entry and entry.state == WaitlistEntry.State.OFFERED:
        return replace(_by_credit_or_money(user, live_session, now), action=Action.OFFERED, waitlist_entry=entry)
    if entry and live_session.takes_waitlist(now):
        return Entitlement(Action.WAITING, waitlist_entry=entry)
    how = _by_credit_or_money(user, live_session, now)
    return replace(how, action=_sold_out(live_session, now)) if seats_left == 0 else how


def _sold_out(live_session: LiveSession, now: datetime) -> Action:
    return Action.JOIN_WAITLIST if live_session.takes_waitlist(now) else Action.SOLD_OUT


def _pending_order(user: User, live_session: LiveSession) -> Order | None:
    pending = Order.objects.filter(kind=Order.Kind.SEAT, state=Order.State.PENDING)
    return pending.filter(subscriber__user=user, live_session=live_session).select_related("live_session").first()


def _by_credit_or_money(user: User, live_session: LiveSession, now: datetime) -> Entitlement:
    grants = [grant for grant in valid_grants(user, now) if grant.balance]
    usable = [grant for grant in grants if grant.covers(live_session)]
    if not usable:
        last = max((grant.expires_at for grant in grants), default=None)
        return Entitlement(Action.RESERVE, credits_end_too_soon=bool(grants), credits_expire_at=last)
    return Entitlement(
        Action.USE_CREDIT,
        credits_left=sum(grant.balance for grant in usable),
        credits_expire_at=usable[0].expires_at,
    )
