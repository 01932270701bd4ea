"""Automatic tax in the simulator: by the country on the Checkout page, on top or contained, and at renewals."""

from typing import Any

import pytest

from tests.fixtures_stripe import StripeAccount
from tests.simulator_steps import DAY, FORM, browse, invoices_of, page_of, refusal

TAXED: Any = {"automatic_tax": {"enabled": True}}
WITH_ID: Any = {**TAXED, "tax_id_collection": {"enabled": True}}


@pytest.fixture
def taxed_account(stripe_account: StripeAccount) -> StripeAccount:
    stripe_account.control.set_tax({"US": 0, "DE": 19})
    return stripe_account


def pay(account: StripeAccount, session: Any, **filled_in: Any) -> Any:
    """The session once it is paid, with its invoice."""
    assert account.control.pay(session.id, email="reader@example.com", name="Avery Reader", **filled_in)["outcome"] == "paid"
    return account.retrieve_checkout(session.id, "invoice", "subscription").to_dict()


def test_without_rates_nothing_is_added(stripe_account: StripeAccount) -> None:
    found = pay(stripe_account, stripe_account.checkout(**TAXED, invoice_creation={"enabled": True}), country="DE")
    assert (found["amount_total"], found["total_details"]["amount_tax"]) == (25000, 0)
    assert (found["automatic_tax"]["status"], found["invoice"]["total_taxes"]) == ("complete", [])


@pytest.mark.parametrize(("country", "tax"), [("DE", 4750), ("US", 0), ("FR", 0)])
def test_the_country_decides_what_comes_on_top(taxed_account: StripeAccount, country: str, tax: int) -> None:
    session = taxed_account.checkout(**TAXED, invoice_creation={"enabled": True})
    assert (session.amount_total, session.automatic_tax.status) == (25000, "requires_location_inputs")
    found = pay(taxed_account, session, country=country, postal_code="10115")
    assert (found["amount_subtotal"], found["amount_total"], found["total_details"]["amount_tax"]) == (25000, 25000 + tax, tax)
    address = found["customer_details"]["address"]
    assert (address["country"], address["postal_code"]) == (country, "10115")
    invoice = found["invoice"]
    assert (invoice["subtotal"], invoice["total"], invoice["total_excluding_tax"]) == (25000, 25000 + tax, 25000)
    assert sum(row["amount"] for row in invoice["total_taxes"]) == tax
    assert invoice["lines"]["data"][0]["taxes"] == invoice["total_taxes"]
    assert invoice["automatic_tax"]["status"] == "complete"
    assert taxed_account.client.v1.customers.retrieve(found["customer"]).to_dict()["address"] == address
    assert taxed_account.client.v1.payment_intents.retrieve(found["payment_intent"]).amount_received == 25000 + tax


def test_the_rate_that_was_charged_can_be_looked_up(taxed_account: StripeAccount) -> None:
    found = pay(taxed_account, taxed_account.checkout(**TAXED, invoice_creation={"enabled": True}), country="DE")
    (tax,) = found["invoice"]["total_taxes"]
    assert (tax["tax_behavior"], tax["taxability_reason"], tax["taxable_amount"]) == ("exclusive", "standard_rated", 25000)
    rate = taxed_account.client.v1.tax_rates.retrieve(tax["tax_rate_details"]["tax_rate"])
    assert (rate.percentage, rate.country, rate.inclusive) == (19.0, "DE", False)


def test_an_inclusive_price_contains_its_tax(taxed_account: StripeAccount) -> None:
    price = taxed_account.client.v1.prices.create(
        {"product": taxed_account.seat_price.product, "currency": "usd", "unit_amount": 11900, "tax_behavior": "inclusive"}
    )
    session = taxed_account.checkout(**TAXED, line_items=[{"price": price.id, "quantity": 1}], invoice_creation={"enabled": True})
    found = pay(taxed_account, session, country="DE")
    assert (found["amount_total"], found["total_details"]["amount_tax"]) == (11900, 1900)
    invoice = found["invoice"]
    assert (invoice["subtotal"], invoice["subtotal_excluding_tax"], invoice["total"]) == (11900, 10000, 11900)
    assert invoice["total_taxes"][0]["taxable_amount"] == 10000


