"""Guards of years and their credits."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from redreport import clock
from sessions_live.models import Seat
from subscriptions import stripe_gateway as gateway
from subscriptions.errors import CreditExpiresBefore, YearAlreadyRunning
from subscriptions.models import CreditGrant, Order, Plan, Subscriber, Subscription, SubscriptionChange
from subscriptions.models.credits import CreditGrantQuerySet
from subscriptions.operations import booking, changes, credits, renewals
from subscriptions.operations.booking import start_year_order
from subscriptions.operations.changes import ask_renewal, submit_change
from subscriptions.operations.checkouts import open_checkout, sync_checkout
from subscriptions.operations.renewals import sync_invoice
from subscriptions.operations.subscribers import subscriber_of
from subscriptions.selectors import current_price
from subscriptions.stripe_objects import InvoiceLine
from tests.canceling import book
from tests.factories import make_credits, make_live_session, make_user
from tests.fixtures_shop import Shop
from tests.guards import Guard
from tests.guards.seats import charges
from tests.racing import EverybodyLooksFirst, at_once, without_index

DOUBLED = "one paid year brought its credits twice"
SPENT_TWICE = "one credit took two seats"
AFTER_ITS_END = "a credit took a seat in a session after its end"
CHARGED_TWICE = "one reader was charged for two years"
LAST_WISH_LOST = "the renewal is on, although the reader turned it off last"


def paid_invoice_is_told_twice(shop: Shop) -> None:
    year = shop.begin_year()
    invoice_id = gateway.fetch_subscription(year.stripe_subscription_id).latest_invoice_id
    sync_invoice(stripe_invoice_id=invoice_id, now=clock.now())
    assert sum(CreditGrant.objects.values_list("balance", flat=True)) == 12, DOUBLED


@contextmanager
def no_line_is_known_again() -> Iterator[None]:
    """A grant keeps some number of its own in place of its invoice line's."""
    grant_year_credits = renewals.grant_year_credits

    def grant_anew(*, line: InvoiceLine, **kwargs: Any) -> tuple[CreditGrant, bool]:
        return grant_year_credits(line=replace(line, id=f"il_{uuid.uuid4()}"), **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(renewals, "grant_year_credits", grant_anew)
        yield


def last_credit_is_used_in_two_tabs(shop: Shop) -> None:
    user = make_user()
    make_credits(user)
    look_first = EverybodyLooksFirst(2, before=f'UPDATE "{CreditGrant._meta.db_table}"')
    at_once([partial(look_first, partial(book, user, make_live_session())) for _ in range(2)])
    assert Seat.objects.filter(state__in=Seat.TAKEN).count() == 1, SPENT_TWICE


@contextmanager
def credits_are_spent_without_locks() -> Iterator[None]:
    """Neither the subscriber nor the grants are locked."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(credits, "lock_subscriber", look_at_subscriber)
        patch.setattr(CreditGrantQuerySet, "select_for_update", lambda grants, **how: grants)
        yield


def credit_is_used_past_its_end(shop: Shop) -> None:
    user = make_user()
    grant = make_credits(user)
    later = make_live_session(starts_in=grant.expires_at - clock.now() + timedelta(days=1))
    with suppress(CreditExpiresBefore):
        book(user, later)
    assert not Seat.objects.exists(), AFTER_ITS_END


@contextmanager
def a_credit_is_good_for_any_session() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CreditGrant, "covers", lambda grant, live_session: grant.balance > 0)
        yield


def form_of_a_second_tab_is_sent_when_the_year_runs(shop: Shop) -> None:
    year = shop.begin_year()
    with suppress(YearAlreadyRunning):
        shop.begin_year(year.subscriber.user)
    assert len(charges(shop)) == 1, CHARGED_TWICE


@contextmanager
def no_year_counts_as_running() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(booking, "Subscription", SimpleNamespace(objects=Subscription.objects, LIVE=()))
        yield


def two_clicks_order_a_year(shop: Shop) -> None:
    user, price = make_user(), current_price(Plan.ANNUAL)
    subscriber_of(user)
    look_first = EverybodyLooksFirst(2, before=f'INSERT INTO "{Order._meta.db_table}"')
    order: Callable[[], object] = partial(start_year_order, user=user, price_id=price.pk, now=clock.now())
    at_once([partial(look_first, order)] * 2)
    ordered = list(Order.objects.select_related("subscriber__user", "price"))
    for one in ordered:
        open_checkout(order=one, now=clock.now())
    for one in ordered:
        shop.pay(one)
        sync_checkout(checkout_session_id=str(one.stripe_checkout_session_id), now=clock.now())
    assert len(charges(shop)) == 1, CHARGED_TWICE


@contextmanager
def each_click_orders_for_itself() -> Iterator[None]:
    """Neither the subscriber is locked, nor does the database mind two pending orders."""
    with pytest.MonkeyPatch.context() as patch, without_index("order_one_pending_year", expire_pending_orders):
        patch.setattr(booking, "lock_subscriber", look_at_subscriber)
        yield


def older_wish_reaches_stripe_last(shop: Shop) -> None:
    """The reader turns the renewal on, then off again. The first call broke off on our side, and arrives in the end."""
    year = shop.begin_year()
    turn(year, renews=False)
    shop.stripe.fault("drop", method="POST", path="/v1/subscriptions/*", count=2)
    older = turn(year, renews=True)
    shop.stripe.clear_faults()
    turn(year, renews=False)
    state = gateway.fetch_subscription(year.stripe_subscription_id)
    gateway.set_renewal(key=f"change-{older.public_id}-0", subscription=state, renews=True)
    [at_stripe] = shop.stripe.objects("subscription")
    assert at_stripe["cancel_at_period_end"], LAST_WISH_LOST


@contextmanager
def superseded_wishes_are_forgotten() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(changes, "_settle_superseded", lambda subscription, now: None)
        yield


def turn(year: Subscription, *, renews: bool) -> SubscriptionChange:
    change = ask_renewal(user=year.subscriber.user, renews=renews, now=clock.now())
    submit_change(change_id=change.pk, now=clock.now())
    return change


def look_at_subscriber(subscriber_id: int) -> Subscriber:
    return Subscriber.objects.get(pk=subscriber_id)


def expire_pending_orders() -> None:
    Order.objects.filter(state=Order.State.PENDING).update(state=Order.State.EXPIRED)


YEARS = [
    Guard("one-grant-per-line", DOUBLED, paid_invoice_is_told_twice, no_line_is_known_again),
    Guard("credit-locks", SPENT_TWICE, last_credit_is_used_in_two_tabs, credits_are_spent_without_locks),
    Guard("credit-period", AFTER_ITS_END, credit_is_used_past_its_end, a_credit_is_good_for_any_session),
    Guard("running-year", CHARGED_TWICE, form_of_a_second_tab_is_sent_when_the_year_runs, no_year_counts_as_running),
    Guard("one-pending-year", CHARGED_TWICE, two_clicks_order_a_year, each_click_orders_for_itself),
    Guard("last-wish", LAST_WISH_LOST, older_wish_reaches_stripe_last, superseded_wishes_are_forgotten),
]
