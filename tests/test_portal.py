"""The way to Stripe's portal and back."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from subscriptions import stripe_catalog
from subscriptions import stripe_gateway as gateway
from subscriptions.models import Subscriber, Subscription
from tests.factories import make_user
from tests.fixtures_shop import Shop

PORTAL = "/account/portal/"


@pytest.fixture
def year(shop: Shop) -> Subscription:
    return shop.begin_year()


@pytest.fixture
def reader(year: Subscription) -> Client:
    client = Client()
    client.force_login(year.subscriber.user)
    return client


def sessions(shop: Shop) -> list[dict[str, Any]]:
    return shop.stripe.objects("billing_portal.session")


def test_button_leads_to_the_readers_own_portal_with_our_settings(shop: Shop, reader: Client, year: Subscription) -> None:
    answer = reader.post(PORTAL)
    [session] = sessions(shop)
    [ours] = shop.stripe.objects("billing_portal.configuration")
    assert (answer.status_code, answer["Location"]) == (303, session["url"])
    assert (session["customer"], session["configuration"]) == (year.subscriber.stripe_customer_id, ours["id"])
    assert session["return_url"] == "http://testserver/account/portal/"


def test_settings_made_anew_are_found_by_a_process_that_knew_the_old_ones(shop: Shop, reader: Client) -> None:
    reader.post(PORTAL)
    [old] = shop.stripe.objects("billing_portal.configuration")
    gateway.client().v1.billing_portal.configurations.update(old["id"], {"active": False})
    assert stripe_catalog.ensure_portal() == "created"
    assert reader.post(PORTAL).status_code == 303
    assert [session["configuration"] == old["id"] for session in sessions(shop)] == [True, False]


def test_what_was_changed_there_shows_at_once_without_a_webhook(reader: Client, year: Subscription) -> None:
    ends = int(year.current_period_end.timestamp())
    gateway.client().v1.subscriptions.update(year.stripe_subscription_id, {"cancel_at": ends})
    answer = reader.get(PORTAL)
    assert (answer.status_code, answer["Location"]) == (302, "/account/")
    year.refresh_from_db()
    assert (year.cancel_at, year.cancel_at_period_end, year.renews) == (year.current_period_end, False, False)
    assert "It does not renew" in reader.get("/account/").text


def test_account_says_which_card_pays_next_and_another_one_shows_on_the_way_back(
    shop: Shop, reader: Client, year: Subscription
) -> None:
    assert "Charged to your Visa ending in 4242, good until 12/2034." in reader.get("/account/").text
    gateway.open_portal(customer_id=str(year.subscriber.stripe_customer_id), return_url="http://testserver/account/portal/")
    assert shop.stripe.portal(str(year.subscriber.stripe_customer_id), "card", card_number="5555555555554444") == ""
    page = reader.get(PORTAL, follow=True).text
    assert "Charged to your Mastercard ending in 4444, good until 12/2034." in page
    assert "4242" not in page


def test_card_that_expires_before_the_renewal_is_said_on_the_account(reader: Client, year: Subscription) -> None:
    Subscription.objects.update(card_expires=f"{year.current_period_end - timedelta(days=35):%m/%Y}")
    page = reader.get("/account/").text
    assert f"It expires {Subscription.objects.get().card_expires}, before the renewal: please put in another one" in page
    Subscription.objects.update(card_expires=f"{year.current_period_end:%m/%Y}")
    assert "before the renewal" not in reader.get("/account/").text


def test_year_that_pays_by_no_card_names_none(reader: Client) -> None:
    Subscription.objects.update(card_brand="", card_last4="", card_expires="")
    page = reader.get("/account/").text
    assert ("Renews on" in page, "Charged to" in page) == (True, False)


def test_way_back_works_while_stripe_is_down(shop: Shop, reader: Client) -> None:
    shop.stripe.fault("503", path="/v1/*", count=100)
    assert reader.get(PORTAL)["Location"] == "/account/"


def test_reader_without_a_customer_is_told_so(shop: Shop) -> None:
    client = Client()
    client.force_login(make_user())
    answer = client.post(PORTAL)
    assert (answer.status_code, "There is nothing to manage yet" in answer.text) == (409, True)
    assert (sessions(shop), Subscriber.objects.count()) == ([], 0)


def test_customer_deleted_in_the_dashboard_is_forgotten_and_said(reader: Client, year: Subscription) -> None:
    gateway.client().v1.customers.delete(str(year.subscriber.stripe_customer_id))
    answer = reader.post(PORTAL)
    year.subscriber.refresh_from_db()
    assert (answer.status_code, year.subscriber.stripe_customer_id) == (409, None)
    assert year.subscriber.former_customers.count() == 1


def test_stripe_down_is_said_without_a_word_about_seats(shop: Shop, reader: Client) -> None:
    shop.stripe.fault("503", path="/v1/billing_portal/*", count=100)
    answer = reader.post(PORTAL)
    assert (answer.status_code, "We cannot open Stripe’s page just now" in answer.text) == (503, True)


def test_sign_in_comes_first(shop: Shop) -> None:
    assert Client().post(PORTAL)["Location"] == f"/accounts/login/?next={PORTAL}"
