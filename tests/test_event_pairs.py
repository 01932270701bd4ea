"""Two of Stripe's events that tell of one story, in both orders and each twice: the same state, whatever the pair.

Each story below is lived at Stripe while we hear nothing. Then every pair of its event types arrives; afterwards the rest does.
"""

from collections.abc import Callable
from datetime import timedelta
from itertools import combinations
from typing import Any

import pytest

from subscriptions import stripe_gateway as gateway
from subscriptions.models import Order, Subscription
from subscriptions.webhooks.handlers import HANDLERS
from tests.factories import make_user
from tests.fixtures_shop import Shop
from tests.money_back import refund_by_hand
from tests.outcomes import outcome, undone_afterwards
from tests.timeline import Timeline

Event = dict[str, Any]
YEAR = timedelta(days=366)


def seat_sold(timeline: Timeline) -> Order:
    """A seat that is paid, and all of it heard."""
    order = timeline.shop.hold_seat()
    timeline.shop.pay(order)
    hear_all(timeline)
    order.refresh_from_db()
    return order


def year_sold(timeline: Timeline, card: str = "4242424242424242") -> Subscription:
    """A year that is paid, and all of it heard."""
    order = timeline.shop.order_year(make_user())
    timeline.shop.pay(order, card)
    hear_all(timeline)
    return Subscription.objects.get(subscriber=order.subscriber)


def hear_all(timeline: Timeline) -> None:
    for event in timeline.unheard():
        timeline.shop.hear(event)


def intent_of(order: Order) -> str:
    return order.payments.get().stripe_payment_intent_id


def open_invoice(timeline: Timeline) -> str:
    return str([invoice["id"] for invoice in timeline.shop.stripe.objects("invoice") if invoice["status"] == "open"][-1])


def a_seat_is_paid(timeline: Timeline) -> None:
    timeline.shop.pay(timeline.shop.hold_seat())


def a_hold_runs_out(timeline: Timeline) -> None:
    order = timeline.shop.hold_seat()
    gateway.expire_checkout(str(order.stripe_checkout_session_id))


def a_year_is_paid(timeline: Timeline) -> None:
    timeline.shop.pay(timeline.shop.order_year())


def a_year_renews(timeline: Timeline) -> None:
    year_sold(timeline)
    timeline.let_pass(YEAR)


def a_renewal_fails(timeline: Timeline) -> None:
    year_sold(timeline, card="4000000000000341")
    timeline.let_pass(YEAR)


def a_renewal_fails_and_recovers(timeline: Timeline) -> None:
    subscription = year_sold(timeline, card="4000000000000341")
    timeline.let_pass(YEAR)
    timeline.shop.stripe.change_card(subscription.stripe_subscription_id, "4242424242424242")


def a_renewal_fails_for_good(timeline: Timeline) -> None:
    year_sold(timeline, card="4000000000000341")
    timeline.let_pass(YEAR + timedelta(days=20))


def a_renewal_asks_the_bank(timeline: Timeline) -> None:
    order = timeline.shop.order_year(make_user())
    checkout = str(order.stripe_checkout_session_id)
    assert timeline.shop.stripe.pay(checkout, card="4000002760003184", authenticate="complete")["outcome"] == "paid"
    hear_all(timeline)
    timeline.let_pass(YEAR)


def an_open_invoice_is_voided(timeline: Timeline) -> None:
    year_sold(timeline, card="4000000000000341")
    timeline.let_pass(YEAR)
    timeline.shop.stripe.void_invoice(open_invoice(timeline))


def an_open_invoice_is_given_up(timeline: Timeline) -> None:
    year_sold(timeline, card="4000000000000341")
    timeline.let_pass(YEAR)
    timeline.shop.stripe.mark_uncollectible(open_invoice(timeline))


def a_renewal_cannot_be_finalized_at_first(timeline: Timeline) -> None:
    year_sold(timeline)
    timeline.shop.stripe.fail_finalization()
    timeline.let_pass(YEAR)
    timeline.shop.stripe.fail_finalization(on=False)
    assert timeline.shop.stripe.collect(str(timeline.shop.stripe.objects("invoice")[-1]["id"])) == "paid"


def a_renewal_is_turned_off_and_on_again(timeline: Timeline) -> None:
    subscription = year_sold(timeline)
    off = gateway.set_renewal(
        key="off", subscription=gateway.fetch_subscription(subscription.stripe_subscription_id), renews=False
    )
    gateway.set_renewal(key="on", subscription=off, renews=True)


def a_year_is_paused_and_resumed(timeline: Timeline) -> None:
    subscription = year_sold(timeline)
    timeline.shop.stripe.pause_subscription(subscription.stripe_subscription_id)
    timeline.shop.stripe.resume_subscription(subscription.stripe_subscription_id)


def a_year_is_canceled_in_the_dashboard(timeline: Timeline) -> None:
    gateway.cancel_subscription(year_sold(timeline).stripe_subscription_id)


def a_seat_is_refunded_by_hand(timeline: Timeline) -> None:
    refund_by_hand(intent_of(seat_sold(timeline)))


