"""The first page and the account's overview: what both apps know, side by side."""

from collections.abc import Iterable

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from redreport import clock
from redreport.accounts.selectors import reader_of, signed_in
from redreport.pages.structured_data import house_data
from sessions_live.calendar_links import own_address, public_address
from sessions_live.models import Host, LiveSession, Seat
from sessions_live.seat_links import DOOR
from sessions_live.selectors import SessionCard, booked_seats, calendar_feed_key, coming_cards, open_entries, past_cards
from subscriptions.auto_booking import auto_booking_of
from subscriptions.billing_page import billing_context
from subscriptions.models import Order
from subscriptions.selectors import credit_balance, orders_of, plans_on_offer

COMING_ON_LANDING = 5
PAST_ON_LANDING = 12


@require_safe
def landing(request: HttpRequest) -> HttpResponse:
    now = clock.now()
    coming = coming_cards(now=now, limit=COMING_ON_LANDING)
    past = past_cards(now=now, limit=PAST_ON_LANDING)
    context = {
        "next_sessions": coming,
        "past_sessions": sorted(past, key=_section_rank),
        "hosts": _hosts_of([*coming, *past]),
        "house": house_data(),
        **plans_on_offer(user=reader_of(request)),
    }
    return render(request, "pages/landing.html", context)


@require_safe
@login_required
def account(request: HttpRequest) -> HttpResponse:
    """Everything of the reader's on one page: seats, credits, orders, the year."""
    user, now = signed_in(request), clock.now()
    seats = list(booked_seats(user=user))
    # A seat counts as past once its door is closed: until then its holder may come back in.
    coming = [seat for seat in seats if now <= seat.live_session.door_closes_at]
    given = [seat for seat in coming if seat.state in Seat.TAKEN and seat.live_session.state != "canceled"]
    orders = list(orders_of(user=user))
    credits = credit_balance(user=user, now=now)
    next_seat = given[0] if given else None
    calendar_key = calendar_feed_key(user=user)
    context = {
        "next_seat": next_seat,
        "next_door_url": DOOR.url(next_seat) if next_seat and next_seat.attendee_email == user.email else "",
        "next_door_is_open": bool(next_seat and next_seat.live_session.is_door_open(now)),
        "coming_seats": [seat for seat in coming if seat != next_seat],
        "past_seats": [seat for seat in reversed(seats) if now > seat.live_session.door_closes_at],
        "open_orders": [order for order in orders if order.state == Order.State.PENDING],
        "orders": [order for order in orders if order.state != Order.State.PENDING],
        "waiting": open_entries(user=user),
        "credit_balance": credits.total,
        "credits_expire_on": credits.first_expiry,
        "auto_booking": auto_booking_of(user=user),
        "own_calendar_key": calendar_key,
        "own_calendar": own_address(calendar_key) if calendar_key else None,
        "public_calendar": public_address(),
        **billing_context(user=user),
    }
    return render(request, "pages/account.html", context)


def _hosts_of(cards: Iterable[SessionCard]) -> list[Host]:
    """Each author once, in the order in which they next appear."""
    return list(dict.fromkeys(host for card in cards for host in card.hosts))


def _section_rank(card: SessionCard) -> int:
    """The newsletter's own order of its sections."""
    return LiveSession.Section.values.index(card.live_session.section)
