"""Reading what was bought, what is left, and what somebody may do."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet, Sum

from redreport import policy
from redreport.accounts.models import User
from redreport.money import format_money
from sessions_live.models import LiveSession, Seat
from subscriptions.errors import CatalogNotReady
from subscriptions.models import (
    Case,
    CreditEntry,
    CreditGrant,
    Order,
    Payment,
    Plan,
    Price,
    Refund,
    RenewalNotice,
    Subscriber,
    Subscription,
)


@dataclass(frozen=True)
class CreditBalance:
    """Credits valid at an instant, and when the first of them expires."""

    total: int
    first_expiry: datetime | None
    last_expiry: datetime | None


@dataclass(frozen=True)
class YearlyAmount:
    """What a year is charged at each renewal, before tax that comes on top and before a promotion that may last."""

    amount_minor: int
    currency: str
    adds_tax: bool
    had_promotion: bool

    def __str__(self) -> str:
        """'$2,500', '$2,500 plus tax', '$2,500, less your promotion if it lasts'."""
        tax = " plus tax" if self.adds_tax else ""
        promotion = ", less your promotion if it lasts" if self.had_promotion else ""
        return f"{format_money(self.amount_minor, self.currency)}{tax}{promotion}"


@dataclass(frozen=True)
class StatementLine:
    """A line of the ledger, and how many credits of all grants were left after it."""

    entry: CreditEntry
    balance: int


def current_price(plan: Plan) -> Price:
    """The price in force for a plan in our mode. Refuses with CatalogNotReady when `stripe_setup` has not run."""
    price = Price.objects.filter(plan=plan, livemode=settings.STRIPE_LIVEMODE, is_current=True).first()
    if price is None:
        raise CatalogNotReady(plan)
    return price


def current_prices() -> dict[str, Price]:
    """The prices in force by plan, in one query; a plan that is not on sale yet is missing."""
    return {price.plan: price for price in Price.objects.filter(livemode=settings.STRIPE_LIVEMODE, is_current=True)}


def yearly_price_ids() -> set[str]:
    """Stripe's ids of every price that a year ever had: a running subscription keeps its own."""
    return set(Price.objects.filter(plan=Plan.ANNUAL).values_list("stripe_price_id", flat=True))


def plans_on_offer(*, user: User | None) -> dict[str, Any]:
    """What `components/plans.html` shows: both prices, what a year saves in minor units, and whether the reader has one.

    A price that is not set up yet is None, and then there is nothing to compare. Two queries at most.
    """
    prices = current_prices()
    single, annual = prices.get(Plan.SINGLE_SEAT), prices.get(Plan.ANNUAL)
    offer = {
        "single_price": single,
        "annual_price": annual,
        "has_year": bool(user and live_subscription(user=user)),
    }
    if single is None or annual is None:
        return offer
    return {
        **offer,
        "per_session_minor": annual.amount_minor // policy.CREDITS_PER_YEAR,
        "saves_minor": single.amount_minor * policy.CREDITS_PER_YEAR - annual.amount_minor,
    }


def credit_balance(*, user: User, now: datetime) -> CreditBalance:
    """The user's credits that have not expired."""
    grants = [grant for grant in valid_grants(user, now) if grant.balance]
    ends = [grant.expires_at for grant in grants]
    return CreditBalance(sum(grant.balance for grant in grants), min(ends, default=None), max(ends, default=None))


def credits_left(*, users: Iterable[User], now: datetime) -> dict[int, int]:
    """How many credits that have not expired each of them has, by the user's id; who has none is left out. One query."""
    valid = CreditGrant.objects.filter(subscriber__user__in=list(users), valid_from__lte=now, expires_at__gt=now, balance__gt=0)
    return dict(valid.order_by().values_list("subscriber__user").annotate(left=Sum("balance")))


def credit_statement(*, user: User) -> list[StatementLine]:
    """Every line of the user's ledger, latest first, with its grant, the seat it paid for, and all credits left after it."""
    entries = (
        CreditEntry.objects.filter(grant__subscriber__user=user)
        .select_related("grant", "seat__live_session")
        # In the order in which they were written: two at once may have read the clock the other way round.
        .order_by("id")
    )
    lines, balance = [], 0
    for entry in entries:
        balance += entry.delta
        lines.append(StatementLine(entry, balance))
    return lines[::-1]


def credit_grants(*, user: User) -> QuerySet[CreditGrant]:
    """The user's grants, the soonest to expire first."""
    return CreditGrant.objects.filter(subscriber__user=user).order_by("expires_at", "id")


def live_subscription(*, user: User) -> Subscription | None:
    """The user's running year, paid or not; the one that ends last if Stripe has two."""
    return (
        Subscription.objects.filter(subscriber__user=user, status__in=Subscription.LIVE).order_by("-current_period_end").first()
    )


def shown_year(*, user: User) -> Subscription | None:
    """The user's running year or, where none runs, the one that ended last."""
    ended = Subscription.objects.filter(subscriber__user=user, status=Subscription.Status.CANCELED)
    return live_subscription(user=user) or ended.order_by("-ended_at", "-id").first()


