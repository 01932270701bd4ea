"""What the configuration asks of every Checkout: promotion codes, tax, tax ids."""

import os
import subprocess
import sys
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from redreport.strict_env import StrictEnv
from tests import environment
from tests.fixtures_shop import Shop
from tests.test_stripe_setup import stripe_setup

SWITCHES = ("STRIPE_PROMOTION_CODES", "STRIPE_AUTOMATIC_TAX", "STRIPE_TAX_ID_COLLECTION", "STRIPE_DELAYED_PAYMENTS")


def opened_checkout(shop: Shop) -> dict[str, Any]:
    shop.hold_seat()
    return shop.stripe.objects("checkout.session")[-1]


@pytest.mark.parametrize(
    ("word", "is_on"), [("1", True), ("True", True), ("on", True), ("0", False), ("off", False), ("", False)]
)
def test_a_switch_takes_the_usual_words(monkeypatch: pytest.MonkeyPatch, word: str, is_on: bool) -> None:
    monkeypatch.setenv("A_SWITCH", word)
    assert StrictEnv().bool("A_SWITCH", default=not is_on) is is_on


def test_a_switch_that_is_not_set_has_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("A_SWITCH", raising=False)
    assert (StrictEnv().bool("A_SWITCH", default=True), StrictEnv().bool("A_SWITCH", default=False)) == (True, False)
    with pytest.raises(ImproperlyConfigured, match="A_SWITCH"):
        StrictEnv().bool("A_SWITCH")


@pytest.mark.parametrize("name", SWITCHES)
def test_nonsense_in_a_switch_stops_the_start(name: str) -> None:
    given = {**os.environ, **environment.SETTINGS, name: "perhaps"}
    start = [sys.executable, "-c", "import redreport.settings"]
    started = subprocess.run(start, check=False, env=given, capture_output=True, text=True)
    assert (started.returncode, f"{name} is neither on nor off" in started.stderr) == (1, True)


def test_codes_can_be_entered_and_no_tax_is_reckoned_unless_said_otherwise(shop: Shop) -> None:
    checkout = opened_checkout(shop)
    assert checkout["allow_promotion_codes"] is True
    assert (checkout["automatic_tax"]["enabled"], checkout["tax_id_collection"]["enabled"]) == (False, False)
    assert checkout["billing_address_collection"] is None
    assert "at Checkout: promotion codes on, automatic tax off, tax ids off, delayed payments off\n" in stripe_setup()


@pytest.mark.parametrize("order", ["hold_seat", "order_year"])
def test_stripe_leads_back_to_our_own_site_alone(shop: Shop, settings: Any, order: str) -> None:
    """Whatever address the reader came by: the site's own stands in its settings."""
    made = getattr(shop, order)()
    checkout = shop.stripe.objects("checkout.session")[-1]
    page = f"{settings.SITE_URL}/orders/{made.number}/"
    assert (checkout["success_url"], checkout["cancel_url"]) == (f"{page}?returned=paid", f"{page}?returned=back")


def test_codes_can_be_switched_off(shop: Shop, settings: Any) -> None:
    settings.STRIPE_PROMOTION_CODES = False
    assert opened_checkout(shop)["allow_promotion_codes"] is None
    assert "promotion codes off" in stripe_setup()


@pytest.mark.parametrize("order", ["hold_seat", "order_year"])
def test_tax_and_tax_ids_are_asked_with_the_address_and_name_they_need(shop: Shop, settings: Any, order: str) -> None:
    settings.STRIPE_AUTOMATIC_TAX = settings.STRIPE_TAX_ID_COLLECTION = True
    getattr(shop, order)()
    checkout = shop.stripe.objects("checkout.session")[-1]
    assert (checkout["automatic_tax"]["enabled"], checkout["tax_id_collection"]["enabled"]) == (True, True)
    assert checkout["billing_address_collection"] == "required"
    assert checkout["_customer_update"] == {"address": "auto", "name": "auto"}
    assert "automatic tax on, tax ids on" in stripe_setup()


def test_tax_ids_alone_change_no_address(shop: Shop, settings: Any) -> None:
    settings.STRIPE_TAX_ID_COLLECTION = True
    assert opened_checkout(shop)["_customer_update"] == {"name": "auto"}
