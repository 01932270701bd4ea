"""Rows as tests need them, each one plain and valid; what a test is about, it says itself."""

from datetime import datetime, timedelta
from itertools import count
from typing import Any

from allauth.account.models import EmailAddress

from redreport import clock
from redreport.accounts.models import User
from sessions_live.models import Host, LiveSession, Seat
from sessions_live.operations.schedule import publish_live_session
from sessions_live.operations.seats import Attendee
from subscriptions.models import CreditEntry, CreditGrant, Plan, Price
from subscriptions.operations.comps import give_complimentary_seat
from subscriptions.operations.subscribers import subscriber_of

_numbers = count(1)


def make_user(name: str = "Ada Reader", *, email: str = "", proven: bool = True, **fields: Any) -> User:
    """A reader; the address is proven unless said otherwise."""
    user = User.objects.create_user(email or f"reader{next(_numbers)}@example.com", name=name, **fields)
    EmailAddress.objects.create(user=user, email=user.email, verified=proven, primary=True)
    return user


def make_staff() -> User:
    """A member of staff who may do everything in the admin."""
    return make_user("Desk", email=f"desk{next(_numbers)}@example.com", is_staff=True, is_superuser=True)


def make_live_session(
    *, starts_in: timedelta = timedelta(days=7), capacity: int = 12, published: bool = True, now: datetime | None = None
) -> LiveSession:
    """A session on sale that starts in a week. Its host has no address: who is about the hosts' mails gives them one."""
    number, now = next(_numbers), now or clock.now()
    live_session = LiveSession.objects.create(
        title=f"Reading the plenum {number}",
        slug=f"reading-the-plenum-{number}",
        section=LiveSession.Section.ZHONGNANHAI,
        question="What did the communiqué leave out?",
        starts_at=now + starts_in,
        capacity=capacity,
        meeting_url="https://meet.example.com/plenum",
    )
    host, _ = Host.objects.get_or_create(name="Mei Lin")
    live_session.hosts.add(host)
    if published:
        publish_live_session(
            live_session_id=live_session.pk, actor=make_staff(), now=min(now, live_session.starts_at) - timedelta(1)
        )
    live_session.refresh_from_db()
    return live_session


def attendee_of(user: User) -> Attendee:
    """The user as the one who sits in the seat."""
    return Attendee(user.name, user.email, user.firm)


def make_guest_seat(
    live_session: LiveSession, user: User | None = None, *, staff: User | None = None, now: datetime | None = None
) -> Seat:
    """A seat that the house gave to this user, or to somebody."""
    return give_complimentary_seat(
        live_session_id=live_session.pk,
        attendee=attendee_of(user or make_user()),
        actor=staff or make_staff(),
        reason="a guest of the house",
        now=now or clock.now(),
    ).seat


def make_price(plan: Plan = Plan.SINGLE_SEAT) -> Price:
    """A price in force that no Stripe account knows: for tests in which Stripe is not asked."""
    yearly = plan == Plan.ANNUAL
    return Price.objects.create(
        plan=plan,
        lookup_key=f"rrl_{plan}",
        stripe_price_id=f"price_{plan}_{next(_numbers)}",
        stripe_product_id=f"prod_{plan}",
        stripe_account_id="acct_test",
        livemode=False,
        amount_minor=250000 if yearly else 25000,
        currency="usd",
        interval="year" if yearly else "",
        tax_behavior="exclusive",
    )


def make_credits(user: User, credits: int = 1) -> CreditGrant:
    """Credits as a paid year grants them, with their line in the ledger."""
    now = clock.now()
    grant = CreditGrant.objects.create(
        subscriber=subscriber_of(user),
        stripe_invoice_line_id=f"il_{next(_numbers)}",
        credits=credits,
        balance=credits,
        valid_from=now - timedelta(minutes=1),
        expires_at=now + timedelta(days=365),
        created_at=now,
    )
    CreditEntry.objects.create(
        grant=grant, kind=CreditEntry.Kind.GRANT, delta=credits, balance_after=credits, reason="Annual subscription paid", at=now
    )
    return grant
