"""What the demo's people buy, at the simulator's Checkout as readers do, and with the credits that come of it."""

import json
import urllib.request
from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction

from redreport.accounts.models import User
from redreport.local.demo import coming
from redreport.local.demo_accounts import SUBSCRIBER_EMAIL
from redreport.local.demo_sessions import COMING, DOUBTED, SOLD_TO_ONE_IN_DOUBT
from sessions_live.models import Seat
from subscriptions.models import Order, Plan, Reconciliation, Subscription
from subscriptions.operations.booking import book_with_credit
from subscriptions.operations.checkouts import sync_checkout
from subscriptions.operations.purchase import buy_seats, buy_year
from subscriptions.reconciliation.run import reconcile
from subscriptions.selectors import current_price
from subscriptions.tasks import WEBHOOKS_ON_THEIR_WAY

# Pays at once; then its bank tells Stripe, and Stripe us, that it may have been stolen.
CARD_IN_DOUBT = "4000000000005423"


def buy_year_at_simulator(*, now: datetime) -> bool:
    """Let the subscriber buy a year as a reader does, paid at the simulator's Checkout.

    False if there is a year already, or if Stripe is not the simulator. Calls the simulator; not inside a transaction.
    """
    subscriber = User.objects.filter(email=SUBSCRIBER_EMAIL).first()
    if subscriber is None or not stripe_is_simulated() or Subscription.objects.filter(subscriber__user=subscriber).exists():
        return False
    buy_year(user=subscriber, price_id=current_price(Plan.ANNUAL).pk, now=now)
    order = Order.objects.get(subscriber__user=subscriber, kind=Order.Kind.YEAR, state=Order.State.PENDING)
    assert order.stripe_checkout_session_id
    pay_at_simulator(order.stripe_checkout_session_id, subscriber)
    sync_checkout(checkout_session_id=order.stripe_checkout_session_id, now=now)
    return True


def book_with_the_years_credits(*, now: datetime) -> bool:
    """Take two seats with the subscriber's credits; False if there is no year, or if they ever had a seat."""
    subscriber = User.objects.filter(email=SUBSCRIBER_EMAIL).first()
    if not settings.LOCAL_MAIL_DIR or Seat.objects.filter(booked_by=subscriber).exists():
        return False
    if not Subscription.objects.filter(subscriber__user=subscriber).exists():
        return False
    with transaction.atomic():
        for topic in (COMING[0], COMING[2]):
            live_session = coming(topic)
            if subscriber and live_session.is_on_sale(now):
                book_with_credit(user=subscriber, live_session_id=live_session.pk, now=now)
    return True


def buy_seat_with_a_card_in_doubt(*, now: datetime) -> bool:
    """Let a reader buy a seat with a card that its bank suspects: the case about it opens when the simulator tells of it.

    False if they paid before, or if Stripe is not the simulator. Calls the simulator; not inside a transaction.
    """
    buyer = User.objects.filter(email=DOUBTED.email).first()
    if buyer is None or not stripe_is_simulated():
        return False
    orders = Order.objects.filter(subscriber__user=buyer, kind=Order.Kind.SEAT)
    live_session = coming(SOLD_TO_ONE_IN_DOUBT)
    if orders.filter(paid_at__isnull=False).exists() or not live_session.is_on_sale(now):
        return False
    price = current_price(Plan.SINGLE_SEAT)
    buy_seats(user=buyer, live_session_id=live_session.pk, attendees=[DOUBTED], price_id=price.pk, now=now)
    order = orders.get(state=Order.State.PENDING)
    assert order.stripe_checkout_session_id
    pay_at_simulator(order.stripe_checkout_session_id, buyer, card=CARD_IN_DOUBT)
    sync_checkout(checkout_session_id=order.stripe_checkout_session_id, now=now)
    return True


def compare_with_simulator(*, now: datetime) -> bool:
    """Compare our books with the simulator's once, so that the desk need not say for an hour that nobody has.

    False if they were compared before, or if Stripe is not the simulator. Calls the simulator; not inside a transaction.
    """
    if not stripe_is_simulated() or Reconciliation.objects.exists():
        return False
    reconcile(since=None, until=now - WEBHOOKS_ON_THEIR_WAY, dry_run=False, now=now)
    return True


def stripe_is_simulated() -> bool:
    return urlsplit(settings.STRIPE_API_BASE).hostname in ("127.0.0.1", "localhost")


def pay_at_simulator(checkout_session_id: str, user: User, *, card: str = "4242424242424242") -> None:
    # The country is asked for where tax is switched on.
    payer = {"session": checkout_session_id, "card": card, "email": user.email, "name": user.name, "country": "US"}
    body = json.dumps(payer).encode()
    request = urllib.request.Request(
        f"{settings.STRIPE_API_BASE}/_simulator/pay", body, {"Content-Type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        outcome = json.load(answer)["outcome"]
    if outcome != "paid":
        raise RuntimeError(f"the simulator did not take the demo's payment: {outcome}")