def yearly_amount(subscription: Subscription) -> YearlyAmount | None:
    """What each renewal charges: a running subscription keeps the price it was ordered at. None for one not ordered here."""
    order = Order.objects.filter(subscription=subscription).select_related("price").first()
    if order is None:
        return None
    return YearlyAmount(
        order.amount_minor,
        order.currency,
        adds_tax=order.tax_minor > 0 and order.price.tax_behavior != "inclusive",
        had_promotion=order.discount_minor > 0,
    )


def subscriptions_owed_notice(*, now: datetime) -> QuerySet[Subscription]:
    """Subscriptions that renew soon, and whose notice of that date neither stands nor is under way; soonest first."""
    notices = RenewalNotice.objects.filter(subscription=OuterRef("pk"), renews_at=OuterRef("current_period_end"))
    idle = RenewalNotice.objects.idle().filter(subscription=OuterRef("pk"), renews_at=OuterRef("current_period_end"))
    return Subscription.objects.filter(
        ~Exists(notices) | Exists(idle),
        status__in=Subscription.RENEWING,
        cancel_at__isnull=True,
        cancel_at_period_end=False,
        pause_behavior="",
        current_period_end__gt=now,
        current_period_end__lte=now + policy.RENEWAL_NOTICE_BEFORE,
    ).order_by("current_period_end", "id")


def id_of_customers_subscriber(stripe_customer_id: str) -> int | None:
    """Whose customer at Stripe this is or was; None for one that is none of ours."""
    owners = Subscriber.objects.filter(
        Q(stripe_customer_id=stripe_customer_id) | Q(former_customers__stripe_customer_id=stripe_customer_id)
    )
    return owners.values_list("id", flat=True).first()


def given_back_minor(payment: Payment) -> int:
    """How much of a payment is back with the reader, or on its way there, by refunds that Stripe has taken on."""
    standing = payment.refunds.filter(state__in=Refund.STANDING)
    return standing.aggregate(total=Sum("amount_minor"))["total"] or 0


def returned_minor(payment: Payment) -> int:
    """How much of a payment is back with the reader, or on its way there, also past Stripe."""
    return given_back_minor(payment) + payment.paid_back_minor


def seats_with_coverage() -> QuerySet[Seat]:
    """Seats with session and whatever paid for them, in one query."""
    return Seat.objects.select_related(
        "live_session", "coverage__order", "coverage__credit_entry__grant", "coverage__refund"
    ).filter(coverage__isnull=False)


def seats_by_credit(live_session: LiveSession) -> QuerySet[Seat]:
    """The session's taken seats that credits paid for, whoever sits in them by now."""
    return Seat.objects.filter(live_session=live_session, state__in=Seat.TAKEN, coverage__credit_entry__isnull=False)


def orders_of(*, user: User) -> QuerySet[Order]:
    """The user's orders, latest first, with what they are for."""
    return Order.objects.filter(subscriber__user=user).select_related("subscriber__user", "live_session", "price")


def orders_paid_not_given() -> QuerySet[Order]:
    """Orders whose money we have and whose seat or year nobody got, with no refund owed or made: what a crash left behind."""
    refunds = Refund.objects.filter(payment__order=OuterRef("pk"))
    return Order.objects.filter(
        ~Exists(refunds),
        state__in=[Order.State.PAID, Order.State.PARTLY_REFUNDED],
        paid_at__isnull=False,
        fulfilled_at__isnull=True,
    )


def seats_to_settle() -> QuerySet[Seat]:
    """Canceled seats whose coverage nobody settled yet, the longest canceled first."""
    return Seat.objects.filter(state=Seat.State.CANCELED, coverage__settled_at__isnull=True, coverage__isnull=False).order_by(
        "canceled_at", "id"
    )


def grants_to_expire(*, now: datetime) -> QuerySet[CreditGrant]:
    """Grants with credits left whose time is over, the longest over first."""
    return CreditGrant.objects.filter(expires_at__lte=now, balance__gt=0).order_by("expires_at", "id")


def valid_grants(user: User, now: datetime) -> QuerySet[CreditGrant]:
    """The user's grants that have begun and not expired, the soonest to expire first."""
    return CreditGrant.objects.valid_at(now).filter(subscriber__user=user)


def at_stake(case: Case) -> tuple[int, str] | None:
    """What a case may cost, in minor units and currency, where it is about a sum; the case has its rows with it."""
    coverage = getattr(case.seat, "coverage", None) if case.seat else None
    if case.paid_back_minor:
        return case.paid_back_minor, case.paid_back_currency
    if case.kind == Case.Kind.OFFLINE_RESTITUTION:
        return (coverage.amount_minor, coverage.currency) if coverage and coverage.amount_minor else None
    if case.dispute:
        return case.dispute.amount_minor, case.dispute.currency
    if case.refund and case.kind != Case.Kind.PARTIAL_REFUND:
        return case.refund.amount_minor, case.refund.currency
    return (case.payment.left_minor, case.payment.currency) if case.payment else None
