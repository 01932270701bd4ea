"""The customer portal of the simulator: another card, other details, invoices; as far as its settings allow."""

import re
from typing import Any

import pytest

from tests.fixtures_stripe import StripeAccount
from tests.simulator_steps import DAY, browse, invoices_of, subscription_of
from tests.stripe_simulator.control import ControlError

EVERYTHING: Any = {
    "customer_update": {"enabled": True, "allowed_updates": ["name", "email", "phone", "address", "tax_id"]},
    "invoice_history": {"enabled": True},
    "payment_method_update": {"enabled": True},
    "subscription_cancel": {"enabled": True},
}
CARD = {"action": "card", "card_number": "4242424242424242", "expiry": "12/34", "cvc": "123"}


def portal_of(account: StripeAccount, customer: Any, features: Any = EVERYTHING) -> str:
    """The address of the customer's page."""
    v1 = account.client.v1
    configuration = v1.billing_portal.configurations.create({"features": features})
    session = v1.billing_portal.sessions.create({"customer": str(customer), "configuration": configuration.id})
    return str(session.url)


def test_another_card_is_charged_from_now_on(stripe_account: StripeAccount) -> None:
    year = stripe_account.year()
    url = portal_of(stripe_account, year.customer)
    assert "Card ending in 4242." in browse(url)[1]
    assert browse(url, {**CARD, "card_number": "5555 5555 5555 4444"})[0] == 303
    assert "Card ending in 4444." in browse(url)[1]
    method = subscription_of(stripe_account, year.id)["default_payment_method"]
    customer = stripe_account.client.v1.customers.retrieve(str(year.customer))
    assert customer.invoice_settings.default_payment_method == method
    assert stripe_account.event_types()[-3:] == [
        "payment_method.attached",
        "customer.updated",
        "customer.subscription.updated",
    ]
    stripe_account.control.advance(367 * DAY)
    charge = stripe_account.client.v1.charges.list().data[0]
    assert charge.payment_method == method


def test_another_card_pays_what_is_owed_at_once(stripe_account: StripeAccount) -> None:
    year = stripe_account.year(card="4000000000000341")
    stripe_account.control.advance(367 * DAY)
    assert subscription_of(stripe_account, year.id)["status"] == "past_due"
    assert browse(portal_of(stripe_account, year.customer), CARD)[0] == 303
    assert subscription_of(stripe_account, year.id)["status"] == "active"
    assert [row["status"] for row in invoices_of(stripe_account, year.id)] == ["paid", "paid"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"card_number": "1234"}, "Your card number is invalid."),
        ({"card_number": "4000000000000002"}, "Your card has been declined."),
        ({"cvc": ""}, "security code is incomplete"),
    ],
)
def test_a_card_that_is_no_good_changes_nothing(stripe_account: StripeAccount, change: dict[str, str], words: str) -> None:
    year = stripe_account.year()
    status, html, _ = browse(portal_of(stripe_account, year.customer), {**CARD, **change})
    assert (status, words in html) == (422, True)
    assert subscription_of(stripe_account, year.id)["default_payment_method"] == year.default_payment_method


def test_details_are_changed_and_told(stripe_account: StripeAccount) -> None:
    v1 = stripe_account.client.v1
    customer = stripe_account.customer()
    url = portal_of(stripe_account, customer.id)
    details = {"name": "Sam Reader", "email": "sam@example.com", "line1": "Street 1", "city": "Berlin", "country": "DE"}
    assert browse(url, {**details, "action": "details", "tax_id": "DE123456789"})[0] == 303
    found = v1.customers.retrieve(customer.id, {"expand": ["tax_ids"]}).to_dict()
    assert (found["name"], found["email"]) == ("Sam Reader", "sam@example.com")
    assert (found["address"]["city"], found["address"]["country"]) == ("Berlin", "DE")
    assert [row["value"] for row in found["tax_ids"]["data"]] == ["DE123456789"]
    event = v1.events.list({"type": "customer.updated"}).data[0]
    assert event.data.to_dict()["previous_attributes"]["name"] == "Avery Reader"
    html = browse(url)[1]
    assert all(f'value="{text}"' in html for text in ("Sam Reader", "sam@example.com", "Berlin", "DE123456789"))
    browse(url, {"action": "details", "tax_id": "FR12345678901", "country": "FR"})
    assert [row.value for row in v1.customers.tax_ids.list(customer.id).data] == ["FR12345678901"]
    browse(url, {"action": "details", "tax_id": ""})
    assert v1.customers.tax_ids.list(customer.id).data == []
    assert v1.customers.retrieve(customer.id).name == "Sam Reader"


