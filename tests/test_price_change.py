"""A price that changes while somebody buys: what was shown is what is charged."""

import io

import pytest
from django.core.management import call_command

from redreport import clock
from subscriptions import stripe_catalog
from subscriptions.errors import GatewayUnavailable, PriceChanged
from subscriptions.models import Order, Payment, Plan
from subscriptions.operations.booking import start_seat_order
from subscriptions.operations.checkouts import open_checkout
from subscriptions.selectors import current_price
from tests.factories import attendee_of, make_live_session, make_user
from tests.fixtures_shop import Shop
from tests.order_pages import page_of


@pytest.fixture
def raise_the_price(monkeypatch: pytest.MonkeyPatch) -> object:
    """A later `stripe_setup` puts $300 a seat into force."""

    def set_up() -> None:
        dearer = stripe_catalog.Offer(Plan.SINGLE_SEAT, "rrl_single_seat", "Red Report Live: one session", 30000, "")
        monkeypatch.setattr(stripe_catalog, "OFFERS", (dearer,))
        call_command("stripe_setup", stdout=io.StringIO())
        assert current_price(Plan.SINGLE_SEAT).amount_minor == 30000

    return set_up


def test_an_open_checkout_charges_the_price_it_was_opened_with(shop: Shop, raise_the_price) -> None:
    order = shop.hold_seat()
    raise_the_price()
    assert "<span>$250</span>" in page_of(order)
    shop.pay(order)
    shop.hear_all()
    order.refresh_from_db()
    assert (order.state, order.total_minor, order.cases.count()) == ("paid", 25000, 0)
    assert Payment.objects.get().amount_minor == 25000


def test_a_checkout_opened_after_the_change_charges_what_its_order_said(shop: Shop, raise_the_price) -> None:
    shop.stripe.fault("503", path="/v1/checkout/sessions", count=10)
    with pytest.raises(GatewayUnavailable):
        shop.hold_seat()
    shop.stripe.clear_faults()
    raise_the_price()
    order = Order.objects.select_related("subscriber__user", "price", "live_session").get()
    open_checkout(order=order, now=clock.now())
    order.refresh_from_db()
    shop.pay(order)
    shop.hear_all()
    order.refresh_from_db()
    assert (order.state, order.total_minor, order.cases.count()) == ("paid", 25000, 0)


def test_a_form_with_the_old_price_holds_nothing(shop: Shop, raise_the_price) -> None:
    user, seen = make_user(), current_price(Plan.SINGLE_SEAT).pk
    raise_the_price()
    with pytest.raises(PriceChanged):
        start_seat_order(
            user=user, live_session_id=make_live_session().pk, attendees=[attendee_of(user)], price_id=seen, now=clock.now()
        )
    assert not Order.objects.exists()
