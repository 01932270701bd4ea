"""Whatever order webhooks come in, and however often: the same state in the end."""

import threading
import uuid
from collections.abc import Iterable, Iterator
from itertools import permutations
from typing import Any

import pytest
from django.db import connection

from redreport import clock
from sessions_live.models import Seat
from subscriptions import stripe_gateway as gateway
from subscriptions.errors import LeaseLost
from subscriptions.models import Order, StripeObjectLease, Subscription
from subscriptions.operations import renewals
from subscriptions.operations.checkouts import sync_checkout
from subscriptions.operations.leases import Lease
from subscriptions.operations.renewals import sync_subscription
from subscriptions.stripe_objects import CheckoutState
from subscriptions.webhooks.handlers import HANDLERS
from tests.fixtures_shop import Shop
from tests.outcomes import outcome, undone_afterwards

Event = dict[str, Any]


def orders_of_twice_each(events: Iterable[Event]) -> list[list[Event]]:
    """Every distinct order in which these events arrive when each is delivered twice."""
    by_id = {event["id"]: event for event in events}
    distinct = set(permutations(sorted([*by_id, *by_id])))
    return [[by_id[event_id] for event_id in order] for order in sorted(distinct)]


def outcomes_of_all_orders(shop: Shop) -> list[dict[str, Any]]:
    handled = [event for event in shop.stripe.objects("event") if event["type"] in HANDLERS]
    outcomes = []
    for order in orders_of_twice_each(handled):
        with undone_afterwards():
            for event in order:
                assert shop.hear(event) == 200
            outcomes.append(outcome())
    return outcomes


def test_a_seats_webhooks_in_every_order_and_each_twice_end_in_one_state(shop: Shop) -> None:
    shop.pay(shop.hold_seat())
    outcomes = outcomes_of_all_orders(shop)
    assert len(outcomes) == 6
    assert outcomes == [outcomes[0]] * len(outcomes)
    assert (outcomes[0]["Order"][0]["state"], outcomes[0]["Seat"][0]["state"]) == ("paid", "confirmed")
    assert [kind for kind, _ in outcomes[0]["mails"]] == ["seat_confirmed"]


def test_a_years_webhooks_in_every_order_and_each_twice_end_in_one_state(shop: Shop) -> None:
    shop.pay(shop.order_year())
    outcomes = outcomes_of_all_orders(shop)
    assert len(outcomes) == 90
    assert outcomes == [outcomes[0]] * len(outcomes)
    assert (outcomes[0]["Order"][0]["state"], outcomes[0]["Subscription"][0]["status"]) == ("paid", "active")
    assert [(line["kind"], line["delta"], line["balance_after"]) for line in outcomes[0]["CreditEntry"]] == [("grant", 12, 12)]
    assert [kind for kind, _ in outcomes[0]["mails"]] == ["year_started"]


class SlowWorker(threading.Thread):
    """A worker that fetches a Checkout while it is still open, and gets no further until it is told to go on."""

    def __init__(self, checkout_session_id: str, fetch: Any) -> None:
        super().__init__()
        self.checkout_session_id, self.fetch = checkout_session_id, fetch
        self.has_fetched, self.may_go_on = threading.Event(), threading.Event()
        self.error: Exception | None = None
        self.fetches = 0

    def slow_fetch(self, checkout_session_id: str) -> CheckoutState:
        state: CheckoutState = self.fetch(checkout_session_id)
        if threading.current_thread() is self and self.fetches == 0:
            self.fetches += 1
            self.has_fetched.set()
            assert self.may_go_on.wait(30)
        return state

    def run(self) -> None:
        try:
            sync_checkout(checkout_session_id=self.checkout_session_id, now=clock.now())
        except Exception as error:
            self.error = error
        finally:
            connection.close()


@pytest.fixture
def overlap(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Shop, Order, SlowWorker]]:
    """A slow worker holds an old answer, 'expired', while the reader's late payment makes it 'paid'."""
    shop.stripe.take_payment_despite_expire()
    order = shop.hold_seat()
    checkout_id = str(order.stripe_checkout_session_id)
    gateway.expire_checkout(checkout_id)
    worker = SlowWorker(checkout_id, gateway.fetch_checkout)
    monkeypatch.setattr(gateway, "fetch_checkout", worker.slow_fetch)
    worker.start()
    assert worker.has_fetched.wait(30)
    shop.pay(order)
    yield shop, order, worker
    worker.may_go_on.set()
    worker.join()


def test_a_worker_that_is_told_of_news_while_it_works_fetches_once_more(overlap: tuple[Shop, Order, SlowWorker]) -> None:
    shop, order, worker = overlap
    shop.hear(shop.events("checkout.session.completed")[0])
    order.refresh_from_db()
    assert order.state == Order.State.PENDING
    worker.may_go_on.set()
    worker.join()
    order.refresh_from_db()
    assert worker.error is None
    assert order.state == Order.State.PAID
    assert order.fulfilled_at is not None


def test_the_older_answer_that_comes_last_is_not_written(overlap: tuple[Shop, Order, SlowWorker]) -> None:
    shop, order, worker = overlap
    # The slow worker's lease runs out, and a second worker takes over with the newer answer.
    StripeObjectLease.objects.update(leased_until=clock.now())
    shop.hear(shop.events("checkout.session.completed")[0])
    order.refresh_from_db()
    assert order.state == Order.State.PAID
    worker.may_go_on.set()
    worker.join()
    order.refresh_from_db()
    assert isinstance(worker.error, LeaseLost)
    assert (order.state, Seat.objects.filter(state__in=Seat.TAKEN).count()) == ("paid", 1)


def test_without_the_lease_the_older_answer_would_turn_a_subscription_back(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: what the lease's check prevents does happen once the check is gone."""
    shop.pay(shop.order_year())
    shop.hear_all()
    subscription = Subscription.objects.get()
    older_answer = gateway.fetch_subscription(subscription.stripe_subscription_id)
    lost = Lease(subscription.stripe_subscription_id, uuid.uuid4())
    gateway.client().v1.subscriptions.cancel(subscription.stripe_subscription_id)
    sync_subscription(stripe_subscription_id=subscription.stripe_subscription_id, now=clock.now())

    with pytest.raises(LeaseLost):
        renewals.apply_subscription(state=older_answer, lease=lost, now=clock.now())
    subscription.refresh_from_db()
    assert subscription.status == "canceled"

    monkeypatch.setattr(Lease, "confirm", lambda lease: None)
    renewals.apply_subscription(state=older_answer, lease=lost, now=clock.now())
    subscription.refresh_from_db()
    assert subscription.status == "active"
