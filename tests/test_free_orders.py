"""A promotion of 100 %: given like a paid order, without any payment; closed in plain words if it cannot be given."""

from datetime import timedelta
from typing import Any

import pytest

from redreport import clock
from sessions_live.models import LiveSession, Seat
from sessions_live.operations.cancellations import cancel_live_session
from subscriptions import stripe_gateway as gateway
from subscriptions.models import CreditGrant, Order, Payment, Refund, Subscription
from subscriptions.selectors import orders_paid_not_given
from tests.factories import make_live_session, make_staff
from tests.fixtures_shop import Shop, seats_given
from tests.order_pages import FREE, account_of, page_of, sums_of
from tests.outbox_helpers import rendered_mail


def test_a_free_seat_is_confirmed_without_any_payment(shop: Shop) -> None:
    shop.promote("GUEST", **FREE)
    order = shop.hold_seat()
    shop.pay(order, promotion_code="GUEST")
    shop.hear_all()
    shop.sweep()
    assert sums_of(order) == (25000, 25000, 0, 0)
    assert (order.state, order.fulfilled_at is not None, Seat.objects.get().state) == ("paid", True, "confirmed")
    assert not Payment.objects.exists()
    assert "<dt>Paid</dt><dd>Nothing to pay (promotion)</dd>" in page_of(order)
    assert "Paid: Nothing to pay (promotion)\n" in rendered_mail("seat_confirmed").text
    assert not orders_paid_not_given().exists()


def test_the_sweep_gives_a_free_seat_of_which_nobody_told_us(shop: Shop) -> None:
    shop.promote("GUEST", **FREE)
    order = shop.hold_seat()
    shop.pay(order, promotion_code="GUEST")
    shop.sweep(now=clock.now() + timedelta(minutes=4))
    assert (Order.objects.get().state, Seat.objects.get().state) == ("paid", "confirmed")


def test_a_crash_after_a_free_order_was_recorded_is_made_good(shop: Shop) -> None:
    shop.promote("GUEST", **FREE)
    order = shop.hold_seat()
    shop.pay(order, promotion_code="GUEST")
    Order.objects.update(state="paid", paid_at=clock.now(), discount_minor=25000, total_minor=0, next_check_at=None)
    assert [row.pk for row in orders_paid_not_given()] == [order.pk]
    shop.sweep()
    assert (Order.objects.get().fulfilled_at is not None, Seat.objects.get().state) == (True, "confirmed")


def test_a_free_year_brings_twelve_credits_and_renews(shop: Shop) -> None:
    shop.promote("GUEST", **FREE)
    order = shop.order_year()
    shop.pay(order, promotion_code="GUEST")
    shop.hear_all()
    assert sums_of(order) == (250000, 250000, 0, 0)
    assert (order.state, order.fulfilled_at is not None, order.cases.count()) == ("paid", True, 0)
    assert (Subscription.objects.get().status, CreditGrant.objects.get().balance) == ("active", 12)
    assert not Payment.objects.exists()
    assert "Nothing to pay (promotion)" in page_of(order)
    assert "Paid: Nothing to pay (promotion)\n" in rendered_mail("year_started").text
    shop.stripe.advance(366 * 86400)
    shop.hear_all()
    assert [payment.amount_minor for payment in Payment.objects.all()] == [250000]
    assert CreditGrant.objects.filter(source="invoice").count() == 2


@pytest.fixture
def closed_free_order(shop: Shop) -> Order:
    """A free order completed although its hold had lapsed, and its session's only seat was sold to somebody else."""
    shop.promote("GUEST", **FREE)
    live_session = make_live_session(capacity=1)
    order = shop.hold_seat(live_session=live_session)
    shop.stripe.take_payment_despite_expire()
    shop.let_hold_lapse(order)
    rival = shop.hold_seat(live_session=live_session)
    shop.pay(rival)
    shop.pay(order, promotion_code="GUEST")
    shop.hear_all()
    order.refresh_from_db()
    return order


def test_a_free_order_without_a_seat_left_is_closed_and_promises_no_refund(shop: Shop, closed_free_order: Order) -> None:
    order = closed_free_order
    assert (order.state, order.total_minor, order.fulfilled_at, order.next_check_at) == ("failed", 0, None, None)
    assert order.live_session is not None
    assert seats_given(order.live_session) == 1
    assert not Refund.objects.exists()
    page = page_of(order)
    assert "No seat could be given for this order" in page
    assert "Nothing was charged</strong>, so there is nothing to return" in page
    assert "refund" not in page.partition("<footer")[0].lower()
    assert "Closed, not charged" in account_of(order)
    assert not orders_paid_not_given().exists()


def test_a_closed_free_order_stays_closed_whatever_is_heard_again(shop: Shop, closed_free_order: Order) -> None:
    LiveSession.objects.update(capacity=2)
    for event in shop.events("checkout.session.completed"):
        shop.hear({**event, "id": f"{event['id']}_again"})
    shop.sweep(now=clock.now() + timedelta(days=2))
    closed_free_order.refresh_from_db()
    assert (closed_free_order.state, closed_free_order.fulfilled_at) == ("failed", None)


def test_a_free_order_of_a_canceled_session_is_closed_and_mailed_in_other_words_than_a_lapse(shop: Shop) -> None:
    shop.promote("GUEST", **FREE)
    order = shop.hold_seat()
    shop.pay(order, promotion_code="GUEST")
    cancel_live_session(live_session_id=order.live_session_id or 0, actor=make_staff(), reason="the host is ill", now=clock.now())
    shop.hear_all()
    order.refresh_from_db()
    assert (order.state, Seat.objects.get().state) == ("failed", "expired")
    assert "The session does not take place. The order is closed." in page_of(order)
    text = rendered_mail("hold_lapsed").text
    assert "Nothing was charged. Your order was completed too late: when it reached us, no seat could be given" in text
    assert "There was nothing to pay, so nothing comes back." in text


def test_a_payment_after_a_free_completion_of_the_same_order_is_given_back(shop: Shop) -> None:
    shop.promote("GUEST", **FREE)
    order = shop.hold_seat()
    first = str(order.stripe_checkout_session_id)
    shop.pay(order, promotion_code="GUEST")
    shop.hear_all()
    left_over: Any = shop.stripe.objects("checkout.session")[0]
    second = gateway.client().v1.checkout.sessions.create(
        {
            "mode": "payment",
            "customer": left_over["customer"],
            "client_reference_id": order.number,
            "metadata": {"order": order.number},
            "line_items": [{"price": order.price.stripe_price_id, "quantity": 1}],
            "success_url": "http://testserver/",
        }
    )
    assert shop.stripe.pay(second.id)["outcome"] == "paid"
    shop.hear_all()
    assert (Refund.objects.get().reason, Refund.objects.get().amount_minor) == ("paid_twice", 25000)
    assert Order.objects.get().stripe_checkout_session_id == first
    assert sums_of(order)[3] == 0


def test_a_free_completion_quicker_than_the_lapse_gets_its_seat(shop: Shop) -> None:
    shop.promote("GUEST", **FREE)
    order = shop.hold_seat()
    shop.pay(order, promotion_code="GUEST")
    shop.let_hold_lapse(order)
    assert (Order.objects.get().state, Seat.objects.get().state) == ("paid", "confirmed")
