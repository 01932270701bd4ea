"""What of somebody's purchases is not over yet. An account with any of it is not erased: so nothing that is owed gets lost."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Q
from django.urls import reverse

from redreport.accounts.models import User
from redreport.accounts.privacy.parts import Obstacle
from redreport.money import format_money
from sessions_live.models import Seat
from subscriptions.models import Case, Dispute, Order, Refund
from subscriptions.operations.cancel import plan_own_cancellation
from subscriptions.selectors import live_subscription, orders_paid_not_given, seats_to_settle, seats_with_coverage
from subscriptions.settlement import what_comes_back


def coming_seats(user: User, now: datetime) -> Iterator[Obstacle]:
    """Each is given back by its owner first, who sees there what comes back, by the function that then does it."""
    booked = seats_with_coverage().filter(booked_by=user, state__in=Seat.TAKEN).order_by("live_session__starts_at", "pk")
    for seat in booked:
        live_session = seat.live_session
        if now > live_session.door_closes_at:
            continue
        if live_session.starts_at <= now:
            yield Obstacle(f"“{live_session.title}” is under way. Wait until it is over.")
            continue
        back = what_comes_back(plan_own_cancellation(seat=seat, now=now), is_done=False)
        whose = "Your seat" if seat.attendee_email == user.email else f"The seat of {seat.attendee_name}"
        yield Obstacle(
            f"{whose} in “{live_session.title}”: give it back first, or wait until the session is over. {back}",
            reverse("subscriptions:cancel", args=[seat.public_id]),
        )


def open_money(user: User, now: datetime) -> Iterator[Obstacle]:
    """Orders, refunds, disputes and cases that are not over."""
    for order in Order.objects.filter(subscriber__user=user, state=Order.State.PENDING).order_by("pk"):
        yield Obstacle(
            f"Order {order.number} is open: pay it or drop it first.", reverse("subscriptions:order", args=[order.number])
        )
    under_way = Order.objects.filter(subscriber__user=user, state=Order.State.EXPIRED, under_way_since__isnull=False)
    for order in under_way.order_by("pk"):
        # Its seat is let go, and what the bank pays for it goes back: until the bank has said so, nobody knows.
        yield Obstacle(f"The payment for order {order.number} is on its way from your bank. Wait until it has arrived or failed.")
    for order in orders_paid_not_given().filter(subscriber__user=user).order_by("pk"):
        yield Obstacle(f"Order {order.number} is paid, and we are carrying it out.")
    if seats_to_settle().filter(booked_by=user).exists():
        yield Obstacle("A seat was canceled, and what comes back for it is being returned.")
    moving = Refund.objects.filter(payment__subscriber__user=user, state__in=[Refund.State.PENDING, Refund.State.SUBMITTED])
    for refund in moving.order_by("pk"):
        amount = format_money(refund.amount_minor, refund.currency)
        yield Obstacle(f"A refund of {amount} is on its way to you. Wait until your bank has it.")
    disputes = Dispute.objects.filter(payment__subscriber__user=user).exclude(status__in=Dispute.CLOSED)
    if disputes.exists():
        yield Obstacle("Your bank is deciding about a payment. Wait until it has.")
    about = Q(subscriber__user=user) | Q(order__subscriber__user=user) | Q(payment__subscriber__user=user)
    if Case.objects.filter(about | Q(seat__booked_by=user), state=Case.State.OPENED).exists():
        yield Obstacle("Our desk is settling something about your account. Write to us if you want to know how it stands.")


def unpaid_year(user: User) -> Iterator[Obstacle]:
    """A year whose payment is open: whether it is paid or ended is for its owner to say first."""
    year = live_subscription(user=user)
    if year and year.payment_is_open:
        yield Obstacle("The payment for your year is open. Settle it first, or write to us to end the year.")