def test_tax_is_charged_on_what_the_discount_left(taxed_account: StripeAccount) -> None:
    coupon = taxed_account.client.v1.coupons.create({"percent_off": 50})
    session = taxed_account.checkout(**TAXED, discounts=[{"coupon": coupon.id}], invoice_creation={"enabled": True})
    found = pay(taxed_account, session, country="DE")
    assert found["total_details"] == {"amount_discount": 12500, "amount_shipping": 0, "amount_tax": 2375}
    html = browse(found["invoice"]["hosted_invoice_url"])[1]
    assert all(text in html for text in ("$250.00", "-$125.00", "Tax (exclusive)", "$23.75", "$148.75"))
    assert found["amount_total"] == 14875


def test_several_of_one_price_are_discounted_and_taxed_as_one_sum(taxed_account: StripeAccount) -> None:
    items: Any = [{"price": taxed_account.seat_price.id, "quantity": 3}]
    coupon = taxed_account.client.v1.coupons.create({"amount_off": 10000, "currency": "usd"})
    session = taxed_account.checkout(
        **TAXED, line_items=items, discounts=[{"coupon": coupon.id}], invoice_creation={"enabled": True}
    )
    found = pay(taxed_account, session, country="DE")
    assert (found["amount_subtotal"], found["amount_total"]) == (75000, 77350)
    assert found["total_details"] == {"amount_discount": 10000, "amount_shipping": 0, "amount_tax": 12350}
    invoice = found["invoice"]
    assert [(line["quantity"], line["amount"]) for line in invoice["lines"]["data"]] == [(3, 75000)]
    assert (invoice["subtotal"], invoice["total"]) == (75000, 77350)
    assert "× 3" in browse(invoice["hosted_invoice_url"])[1]


def test_an_exempt_customer_pays_none(taxed_account: StripeAccount) -> None:
    customer = taxed_account.customer(tax_exempt="exempt", address={"country": "DE"})
    session = taxed_account.checkout(**TAXED, customer=customer.id, invoice_creation={"enabled": True})
    found = pay(taxed_account, session)
    assert (found["amount_total"], found["invoice"]["total_taxes"][0]["taxability_reason"]) == (25000, "customer_exempt")


def test_the_page_shows_the_taxed_total_before_it_charges_it(taxed_account: StripeAccount) -> None:
    session = taxed_account.checkout(**TAXED)
    url = page_of(session)
    assert 'name="country"' in browse(url)[1]
    assert 'name="country"' not in browse(page_of(taxed_account.checkout()))[1]
    assert "Your country is incomplete." in browse(url, FORM)[1]
    assert "Your country is invalid." in browse(url, {**FORM, "country": "Germany"})[1]
    shown = {**FORM, "country": "de", "total": "25000"}
    status, html, _ = browse(url, shown)
    assert (status, "The total is now $297.50." in html, "Tax (DE)" in html) == (422, True, True)
    assert taxed_account.client.v1.charges.list().data == []
    assert browse(url, {**shown, "total": "29750"})[0] == 303
    assert taxed_account.retrieve_checkout(session.id).amount_total == 29750


def test_an_address_can_be_asked_for_without_tax(taxed_account: StripeAccount) -> None:
    session = taxed_account.checkout(billing_address_collection="required")
    found = pay(taxed_account, session, country="DE")
    assert (found["amount_total"], found["customer_details"]["address"]["country"]) == (25000, "DE")


def test_a_known_customer_needs_an_address_or_leave_to_save_one(taxed_account: StripeAccount) -> None:
    unknown, known = taxed_account.customer(), taxed_account.customer(address={"country": "DE"})
    found = refusal(lambda: taxed_account.checkout(**TAXED, customer=unknown.id))
    assert found.code == "customer_tax_location_invalid"
    assert taxed_account.checkout(**TAXED, customer=known.id).amount_total == 29750
    session = taxed_account.checkout(**TAXED, customer=unknown.id, customer_update={"address": "auto"})
    assert pay(taxed_account, session, country="DE")["amount_total"] == 29750
    address = taxed_account.client.v1.customers.retrieve(unknown.id).to_dict()["address"]
    assert address["country"] == "DE"


