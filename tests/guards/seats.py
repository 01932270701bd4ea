"""Guards between a payment and a seat."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import override_settings

from redreport import clock
from subscriptions import stripe_gateway as gateway
from subscriptions.errors import GatewayUnavailable
from subscriptions.models import Order, Refund
from subscriptions.operations import checkouts, orders
from subscriptions.operations.checkouts import sync_checkout
from subscriptions.operations.leases import Lease, synchronize
from subscriptions.stripe_objects import CheckoutRequest, CheckoutState
from tests.factories import make_live_session, make_user
from tests.fixtures_shop import Shop, seats_given
from tests.guards import Guard
from tests.money_back import another_checkout

REFUNDED_GIVEN_SEAT = "a seat was given, and its price went back"
PAID_BY_STRANGER = "a stranger's payment gave the seat"
UNDERPAID = "a seat was given for a dollar"
PAID_FOR_RESOLD_SEAT = "somebody could pay for a seat that was sold to another"
CHARGED_TWICE = "two open Checkouts of one order were both paid"
KEPT_SECOND_PAYMENT = "an order was paid twice, and the second payment was kept"
NEVER_PAID = "a seat was given for money that never came"
PAID_BY_TEST_CARD = "a test card paid for a real seat"


def told_again_after_the_seat_was_given(shop: Shop) -> None:
    order = shop.hold_seat()
    shop.pay(order)
    for _ in range(2):
        sync_checkout(checkout_session_id=str(order.stripe_checkout_session_id), now=clock.now())
    assert seats_of(order) == 1
    assert not Refund.objects.exists(), REFUNDED_GIVEN_SEAT


@contextmanager
def due_although_given() -> Iterator[None]:
    """Nobody asks whether something is still to be given for the order."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(orders, "_is_due", lambda order: True)
        yield


def strangers_payment_names_our_order(shop: Shop) -> None:
    order, stranger = shop.hold_seat(), make_user()
    customer = gateway.create_customer(key="stranger", email=stranger.email, name=stranger.name, reference="stranger")
    foreign = another_checkout(order, key="a payment link", customer_id=customer)
    assert shop.stripe.pay(foreign.id)["outcome"] == "paid"
    shop.hear_all()
    assert seats_of(order) == 0, PAID_BY_STRANGER


@contextmanager
def every_customer_counts_as_the_buyer() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(orders, "id_of_customers_subscriber", lambda stripe_customer_id: Order.objects.get().subscriber_id)
        yield


def another_price_is_paid_than_ordered(shop: Shop) -> None:
    order = shop.hold_seat()
    dollar = gateway.client().v1.prices.create({"currency": "usd", "unit_amount": 100, "product": order.price.stripe_product_id})
    cheap = another_checkout(order, key="made by hand", price_id=dollar.id)
    assert shop.stripe.pay(cheap.id)["outcome"] == "paid"
    shop.hear_all()
    assert seats_of(order) == 0, UNDERPAID


@contextmanager
def no_amount_is_compared() -> Iterator[None]:
    """The order believes that what it asked for was paid."""
    record_payment = checkouts.record_payment

    def record_whatever_was_paid(*, checkout: CheckoutState, lease: Lease, now: datetime) -> Order | None:
        order = Order.objects.get(number=checkout.order_number)
        believed = replace(checkout, amount_minor=order.amount_minor, currency=order.currency)
        return record_payment(checkout=believed, lease=lease, now=now)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkouts, "record_payment", record_whatever_was_paid)
        yield


def hold_lapses_and_another_buys_the_seat(shop: Shop) -> None:
    live_session = make_live_session(capacity=1)
    lapsed = shop.hold_seat(live_session=live_session)
    shop.let_hold_lapse(lapsed)
    shop.sell_seat(live_session=live_session)
    outcome = shop.stripe.pay(str(lapsed.stripe_checkout_session_id))["outcome"]
    assert outcome == "closed", PAID_FOR_RESOLD_SEAT


@contextmanager
def seat_is_released_by_our_own_clock() -> Iterator[None]:
    """Stripe is neither asked to expire the Checkout, nor what became of it."""

    def release(*, order_id: int, by_buyer: bool, now: datetime) -> None:
        checkout_id = str(Order.objects.get(pk=order_id).stripe_checkout_session_id)
        synchronize(checkout_id, lambda lease: orders.close_unpaid_order(order_id=order_id, lease=lease, now=now))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkouts, "give_up_order", release)
        yield