def part_of_a_seat_is_refunded_by_hand(timeline: Timeline) -> None:
    refund_by_hand(intent_of(seat_sold(timeline)), 10000)


def a_refund_by_hand_fails_later(timeline: Timeline) -> None:
    timeline.shop.stripe.next_refund("pending")
    refund_id = refund_by_hand(intent_of(seat_sold(timeline)))
    timeline.shop.stripe.settle_refund(refund_id, "failed", reason="declined")


def a_dispute_is_lost(timeline: Timeline) -> None:
    dispute = timeline.shop.stripe.open_dispute(intent_of(seat_sold(timeline)))
    timeline.shop.stripe.settle_dispute(dispute, "lost")


def a_dispute_is_won(timeline: Timeline) -> None:
    dispute = timeline.shop.stripe.open_dispute(intent_of(seat_sold(timeline)))
    timeline.shop.stripe.settle_dispute(dispute, "won")


def an_inquiry_becomes_a_dispute_that_is_lost(timeline: Timeline) -> None:
    dispute = timeline.shop.stripe.open_dispute(intent_of(seat_sold(timeline)), inquiry=True)
    timeline.shop.stripe.settle_dispute(dispute, "escalated")
    timeline.shop.stripe.settle_dispute(dispute, "lost")


def a_warning_of_fraud_is_answered_by_a_refund(timeline: Timeline) -> None:
    intent = intent_of(seat_sold(timeline))
    timeline.shop.stripe.warn_of_fraud(intent)
    refund_by_hand(intent)


def a_customer_is_renamed_and_deleted(timeline: Timeline) -> None:
    customer = str(year_sold(timeline).subscriber.stripe_customer_id)
    gateway.client().v1.customers.update(customer, {"name": "Another Name"})
    gateway.client().v1.customers.delete(customer)


STORIES: tuple[Callable[[Timeline], None], ...] = (
    a_seat_is_paid,
    a_hold_runs_out,
    a_year_is_paid,
    a_year_renews,
    a_renewal_fails,
    a_renewal_fails_and_recovers,
    a_renewal_fails_for_good,
    a_renewal_asks_the_bank,
    an_open_invoice_is_voided,
    an_open_invoice_is_given_up,
    a_renewal_cannot_be_finalized_at_first,
    a_renewal_is_turned_off_and_on_again,
    a_year_is_paused_and_resumed,
    a_year_is_canceled_in_the_dashboard,
    a_seat_is_refunded_by_hand,
    part_of_a_seat_is_refunded_by_hand,
    a_refund_by_hand_fails_later,
    a_dispute_is_lost,
    a_dispute_is_won,
    an_inquiry_becomes_a_dispute_that_is_lost,
    a_warning_of_fraud_is_answered_by_a_refund,
    a_customer_is_renamed_and_deleted,
)
# Told in stories of their own: tests/test_delayed_payments.py.
TOLD_ELSEWHERE = {"checkout.session.async_payment_succeeded", "checkout.session.async_payment_failed"}

# What each story was seen to emit in this run: none is told twice for it.
EMITTED: dict[Callable[[Timeline], None], set[str]] = {}


def emitted_by(timeline: Timeline) -> set[str]:
    return {event["type"] for event in timeline.shop.stripe.objects("event")}


def states_after(shop: Shop, first: list[Event], second: list[Event], everything: list[Event]) -> tuple[Any, Any]:
    """What stands after these two, each heard twice, and what after all the rest has come as well."""
    with undone_afterwards():
        for event in [*first, *second, *first, *second]:
            assert shop.hear(event) == 200
        after_the_pair = outcome()
        for event in everything:
            if event not in first and event not in second:
                assert shop.hear(event) == 200
        return after_the_pair, outcome()


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_both_orders_of_every_pair_of_events_end_in_one_state(timeline: Timeline, story: Callable[[Timeline], None]) -> None:
    story(timeline)
    everything = [event for event in timeline.unheard() if event["type"] in HANDLERS]
    EMITTED[story] = emitted_by(timeline)
    by_type: dict[str, list[Event]] = {}
    for event in everything:
        by_type.setdefault(event["type"], []).append(event)
    _, expected = states_after(timeline.shop, [], [], everything)
    _, reversed_order = states_after(timeline.shop, [], [], everything[::-1])
    assert reversed_order == expected
    for one, other in combinations(by_type.values(), 2):
        here, in_the_end = states_after(timeline.shop, one, other, everything)
        there, in_the_end_too = states_after(timeline.shop, other, one, everything)
        pair = f"{one[0]['type']} and {other[0]['type']}"
        assert here == there, pair
        assert in_the_end == in_the_end_too == expected, pair
    print(f"{len(by_type)} types of event, {len(by_type) * (len(by_type) - 1)} orders")


def test_every_event_we_act_on_is_part_of_a_story(timeline: Timeline) -> None:
    untold = [story for story in STORIES if story not in EMITTED]
    for story in untold:
        story(timeline)
    emitted = emitted_by(timeline).union(*EMITTED.values())
    assert set(HANDLERS) - emitted - TOLD_ELSEWHERE == set()
