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
from sessions_live.models import Seat
from sessions_live.operations.cancellations import cancel_live_session
from subscriptions import stripe_gateway as gateway
from subscriptions.models import CreditGrant, Order, Payment, Refund, SeatCoverage, Subscription
from subscriptions.operations.settle import settle_seat
from tests.factories import make_live_session, make_staff, make_user
from tests.fixtures_shop import Shop, seats_given
from tests.order_pages import FREE, account_of, page_of, sums_of
from tests.outbox_helpers import rendered_mail
from tests.simulator_steps import browse

TENTH_OFF: Any = {"percent_off": 10}


def test_a_seat_with_a_tenth_off_costs_a_tenth_less_and_says_so(shop: Shop) -> None:
    shop.promote("AUTUMN", **TENTH_OFF)
    order = shop.hold_seat()
    shop.pay(order, promotion_code="AUTUMN")
    shop.hear_all()
    assert sums_of(order) == (25000, 2500, 0, 22500)
    assert (order.state, Seat.objects.get().state, order.cases.count()) == ("paid", "confirmed", 0)
    assert Payment.objects.get().amount_minor == 22500
    assert "<dt>Paid</dt><dd>$225 (promotion −$25)</dd>" in page_of(order)
    assert "Paid: $225 (promotion −$25)\n" in rendered_mail("seat_confirmed").text
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
    text = rendered_mail("year_started").text
    assert "Paid: $2,250 (promotion −$250)\n" in text
    assert "renews every year for $2,500, charged to the same card" in text


@pytest.mark.parametrize(("duration", "total"), [("once", 250000), ("forever", 225000)])
def test_the_next_invoice_is_cheaper_only_if_the_promotion_lasts(shop: Shop, duration: str, total: int) -> None:
    shop.promote("AUTUMN", **TENTH_OFF, duration=duration)
    order = shop.order_year()
    shop.pay(order, promotion_code="AUTUMN")
    shop.hear_all()
    preview = gateway.preview_renewal(Subscription.objects.get().stripe_subscription_id)
    assert (preview.subtotal_minor, preview.discount_minor, preview.total_minor) == (250000, 250000 - total, total)


def test_the_next_charge_is_not_said_to_be_the_list_price_for_certain(shop: Shop) -> None:
    shop.promote("HALF", percent_off=50, duration="forever")
    order = shop.order_year()
    shop.pay(order, promotion_code="HALF")
    shop.hear_all()
    client = Client()
    client.force_login(order.subscriber.user)
    for page in ("/account/", "/account/renewal/"):
        assert "$2,500, less your promotion if it lasts" in client.get(page).text


def test_a_renewals_mail_says_what_the_renewal_cost(shop: Shop) -> None:
    shop.promote("AUTUMN", **TENTH_OFF, duration="once")
    order = shop.order_year()
    shop.pay(order, promotion_code="AUTUMN")
    shop.hear_all()
    shop.stripe.advance(366 * 86400)
    for event in shop.events("invoice.paid"):
        shop.hear({**event, "id": f"{event['id']}_again"})
    first, renewed = OutgoingMail.objects.filter(kind="year_started").order_by("id")
    said = [kinds.find(mail.kind).render(mail).text for mail in (first, renewed)]
    assert ["Paid: $2,250 (promotion −$250)\n" in said[0], "Paid: $2,500\n" in said[1]] == [True, True]
    assert sums_of(order) == (250000, 25000, 0, 225000)


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


def test_reader_who_comes_back_late_sees_the_same_words(shop: Shop) -> None:
    shop.promote("AUTUMN", **TENTH_OFF)
    order = shop.hold_seat()
    shop.pay(order, promotion_code="AUTUMN")
    with time_machine.travel(clock.now() + timedelta(minutes=50)):
        assert "$225 (promotion −$25)" in page_of(order, "?returned=paid")


def test_canceling_a_discounted_seat_returns_what_it_cost_and_a_free_one_nothing(shop: Shop) -> None:
    shop.promote("AUTUMN", **TENTH_OFF)
    shop.promote("GUEST", **FREE)
    live_session = make_live_session()
    for code in ("AUTUMN", "GUEST"):
        shop.pay(shop.hold_seat(live_session=live_session), promotion_code=code)
    shop.hear_all()
    cancel_live_session(live_session_id=live_session.pk, actor=make_staff(), reason="the host is ill", now=clock.now())
    for seat in Seat.objects.order_by("id"):
        settle_seat(seat_id=seat.pk, now=clock.now())
    made = SeatCoverage.objects.order_by("seat_id").values_list("settlement", "refund__amount_minor")
    assert list(made) == [("refund", 22500), ("nothing", None)]
