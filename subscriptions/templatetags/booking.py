"""The one thing a reader can do about a session, as a piece of the session's page."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django import template
from django.urls import reverse

from redreport import clock
from redreport.accounts.selectors import reader_of
from sessions_live.models import LiveSession, Seat
from sessions_live.seat_links import DOOR
from sessions_live.selectors import SessionCard, waiting_before
from subscriptions.entitlements import Action, entitlement
from subscriptions.models import Plan
from subscriptions.selectors import current_prices
from subscriptions.structured_data import event_data

register = template.Library()


@register.inclusion_tag("subscriptions/_booking_action.html", takes_context=True)
def booking_action(context: template.Context, live_session: LiveSession) -> dict[str, Any]:
    """Buy button, credit button, waitlist, door, or why there is none, and the same for programs; five queries at most."""
    now = clock.now()
    request, card = context["request"], context["card"]
    assert isinstance(card, SessionCard)
    answer = entitlement(user=reader_of(request), live_session=live_session, seats_left=card.seats_left, now=now)
    own_seat = answer.seat if answer.seat and answer.seat.state in Seat.TAKEN else None
    price = current_prices().get(Plan.SINGLE_SEAT)
    page = reverse("sessions:detail", args=[live_session.slug])
    return {
        "request": request,
        "csrf_token": context.get("csrf_token"),
        "rules": context.get("rules"),
        "action": str(answer.action) if price or answer.action not in (Action.SIGN_IN, Action.RESERVE) else Action.CLOSED,
        "live_session": live_session,
        "card": card,
        "seat": answer.seat,
        "order": answer.order,
        "price": price,
        "capacity": live_session.capacity,
        "seats_left": card.seats_left,
        "credits_left": answer.credits_left,
        "credits_expire_on": answer.credits_expire_at,
        "entry": answer.waitlist_entry,
        "ahead": waiting_before(answer.waitlist_entry) if answer.action == Action.WAITING and answer.waitlist_entry else 0,
        "credits_end_too_soon": answer.credits_end_too_soon,
        "can_pay_instead": answer.action == Action.USE_CREDIT and price is not None,
        "sign_in_url": f"{reverse('account_login')}?{urlencode({'next': page})}",
        "door_url": DOOR.url(own_seat) if own_seat else "",
        "cancel_url": _cancel_url(own_seat, context, now),
        "hand_over_url": _hand_over_url(own_seat, context, now),
        "door_opens_at": live_session.door_opens_at,
        "door_is_open": live_session.is_door_open(now),
        "replay_url": context.get("replay_url", ""),
        "event": event_data(card, price, context.get("change")),
    }


def _cancel_url(seat: Seat | None, context: template.Context, now: datetime) -> str:
    """Where the reader cancels the seat, if it is theirs to give up."""
    return reverse("subscriptions:cancel", args=[seat.public_id]) if seat and _may_give_up(seat, context, now) else ""


def _hand_over_url(seat: Seat | None, context: template.Context, now: datetime) -> str:
    """Where the reader hands the seat to somebody else, if it is theirs to give up and they have not come in."""
    if seat is None or seat.state != Seat.State.CONFIRMED or not _may_give_up(seat, context, now):
        return ""
    return reverse("subscriptions:hand_over", args=[seat.public_id])


def _may_give_up(seat: Seat, context: template.Context, now: datetime) -> bool:
    """Whether the reader booked the seat themselves, and its session has not begun."""
    user = reader_of(context["request"])
    return user is not None and seat.booked_by_id == user.pk and seat.live_session.starts_at > now
