"""`manage.py stripe_setup` puts everything into a Stripe account, once."""

import io
from pathlib import Path
from typing import Any

import pytest
import stripe
from django.core.management import CommandError, call_command

from subscriptions import stripe_catalog
from subscriptions import stripe_gateway as gateway
from subscriptions.errors import CatalogNotReady
from subscriptions.models import Plan, Price
from subscriptions.selectors import current_price
from subscriptions.webhooks.handlers import HANDLERS
from tests.fixtures_shop import Shop


def stripe_setup(**options: Any) -> str:
    output = io.StringIO()
    call_command("stripe_setup", stdout=output, **options)
    return output.getvalue()


def test_account_holds_prices_endpoint_and_portal(shop: Shop) -> None:
    prices = {price["lookup_key"]: price for price in shop.stripe.objects("price")}
    assert {key: (price["unit_amount"], price["currency"]) for key, price in prices.items()} == {
        "rrl_single_seat": (25000, "usd"),
        "rrl_annual": (250000, "usd"),
    }
    assert prices["rrl_annual"]["recurring"]["interval"] == "year"
    assert {price["tax_behavior"] for price in prices.values()} == {"exclusive"}
    [endpoint] = shop.stripe.objects("webhook_endpoint")
    assert endpoint["url"] == "http://testserver/webhooks/stripe/"
    assert endpoint["api_version"] == stripe.api_version
    assert sorted(endpoint["enabled_events"]) == sorted(HANDLERS)
    assert len(shop.stripe.objects("billing_portal.configuration")) == 1
    assert current_price(Plan.ANNUAL).amount_minor == 250000


def test_second_run_changes_nothing(shop: Shop) -> None:
    before = shop.stripe.state()["objects"]
    assert stripe_setup().endswith("stripe_setup: 0 of 4 changed.\n")
    assert shop.stripe.state()["objects"] == before
    assert Price.objects.count() == 2


def test_secret_of_a_new_endpoint_is_written_for_its_owner_alone(shop: Shop, tmp_path: Path) -> None:
    shop.stripe.reset()
    Price.objects.all().delete()
    stripe_setup(secret_file=tmp_path / "secret")
    assert (tmp_path / "secret").read_text().startswith("whsec_")
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


def test_changed_price_is_a_new_row_and_the_old_one_keeps_its_orders(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    order = shop.hold_seat()
    dearer = stripe_catalog.Offer(Plan.SINGLE_SEAT, "rrl_single_seat", "Red Report Live: one session", 30000, "")
    monkeypatch.setattr(stripe_catalog, "OFFERS", (dearer,))
    assert "price rrl_single_seat: created" in stripe_setup()
    assert current_price(Plan.SINGLE_SEAT).amount_minor == 30000
    order.refresh_from_db()
    assert (order.price.amount_minor, order.price.is_current) == (25000, False)


def test_database_of_another_account_is_refused(shop: Shop) -> None:
    Price.objects.update(stripe_account_id="acct_somebody_else")
    with pytest.raises(CommandError, match="belongs to another Stripe account"):
        stripe_setup()


def test_key_of_another_account_sells_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "account_id", lambda: "acct_somebody_else")
    with pytest.raises(CatalogNotReady):
        shop.hold_seat()
    assert not shop.stripe.objects("checkout.session")
