"""Tax, where it is switched on: it comes on top of the price, is written down and said, and goes back with a refund."""

import io
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from redreport import clock
from sessions_live.operations.cancellations import cancel_live_session
from subscriptions import stripe_gateway as gateway
from subscriptions.models import CreditGrant, Order, Payment, Refund, Subscription
from subscriptions.selectors import yearly_amount
from tests.factories import make_live_session, make_staff, make_user
from tests.fixtures_shop import Shop
from tests.order_pages import page_of, sums_of
from tests.outbox_helpers import rendered_mail


@pytest.fixture
def taxed_shop(shop: Shop, settings: Any) -> Shop:
    settings.STRIPE_AUTOMATIC_TAX = settings.STRIPE_TAX_ID_COLLECTION = True
    shop.stripe.set_tax({"US": 0, "DE": 19})
    return shop


def form_of(path: str) -> str:
    client = Client()
    client.force_login(make_user())
    return client.get(path).content.decode()


def test_tax_on_a_seat_is_paid_on_top_and_opens_no_case(taxed_shop: Shop) -> None:
    order = taxed_shop.hold_seat()
    taxed_shop.pay(order, country="DE")
    taxed_shop.hear_all()
    assert sums_of(order) == (25000, 0, 4750, 29750)
    assert (order.state, order.cases.count(), Payment.objects.get().amount_minor) == ("paid", 0, 29750)
    assert "<dt>Paid</dt><dd>$297.50 (incl. $47.50 tax)</dd>" in page_of(order)
    assert "Paid: $297.50 (incl. $47.50 tax)\n" in rendered_mail("seat_confirmed").text


def test_promotion_and_tax_stand_side_by_side(taxed_shop: Shop) -> None:
    taxed_shop.promote("AUTUMN", percent_off=10)
    order = taxed_shop.hold_seat()
    taxed_shop.pay(order, country="DE", promotion_code="AUTUMN")
    taxed_shop.hear_all()
    assert sums_of(order) == (25000, 2500, 4275, 26775)
    assert "$267.75 (promotion −$25, incl. $42.75 tax)" in page_of(order)


def test_where_no_tax_applies_none_is_mentioned(taxed_shop: Shop) -> None:
    order = taxed_shop.hold_seat()
    taxed_shop.pay(order, country="US")
    taxed_shop.hear_all()
    assert sums_of(order) == (25000, 0, 0, 25000)
    assert "<dt>Paid</dt><dd>$250</dd>" in page_of(order)


def test_a_full_refund_returns_the_tax_too(taxed_shop: Shop) -> None:
    order = taxed_shop.hold_seat()
    taxed_shop.pay(order, country="DE")
    cancel_live_session(live_session_id=order.live_session_id or 0, actor=make_staff(), reason="the host is ill", now=clock.now())
    taxed_shop.hear_all()
    assert [refund["amount"] for refund in taxed_shop.stripe.objects("refund")] == [29750]
    assert (Refund.objects.get().amount_minor, Order.objects.get().state) == (29750, "refunded")


def test_a_taxed_year_brings_its_credits_and_is_taxed_again_at_its_renewal(taxed_shop: Shop) -> None:
    order = taxed_shop.order_year()
    taxed_shop.pay(order, country="DE")
    taxed_shop.hear_all()
    assert sums_of(order) == (250000, 0, 47500, 297500)
    assert (order.fulfilled_at is not None, order.cases.count(), CreditGrant.objects.get().balance) == (True, 0, 12)
    text = rendered_mail("year_started").text
    assert "Paid: $2,975 (incl. $475 tax)\n" in text
    preview = gateway.preview_renewal(Subscription.objects.get().stripe_subscription_id)
    assert (preview.subtotal_minor, preview.tax_minor, preview.total_minor) == (250000, 47500, 297500)


def test_a_renewal_at_a_price_that_contains_the_tax_adds_none(shop: Shop, settings: Any) -> None:
    settings.STRIPE_AUTOMATIC_TAX, settings.STRIPE_TAX_BEHAVIOR = True, "inclusive"
    call_command("stripe_setup", stdout=io.StringIO())
    shop.stripe.set_tax({"DE": 19})
    order = shop.order_year()
    shop.pay(order, country="DE")
    shop.hear_all()
    assert sums_of(order) == (250000, 0, 39916, 250000)
    assert str(yearly_amount(Subscription.objects.get())) == "$2,500"
    client = Client()
    client.force_login(order.subscriber.user)
    for page in ("/account/", "/account/renewal/"):
        assert "plus tax" not in client.get(page).text


def test_the_address_and_the_tax_id_reach_the_customer(taxed_shop: Shop) -> None:
    order = taxed_shop.hold_seat()
    taxed_shop.pay(order, country="DE", tax_id="DE123456789", name="Hill & Co")
    [customer] = taxed_shop.stripe.objects("customer")
    assert (customer["address"]["country"], customer["name"]) == ("DE", "Hill & Co")
    assert [(row["type"], row["value"]) for row in taxed_shop.stripe.objects("tax_id")] == [("eu_vat", "DE123456789")]


@pytest.mark.parametrize(
    ("tax", "behavior", "codes", "said", "unsaid"),
    [
        (False, "exclusive", True, ["A promotion code can be entered on Stripe’s page."], ["tax"]),
        (True, "exclusive", False, ["Tax is added on Stripe’s page where it applies."], ["promotion code"]),
        (True, "inclusive", True, ["The price includes tax where it applies. A promotion code"], ["Tax is added"]),
        (False, "exclusive", False, [], ["tax", "promotion code"]),
    ],
)
def test_the_reserve_page_says_how_the_sum_on_stripes_page_may_differ(
    shop: Shop, settings: Any, tax: bool, behavior: str, codes: bool, said: list[str], unsaid: list[str]
) -> None:
    settings.STRIPE_AUTOMATIC_TAX, settings.STRIPE_TAX_BEHAVIOR, settings.STRIPE_PROMOTION_CODES = tax, behavior, codes
    page = form_of(f"/sessions/{make_live_session().slug}/reserve/").split("<aside")[1]
    assert "$250" in page
    assert [words for words in said if words not in page] == []
    assert [words for words in unsaid if words in page] == []


def test_the_renewal_terms_name_the_tax_that_comes_on_top(taxed_shop: Shop) -> None:
    page = form_of("/plans/annual/")
    assert "<li>Tax is added where it applies, now and at each renewal.</li>" in page
    assert "Tax is added on Stripe’s page where it applies. A promotion code can be entered there." in page