def answer_is_lost_and_the_buyer_tries_again(shop: Shop) -> None:
    user, live_session = make_user(), make_live_session()
    shop.stripe.fault("drop_after", method="POST", path="/v1/checkout/sessions", count=2)
    with suppress(GatewayUnavailable):
        shop.hold_seat(user, live_session)
    shop.hold_seat(user, live_session)
    for checkout in shop.stripe.objects("checkout.session"):
        shop.stripe.pay(checkout["id"])
    assert len(charges(shop)) == 1, CHARGED_TWICE


@contextmanager
def every_call_opens_a_new_checkout() -> Iterator[None]:
    """The idempotency key is not made from the order."""
    create, calls = gateway.create_seat_checkout, iter(range(100))

    def create_anew(request: CheckoutRequest, **kwargs: Any) -> CheckoutState:
        return create(replace(request, key=f"call-{request.key}-{next(calls)}"), **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gateway, "create_seat_checkout", create_anew)
        yield


def order_is_paid_in_two_checkouts(shop: Shop) -> None:
    order = shop.hold_seat()
    left_over = another_checkout(order, key="a call without an answer")
    shop.pay(order)
    assert shop.stripe.pay(left_over.id)["outcome"] == "paid"
    shop.hear_all()
    kept = sum(charges(shop)) - sum(refund["amount"] for refund in shop.stripe.objects("refund"))
    assert (seats_of(order), kept) == (1, order.amount_minor), KEPT_SECOND_PAYMENT


@contextmanager
def no_payment_counts_as_second() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(orders, "_is_second_payment", lambda order, payment: False)
        yield


def bank_promises_and_does_not_pay(shop: Shop) -> None:
    shop.stripe.allow_delayed_payments()
    with override_settings(STRIPE_DELAYED_PAYMENTS=True):
        order = shop.hold_seat(live_session=make_live_session(starts_in=timedelta(days=7)))
        assert shop.stripe.pay_by_debit(str(order.stripe_checkout_session_id))["outcome"] == "paid"
        shop.hear_all()
        shop.stripe.settle_debit(str(order.stripe_checkout_session_id), "failed")
        shop.hear_all()
    assert seats_of(order) == 0, NEVER_PAID


@contextmanager
def completed_counts_as_paid() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CheckoutState, "is_paid", property(lambda checkout: checkout.status == "complete"))
        yield


def checkout_of_test_mode_reaches_the_live_site(shop: Shop) -> None:
    order = shop.hold_seat()
    shop.pay(order)
    with override_settings(STRIPE_LIVEMODE=True):
        sync_checkout(checkout_session_id=str(order.stripe_checkout_session_id), now=clock.now())
    assert seats_of(order) == 0, PAID_BY_TEST_CARD


@contextmanager
def both_modes_are_one() -> Iterator[None]:
    """What comes of the test mode says that it is live."""
    fetch = gateway.fetch_checkout
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gateway, "fetch_checkout", lambda checkout_id: replace(fetch(checkout_id), livemode=True))
        yield


def seats_of(order: Order) -> int:
    assert order.live_session
    return seats_given(order.live_session)


def charges(shop: Shop) -> list[int]:
    """The amounts that Stripe took."""
    return [intent["amount_received"] for intent in shop.stripe.objects("payment_intent") if intent["status"] == "succeeded"]


SEATS = [
    Guard("given-once", REFUNDED_GIVEN_SEAT, told_again_after_the_seat_was_given, due_although_given),
    Guard("own-customer", PAID_BY_STRANGER, strangers_payment_names_our_order, every_customer_counts_as_the_buyer),
    Guard("amount-compared", UNDERPAID, another_price_is_paid_than_ordered, no_amount_is_compared),
    Guard("expired-at-stripe", PAID_FOR_RESOLD_SEAT, hold_lapses_and_another_buys_the_seat, seat_is_released_by_our_own_clock),
    Guard("checkout-key", CHARGED_TWICE, answer_is_lost_and_the_buyer_tries_again, every_call_opens_a_new_checkout),
    Guard("second-payment", KEPT_SECOND_PAYMENT, order_is_paid_in_two_checkouts, no_payment_counts_as_second),
    Guard("money-arrived", NEVER_PAID, bank_promises_and_does_not_pay, completed_counts_as_paid),
    Guard("own-mode", PAID_BY_TEST_CARD, checkout_of_test_mode_reaches_the_live_site, both_modes_are_one),
]