def test_an_address_that_may_not_change_stays(taxed_account: StripeAccount) -> None:
    known = taxed_account.customer(address={"country": "US"})
    session = taxed_account.checkout(**TAXED, customer=known.id)
    assert 'name="country"' not in browse(page_of(session))[1]
    assert pay(taxed_account, session, country="DE")["amount_total"] == 25000


def test_a_tax_id_reaches_the_session_the_customer_and_the_invoice(taxed_account: StripeAccount) -> None:
    customer = taxed_account.customer()
    assert refusal(lambda: taxed_account.checkout(customer=customer.id, tax_id_collection={"enabled": True})).param == (
        "customer_update[name]"
    )
    update = {"name": "auto", "address": "auto"}
    session = taxed_account.checkout(**WITH_ID, customer=customer.id, customer_update=update, invoice_creation={"enabled": True})
    assert 'name="tax_id"' in browse(page_of(session))[1]
    wrong = taxed_account.control.pay(session.id, country="DE", tax_id="nonsense")
    assert (wrong["outcome"], wrong["message"]) == ("invalid", "Your tax ID is invalid.")
    found = pay(taxed_account, session, country="DE", tax_id="DE123456789")
    expected = [{"type": "eu_vat", "value": "DE123456789"}]
    assert found["customer_details"]["tax_ids"] == expected
    assert found["invoice"]["customer_tax_ids"] == expected
    (kept,) = taxed_account.client.v1.customers.tax_ids.list(customer.id).data
    assert (kept.type, kept.value, kept.country) == ("eu_vat", "DE123456789", "DE")
    assert taxed_account.event_types(type="customer.tax_id.created") == ["customer.tax_id.created"]


def test_a_tax_id_can_be_required_where_there_are_any(taxed_account: StripeAccount) -> None:
    session = taxed_account.checkout(**TAXED, tax_id_collection={"enabled": True, "required": "if_supported"})
    missing = taxed_account.control.pay(session.id, email="reader@example.com", country="DE")
    assert missing["message"] == "Your tax ID is incomplete."
    assert pay(taxed_account, session, country="BR")["customer_details"]["tax_ids"] == []


def test_a_guests_tax_id_stays_with_the_session(taxed_account: StripeAccount) -> None:
    found = pay(taxed_account, taxed_account.checkout(**WITH_ID), country="US", tax_id="12-3456789")
    assert (found["customer"], found["customer_details"]["tax_ids"]) == (None, [{"type": "us_ein", "value": "12-3456789"}])


def test_a_renewal_is_taxed_where_the_customer_lives_by_then(taxed_account: StripeAccount) -> None:
    found = pay(taxed_account, taxed_account.year_checkout(**TAXED), country="DE")
    year = found["subscription"]
    assert (found["amount_total"], found["invoice"]["amount_paid"]) == (297500, 297500)
    assert year["automatic_tax"]["enabled"] is True
    taxed_account.control.advance(367 * DAY)
    taxed_account.client.v1.customers.update(year["customer"], {"address": {"country": "US"}})
    taxed_account.control.advance(365 * DAY)
    assert [row["amount_paid"] for row in invoices_of(taxed_account, year["id"])] == [297500, 297500, 250000]


def test_a_customers_tax_ids_are_kept_one_by_one(stripe_account: StripeAccount) -> None:
    customer, ids = stripe_account.customer(), stripe_account.client.v1.customers.tax_ids
    assert refusal(lambda: ids.create(customer.id, {"type": "eu_vat", "value": "?"})).code == "tax_id_invalid"
    made = ids.create(customer.id, {"type": "eu_vat", "value": "DE123456789"})
    assert ids.retrieve(customer.id, made.id).value == "DE123456789"
    assert refusal(lambda: ids.retrieve(stripe_account.customer().id, made.id)).http_status == 404
    assert ids.delete(customer.id, made.id).deleted is True
    assert ids.list(customer.id).data == []
