"""kill -9 at every step of `manage.py stripe_setup`: run again, the account has everything once, and we know its secret."""

import io
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from subscriptions import stripe_catalog
from subscriptions.models import Plan, Price
from subscriptions.selectors import current_price
from subscriptions.stripe_catalog import Offer
from tests.aftermath import AtStripe
from tests.fixtures_shop import Shop
from tests.killing import killed_scenes


def stripe_setup(secret_file: Path) -> str:
    output = io.StringIO()
    call_command("stripe_setup", stdout=output, secret_file=secret_file)
    return output.getvalue()


def test_killed_while_setting_up_an_empty_account_the_second_run_completes_it(shop: Shop, settings: Any, tmp_path: Path) -> None:
    settings.STRIPE_WEBHOOK_SECRETS = []
    numbers = count(1)

    def prepare() -> Path:
        shop.stripe.reset()
        Price.objects.all().delete()
        return tmp_path / f"secret{next(numbers)}"

    for secret_file in killed_scenes(prepare, stripe_setup):
        stripe_setup(secret_file)
        stripe = AtStripe(shop)
        assert sorted(product["id"] for product in stripe.having("product")) == ["rrl_annual", "rrl_single_seat"]
        prices = {price["lookup_key"]: price["id"] for price in stripe.having("price", active=True)}
        assert len(stripe.having("price")) == 2
        assert dict(Price.objects.filter(is_current=True).values_list("lookup_key", "stripe_price_id")) == prices
        [endpoint] = stripe.having("webhook_endpoint")
        assert secret_file.read_text() == endpoint["_secret"]
        assert len(stripe.having("billing_portal.configuration")) == 1
        assert stripe_setup(secret_file).endswith("stripe_setup: 0 of 4 changed.\n")
    assert next(numbers) > 25


def test_killed_while_a_price_changes_the_second_run_puts_one_in_force(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seat, year = stripe_catalog.OFFERS
    dearer = iter(range(30000, 60000, 100))

    def prepare() -> int:
        amount = next(dearer)
        monkeypatch.setattr(stripe_catalog, "OFFERS", (Offer(seat.plan, seat.lookup_key, seat.name, amount, ""), year))
        return amount

    for number, amount in enumerate(killed_scenes(prepare, lambda _: stripe_setup(tmp_path / "secret")), start=1):
        stripe_setup(tmp_path / "secret")
        [price] = AtStripe(shop).having("price", lookup_key=seat.lookup_key)
        in_force = current_price(Plan.SINGLE_SEAT)
        assert (price["unit_amount"], price["id"], in_force.amount_minor) == (amount, in_force.stripe_price_id, amount)
        assert Price.objects.filter(is_current=True).count() == 2
        assert Price.objects.filter(plan=Plan.SINGLE_SEAT).count() == 1 + number
    assert number > 8
