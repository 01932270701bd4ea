"""The demo that a newcomer finds: a schedule, people, a year, some seats, all made by the operations of the product itself."""

import json
import urllib.request
import uuid
from datetime import datetime, time, timedelta
from urllib.parse import urlsplit

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils.text import slugify

from redreport import policy
from redreport.accounts.models import User
from redreport.local.demo_accounts import READER_EMAIL, STAFF_EMAIL, SUBSCRIBER_EMAIL
from redreport.local.demo_sessions import ATTENDEES, COMING, HOSTS, PAST, Topic
from redreport.outbox.models import OutgoingMail
from sessions_live.models import Host, LiveSession, Seat
from sessions_live.operations.attendance import enter_by_door
from sessions_live.operations.schedule import end_past_live_sessions, publish_live_session
from sessions_live.operations.seats import Attendee
from subscriptions.models import Order, Plan, Subscription
from subscriptions.operations.booking import book_with_credit
from subscriptions.operations.checkouts import sync_checkout
from subscriptions.operations.comps import give_complimentary_seat
from subscriptions.operations.purchase import buy_year
from subscriptions.selectors import current_price

ANNOUNCED_BEFORE = timedelta(days=30)


def load_people_and_schedule(*, password: str, now: datetime) -> bool:
    """Make the demo's accounts, hosts, sessions and given seats, all or nothing; False if they were made before.

    Seats are given only where mails are caught: nobody outside gets a mail about a demo.
    """
    if User.objects.filter(email=STAFF_EMAIL).exists():
        return False
    with transaction.atomic():
        staff = make_person(STAFF_EMAIL, "Sam Whitaker", "", password, is_staff=True, is_superuser=True)
        make_person(SUBSCRIBER_EMAIL, "Lena Hartmann", "Hartmann Capital", password)
        make_person(READER_EMAIL, "Tom Avery", "", password)
        hosts = [Host.objects.create(name=host.name, email=host.email, bio=host.bio) for host in HOSTS]
        for topic in (*COMING, *PAST):
            add_session(topic, hosts, staff, now)
        end_past_live_sessions(now=now)
        told_long_ago(now)
    return True


def make_person(email: str, name: str, firm: str, password: str, **fields: bool) -> User:
    """An account whose address is proven."""
    user = User.objects.create_user(email, password, name=name, firm=firm, **fields)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def add_session(topic: Topic, hosts: list[Host], staff: User, now: datetime) -> None:
    """Publish the session and give its seats; one of the past is published, filled and attended at the times of its own."""
    starts_at = start_of(topic, now)
    live_session = LiveSession.objects.create(
        title=topic.title,
        slug=slugify(topic.title),
        section=topic.section,
        question=topic.question,
        description=topic.description,
        starts_at=starts_at,
        capacity=topic.capacity,
        meeting_url=f"https://meet.example.com/{slugify(topic.title)}",
    )
    live_session.hosts.set([hosts[index] for index in topic.hosts])
    announced_at = min(now, starts_at - ANNOUNCED_BEFORE)
    publish_live_session(live_session_id=live_session.pk, actor=staff, now=announced_at)
    if not settings.LOCAL_MAIL_DIR:
        return
    for name, firm, email in ATTENDEES[: topic.given_seats]:
        attendee = Attendee(name, email, firm)
        reason = "Signed up by e-mail before this site existed"
        given_at = min(now, starts_at - timedelta(days=5))
        coverage = give_complimentary_seat(
            live_session_id=live_session.pk, attendee=attendee, actor=staff, reason=reason, now=given_at
        )
        # The last one who was given a seat in a past session did not come.
        if starts_at < now and email != ATTENDEES[topic.given_seats - 1][2]:
            enter_by_door(seat=coverage.seat, device=uuid.uuid4(), takes_over=False, now=starts_at)


def start_of(topic: Topic, now: datetime) -> datetime:
    """Soon means by the minute; otherwise 11 in the morning in the house's zone, on a working day."""
    if abs(topic.starts) < timedelta(days=1):
        return (now + topic.starts).replace(second=0, microsecond=0)
    day = (now + topic.starts).astimezone(policy.HOUSE_ZONE).date()
    while day.weekday() > 4:
        day += timedelta(days=1 if topic.starts > timedelta() else -1)
    return datetime.combine(day, time(11), tzinfo=policy.HOUSE_ZONE)


def told_long_ago(now: datetime) -> None:
    """Mails about what the demo says happened in the past count as sent then, and are not sent today."""
    OutgoingMail.objects.filter(state=OutgoingMail.State.QUEUED, created_at__lt=now).update(
        state=OutgoingMail.State.SENT, sent_at=F("created_at"), reason="demo data of the past"
    )


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
            live_session = LiveSession.objects.get(slug=slugify(topic.title))
            if subscriber and live_session.is_on_sale(now):
                book_with_credit(user=subscriber, live_session_id=live_session.pk, now=now)
    return True


def stripe_is_simulated() -> bool:
    return urlsplit(settings.STRIPE_API_BASE).hostname in ("127.0.0.1", "localhost")


def pay_at_simulator(checkout_session_id: str, user: User) -> None:
    # The country is asked for where tax is switched on.
    payer = {"session": checkout_session_id, "email": user.email, "name": user.name, "country": "US"}
    body = json.dumps(payer).encode()
    request = urllib.request.Request(
        f"{settings.STRIPE_API_BASE}/_simulator/pay", body, {"Content-Type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        outcome = json.load(answer)["outcome"]
    if outcome != "paid":
        raise RuntimeError(f"the simulator did not take the demo's payment: {outcome}")
