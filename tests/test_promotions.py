"""Promotion codes: what was paid is written down and said, and the list price stays the right amount."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from redreport import clock
from redreport.outbox import kinds
from redreport.outbox.models import OutgoingMail
from sessions_live.models import LiveSession, Seat
from sessions_live.operations.cancellations import cancel_live_session
from subscriptions import stripe_gateway as gateway
from subscriptions.models import CreditGrant, Order, Payment, Refund, Subscription
from subscriptions.selectors import orders_paid_not_given
from tests.factories import make_live_session, make_staff, make_user
from tests.fixtures_shop import Shop, seats_given
from tests.test_stripe_simulator_checkout import browse

TENTH_OFF: Any = {"percent_off": 10}
FREE: Any = {"percent_off": 100}


def sums_of(order: Order) -> tuple[int, int, int, int | None]:
    order.refresh_from_db()
    return order.amount_minor, order.discount_minor, order.tax_minor, order.total_minor


def page_of(order: Order, query: str = "") -> str:
    client = Client()
    client.force_login(order.subscriber.user)
    return " ".join(client.get(f"/orders/{order.number}/{query}").content.decode().split())


def account_of(order: Order) -> str:
    client = Client()
    client.force_login(order.subscriber.user)
    return client.get("/account/").content.decode()


def mail_of(kind: str) -> str:
    mail = OutgoingMail.objects.get(kind=kind)
    return kinds.find(kind).render(mail).text


def test_a_seat_with_a_tenth_off_costs_a_tenth_less_and_says_so(shop: Shop) -> None:
    shop.promote("AUTUMN", **TENTH_OFF)
    order = shop.hold_seat()
    shop.pay(order, promotion_code="AUTUMN")
    shop.hear_all()
    assert sums_of(order) == (25000, 2500, 0, 22500)
    assert (order.state, Seat.objects.get().state, order.cases.count()) == ("paid", "confirmed", 0)
    assert Payment.objects.get().amount_minor == 22500
    assert "<dt>Paid</dt><dd>$225 (promotion −$25)</dd>" in page_of(order)
    assert "Paid: $225 (promotion −$25)\n" in mail_of("seat_confirmed")
    account = account_of(order)
    assert ">$225</td>" in account
    assert ">Paid (promotion −$25)</td>" in account


def test_a_refund_returns_what_was_paid_and_not_the_list_price(shop: Shop) -> None:
    shop.promote("AUTUMN", **TENTH_OFF)
    order = shop.hold_seat()
    shop.pay(order, promotion_code="AUTUMN")
    cancel_live_session(live_session_id=order.live_session_id or 0, actor=make_staff(), reason="the host is ill", now=clock.now())
    shop.hear_all()
    assert [refund["amount"] for refund in shop.stripe.objects("refund")] == [22500]
    assert (Refund.objects.get().amount_minor, Order.objects.get().state) == (22500, "refunded")


def test_a_price_changed_in_the_dashboard_is_no_promotion(shop: Shop) -> None:
    """The amount before tax and discount is compared: what a promotion takes off is no reason for a case, another price is."""
    shop.promote("AUTUMN", **TENTH_OFF)
    order = shop.hold_seat()
    Order.objects.update(amount_minor=22500)
    shop.pay(order, promotion_code="AUTUMN")
    shop.hear_all()
    order.refresh_from_db()
    assert (order.state, order.fulfilled_at, order.cases.get().kind) == ("pending", None, "amount_mismatch")
    assert Seat.objects.get().state == "held"


def test_another_currency_than_ordered_gives_nothing(shop: Shop) -> None:
    order = shop.hold_seat()
    Order.objects.update(currency="eur")
    shop.pay(order)
    shop.hear_all()
    order.refresh_from_db()
    assert (order.fulfilled_at, order.cases.get().kind, Seat.objects.get().state) == (None, "amount_mismatch", "held")


def test_a_year_with_a_promotion_brings_all_its_credits(shop: Shop) -> None:
    shop.promote("AUTUMN", **TENTH_OFF)
    order = shop.order_year()
    shop.pay(order, promotion_code="AUTUMN")
    shop.hear_all()
    assert sums_of(order) == (250000, 25000, 0, 225000)
    assert (order.state, order.fulfilled_at is not None, order.cases.count()) == ("paid", True, 0)
    assert (CreditGrant.objects.get().credits, Payment.objects.get().amount_minor) == (12, 225000)
    assert "<dt>Paid</dt><dd>$2,250 (promotion −$250)</dd>" in page_of(order)
    text = mail_of("year_started")
    assert "Paid: $2,250 (promotion −$250)\n" in text
    assert "you agreed that the subscription renews every year for $2,500 until" in text


@pytest.mark.parametrize(("duration", "total"), [("once", 250000), ("forever", 225000)])
def test_the_next_invoice_is_cheaper_only_if_the_promotion_lasts(shop: Shop, duration: str, total: int) -> None:
    shop.promote("AUTUMN", **TENTH_OFF, duration=duration)
    order = shop.order_year()
    shop.pay(order, promotion_code="AUTUMN")
    shop.hear_all()
    preview = gateway.preview_renewal(Subscription.objects.get().stripe_subscription_id)
    assert (preview.subtotal_minor, preview.discount_minor, preview.total_minor) == (250000, 250000 - total, total)


def test_a_renewals_mail_says_what_the_renewal_cost(shop: Shop) -> None:
    shop.promote("AUTUMN", **TENTH_OFF, duration="once")
    order = shop.order_year()
    shop.pay(order, promotion_code="AUTUMN")
    shop.hear_all()
    shop.stripe.advance(366 * 86400)
    for event in shop.events("invoice.paid"):
        shop.hear({**event, "id": f"{event['id']}_again"})
    first, renewed = OutgoingMail.objects.filter(kind="year_started").order_by("id")
    assert (first.context["paid"], renewed.context["paid"]) == ("$2,250 (promotion −$250)", "$2,500")
    assert sums_of(order) == (250000, 25000, 0, 225000)


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
    assert "Paid: Nothing to pay (promotion)\n" in mail_of("seat_confirmed")
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
    assert "Paid: Nothing to pay (promotion)\n" in mail_of("year_started")
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
    assert "refund" not in page.lower()
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
    text = mail_of("hold_lapsed")
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


def test_the_last_redemption_goes_to_one_of_two_readers_and_the_other_can_still_pay(shop: Shop) -> None:
    shop.promote("ONCE", **TENTH_OFF, max_redemptions=1)
    live_session = make_live_session()
    orders = [shop.hold_seat(make_user(), live_session) for _ in range(2)]
    for order in orders:
        assert browse(order.checkout_url, {"action": "apply", "code": "ONCE"})[0] == 303
    with ThreadPoolExecutor(2) as readers:
        outcomes = list(readers.map(lambda order: shop.stripe.pay(str(order.stripe_checkout_session_id)), orders))
    assert sorted(outcome["outcome"] for outcome in outcomes) == ["invalid", "paid"]
    shop.hear_all()
    loser = Order.objects.get(state="pending")
    assert [order.total_minor for order in Order.objects.exclude(state="pending")] == [22500]
    assert "Your seat is held" in page_of(loser)
    shop.pay(loser)
    shop.hear_all()
    assert sorted(total or 0 for total in Order.objects.values_list("total_minor", flat=True)) == [22500, 25000]
    assert seats_given(live_session) == 2


def test_a_free_completion_quicker_than_the_lapse_gets_its_seat(shop: Shop) -> None:
    shop.promote("GUEST", **FREE)
    order = shop.hold_seat()
    shop.pay(order, promotion_code="GUEST")
    shop.let_hold_lapse(order)
    assert (Order.objects.get().state, Seat.objects.get().state) == ("paid", "confirmed")


def test_reader_who_comes_back_late_sees_the_same_words(shop: Shop) -> None:
    shop.promote("AUTUMN", **TENTH_OFF)
    order = shop.hold_seat()
    shop.pay(order, promotion_code="AUTUMN")
    with time_machine.travel(clock.now() + timedelta(minutes=50)):
        assert "$225 (promotion −$25)" in page_of(order, "?returned=paid")