@pytest.mark.parametrize(
    ("details", "words"),
    [
        ({"email": "nobody"}, "Your email is incomplete."),
        ({"country": "Germany"}, "Your country is invalid."),
        ({"country": "DE", "tax_id": "?"}, "Your tax ID is invalid."),
    ],
)
def test_wrong_details_are_refused(stripe_account: StripeAccount, details: dict[str, str], words: str) -> None:
    customer = stripe_account.customer()
    status, html, _ = browse(portal_of(stripe_account, customer.id), {**details, "action": "details", "name": "Sam Reader"})
    assert (status, words in html) == (422, True)
    assert stripe_account.client.v1.customers.retrieve(customer.id).name == "Avery Reader"


def test_invoices_lead_to_their_pages_and_pdfs(stripe_account: StripeAccount) -> None:
    year = stripe_account.year()
    stripe_account.control.advance(367 * DAY)
    html = browse(portal_of(stripe_account, year.customer))[1]
    for invoice in invoices_of(stripe_account, year.id):
        assert invoice["number"] in html
    pages = re.findall(r'href="([^"]+/i/[^"]+)"', html)
    assert len(pages) == 4
    assert all(browse(page)[0] == 200 for page in pages)
    assert "no invoices" in browse(portal_of(stripe_account, stripe_account.customer().id))[1]


def test_the_settings_decide_what_is_there(stripe_account: StripeAccount) -> None:
    year = stripe_account.year()
    url = portal_of(stripe_account, year.customer, {"customer_update": {"enabled": True, "allowed_updates": ["name"]}})
    html = browse(url)[1]
    assert 'name="name"' in html
    for absent in ('name="card_number"', 'name="tax_id"', 'name="email"', "Invoices", "Cancel subscription"):
        assert absent not in html
    for form in (CARD, {"action": "cancel", "subscription": year.id}):
        assert browse(url, form)[0] == 422
    browse(url, {"action": "details", "name": "Sam Reader", "email": "sam@example.com"})
    customer = stripe_account.client.v1.customers.retrieve(str(year.customer))
    assert (customer.name, customer.email) == ("Sam Reader", "reader@example.com")
    assert browse(url, {"action": "steal"})[0] == 404


def test_a_test_can_use_the_portal_without_its_page(stripe_account: StripeAccount) -> None:
    year = stripe_account.year()
    customer = str(year.customer)
    with pytest.raises(ControlError):
        stripe_account.control.portal(customer, "card", card_number="4242424242424242")
    stripe_account.client.v1.billing_portal.configurations.create({"features": EVERYTHING})
    assert stripe_account.control.portal(customer, "card", card_number="4000000000000002") == "Your card has been declined."
    assert stripe_account.control.portal(customer, "card", card_number="5555555555554444") == ""
    assert stripe_account.control.portal(customer, "cancel", subscription=year.id) == ""
    assert subscription_of(stripe_account, year.id)["cancel_at"]
    assert stripe_account.control.portal(customer, "resume", subscription=year.id) == ""
    assert stripe_account.control.portal(customer, "details", name="Sam Reader") == ""
    assert stripe_account.client.v1.customers.retrieve(customer).name == "Sam Reader"
