"""Checkout in the simulator: its rules, its page, its cards, its expiry, and what a payment leaves behind."""

import re
from typing import Any

import pytest
import stripe

from tests.fixtures_stripe import CANCEL_URL, StripeAccount
from tests.simulator_steps import FORM, browse, page_of, refusal


def test_a_session_starts_open_and_unpaid_for_24_hours(stripe_account: StripeAccount) -> None:
    session = stripe_account.checkout(client_reference_id="RR-1", metadata={"order": "1"})
    assert (session.status, session.payment_status, session.amount_total) == ("open", "unpaid", 25000)
    assert session.expires_at - session.created == 24 * 3600
    assert (session.client_reference_id, session.metadata and session.metadata["order"]) == ("RR-1", "1")
    assert session.payment_intent is None
    assert session.url == f"{stripe_account.url}/c/pay/{session.id}"


@pytest.mark.parametrize(("seconds", "accepted"), [(1790, False), (1810, True), (86390, True), (86410, False)])
def test_expiry_lies_between_30_minutes_and_24_hours(stripe_account: StripeAccount, seconds: int, accepted: bool) -> None:
    def make() -> stripe.checkout.Session:
        return stripe_account.checkout(expires_at=stripe_account.control.now() + seconds)

    if accepted:
        assert make().status == "open"
    else:
        assert refusal(make).param == "expires_at"


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"subscription_data": {"metadata": {"a": "b"}}}, "subscription_data"),
        ({"customer_update": {"name": "auto"}}, "customer_update"),
        ({"customer_email": "no address"}, "customer_email"),
        ({"success_url": "shop.example"}, "success_url"),
        ({"line_items": []}, "line_items"),
        ({"ui_mode": "elements"}, "ui_mode"),
        ({"client_reference_id": "x" * 201}, "client_reference_id"),
    ],
)
def test_what_stripe_refuses_is_refused(stripe_account: StripeAccount, params: Any, param: str) -> None:
    assert refusal(lambda: stripe_account.checkout(**params)).param == param


def test_mode_and_price_must_agree(stripe_account: StripeAccount) -> None:
    yearly: Any = [{"price": stripe_account.year_price.id, "quantity": 1}]
    assert refusal(lambda: stripe_account.checkout(line_items=yearly)).param == "mode"
    assert refusal(lambda: stripe_account.checkout(mode="subscription")).param == "mode"
    found = refusal(lambda: stripe_account.year_checkout(payment_intent_data={"metadata": {"a": "b"}}))
    assert found.param == "payment_intent_data"


def test_an_inactive_price_cannot_be_sold(stripe_account: StripeAccount) -> None:
    stripe_account.client.v1.prices.update(stripe_account.seat_price.id, {"active": False})
    assert "inactive" in str(refusal(stripe_account.checkout))


def test_the_page_says_what_is_paid_and_that_it_is_no_real_money(stripe_account: StripeAccount) -> None:
    status, html, _ = browse(page_of(stripe_account.checkout()))
    assert status == 200
    for text in ("no real money", "One live session", "$250.00", CANCEL_URL, 'name="card_number"'):
        assert text in html
    assert "<script" not in html
    assert "every year" in browse(page_of(stripe_account.year_checkout()))[1]


def test_the_page_escapes_what_it_shows(stripe_account: StripeAccount) -> None:
    product = stripe_account.client.v1.products.create({"name": "<script>alert(1)</script>"})
    price = stripe_account.client.v1.prices.create({"product": product.id, "currency": "usd", "unit_amount": 100})
    session = stripe_account.checkout(line_items=[{"price": price.id, "quantity": 1}], customer_email='"><b>@example.com')
    html = browse(page_of(session))[1]
    assert "<script" not in html
    assert "<b>" not in html


def test_paying_on_the_page_leads_to_the_success_address(stripe_account: StripeAccount) -> None:
    session = stripe_account.checkout(payment_intent_data={"metadata": {"order": "1"}})
    status, _, headers = browse(page_of(session), FORM)
    assert (status, headers["Location"]) == (303, f"https://shop.example/done?checkout={session.id}")
    paid = stripe_account.retrieve_checkout(session.id, "payment_intent.latest_charge").to_dict()
    assert (paid["status"], paid["payment_status"], paid["url"]) == ("complete", "paid", None)
    assert (paid["customer"], paid["customer_details"]["email"]) == (None, "reader@example.com")
    intent = paid["payment_intent"]
    assert (intent["status"], intent["amount_received"], intent["metadata"]) == ("succeeded", 25000, {"order": "1"})
    assert (intent["latest_charge"]["paid"], intent["latest_charge"]["amount_captured"]) == (True, 25000)
    assert browse(intent["latest_charge"]["receipt_url"])[0] == 200
    assert stripe_account.event_types()[-4:] == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
    ]


def test_a_paid_session_cannot_be_paid_again(stripe_account: StripeAccount) -> None:
    session = stripe_account.checkout()
    browse(page_of(session), FORM)
    status, html, _ = browse(page_of(session), FORM)
    assert (status, "already completed" in html) == (409, True)
    assert len(stripe_account.client.v1.charges.list().data) == 1
    assert "already completed" in browse(page_of(session))[1]


def test_a_declined_card_says_so_and_the_session_stays_open(stripe_account: StripeAccount) -> None:
    session = stripe_account.checkout()
    status, html, _ = browse(page_of(session), {**FORM, "card_number": "4000000000000002"})
    assert (status, "Your card has been declined." in html) == (402, True)
    assert stripe_account.retrieve_checkout(session.id).status == "open"
    assert stripe_account.event_types()[-2:] == ["charge.failed", "payment_intent.payment_failed"]
    assert browse(page_of(session), FORM)[0] == 303
    charges = stripe_account.client.v1.charges.list(
        {"payment_intent": str(stripe_account.retrieve_checkout(session.id).payment_intent)}
    )
    assert [charge.status for charge in charges.data] == ["succeeded", "failed"]


@pytest.mark.parametrize(
    "change", [{"card_number": "1234"}, {"card_number": ""}, {"expiry": ""}, {"cvc": ""}, {"email": "nobody"}]
)
def test_a_form_with_a_mistake_comes_back_with_what_was_typed(stripe_account: StripeAccount, change: dict[str, str]) -> None:
    session = stripe_account.checkout()
    status, html, _ = browse(page_of(session), {**FORM, **change})
    assert status == 422
    assert 'role="alert"' in html
    assert "Avery Reader" in html
    assert stripe_account.client.v1.charges.list().data == []


@pytest.mark.parametrize(("answer", "status"), [("complete", 303), ("fail", 402)])
def test_the_bank_is_asked_where_the_card_wants_it(stripe_account: StripeAccount, answer: str, status: int) -> None:
    session = stripe_account.checkout()
    asked, _, headers = browse(page_of(session), {**FORM, "card_number": "4000002500003155"})
    assert asked == 303
    bank = stripe_account.url + headers["Location"]
    assert "3-D Secure" in browse(bank)[1]
    assert browse(bank, {"answer": answer})[0] == status
    found = stripe_account.retrieve_checkout(session.id)
    assert found.status == ("complete" if answer == "complete" else "open")
    assert browse(bank)[0] == 404


def test_terms_must_be_accepted_where_asked_for(stripe_account: StripeAccount) -> None:
    session = stripe_account.checkout(consent_collection={"terms_of_service": "required"})
    assert browse(page_of(session), FORM)[0] == 422
    assert browse(page_of(session), {**FORM, "terms": "accepted"})[0] == 303
    found = stripe_account.retrieve_checkout(session.id)
    assert found.consent
    assert found.consent.terms_of_service == "accepted"


def test_an_invoice_for_a_one_off_payment(stripe_account: StripeAccount) -> None:
    session = stripe_account.paid_seat(invoice_creation={"enabled": True, "invoice_data": {"metadata": {"order": "1"}}})
    invoice = stripe_account.client.v1.invoices.retrieve(str(session.invoice), {"expand": ["payments"]}).to_dict()
    assert (invoice["status"], invoice["amount_paid"], invoice["billing_reason"]) == ("paid", 25000, "manual")
    assert invoice["metadata"] == {"order": "1"}
    assert invoice["customer"] == session.customer  # Checkout made one, for an invoice needs somebody
    assert invoice["payments"]["data"][0]["payment"]["payment_intent"] == session.payment_intent
    payments = stripe_account.client.v1.invoice_payments.list(
        {"payment": {"type": "payment_intent", "payment_intent": str(session.payment_intent)}}
    )
    assert [row.invoice for row in payments.data] == [invoice["id"]]
    assert invoice["number"] in browse(invoice["hosted_invoice_url"])[1]
    assert browse(invoice["invoice_pdf"])[1].startswith("%PDF-")


def test_a_year_begins_only_when_it_is_paid(stripe_account: StripeAccount) -> None:
    v1 = stripe_account.client.v1
    session = stripe_account.year_checkout(customer=stripe_account.customer().id, subscription_data={"metadata": {"order": "2"}})
    assert stripe_account.control.pay(session.id, card="4000000000000002")["outcome"] == "declined"
    assert v1.subscriptions.list({"status": "all"}).data == []
    assert v1.invoices.list().data == []
    assert stripe_account.control.pay(session.id)["outcome"] == "paid"
    found = stripe_account.retrieve_checkout(session.id, "subscription.latest_invoice.payments").to_dict()
    subscription = found["subscription"]
    assert (subscription["status"], subscription["metadata"]) == ("active", {"order": "2"})
    assert subscription["billing_mode"]["type"] == "flexible"
    item = subscription["items"]["data"][0]
    assert 365 * 86400 <= item["current_period_end"] - item["current_period_start"] <= 366 * 86400
    invoice = subscription["latest_invoice"]
    assert (invoice["status"], invoice["billing_reason"], found["invoice"]) == ("paid", "subscription_create", invoice["id"])
    assert invoice["parent"]["subscription_details"]["subscription"] == subscription["id"]
    line = invoice["lines"]["data"][0]
    assert line["pricing"]["price_details"]["price"] == stripe_account.year_price.id
    assert line["parent"]["subscription_item_details"]["subscription_item"] == item["id"]
    assert line["period"] == {"start": item["current_period_start"], "end": item["current_period_end"]}
    types = stripe_account.event_types()
    for expected in ("customer.subscription.created", "invoice.paid", "invoice_payment.paid", "checkout.session.completed"):
        assert types.count(expected) == 1


def test_an_expired_session_takes_no_money(stripe_account: StripeAccount) -> None:
    session = stripe_account.checkout()
    assert stripe_account.client.v1.checkout.sessions.expire(session.id).status == "expired"
    status, html, _ = browse(page_of(session), FORM)
    assert (status, "has expired" in html) == (409, True)
    assert stripe_account.client.v1.charges.list().data == []
    found = refusal(lambda: stripe_account.client.v1.checkout.sessions.expire(session.id))
    assert 'Only Checkout Sessions with a status in ["open"] can be expired' in str(found)
    assert stripe_account.event_types()[-1] == "checkout.session.expired"


def test_a_session_expires_by_itself_at_its_time(stripe_account: StripeAccount) -> None:
    session = stripe_account.checkout(expires_at=stripe_account.control.now() + 1900)
    stripe_account.control.advance(1800)
    assert stripe_account.retrieve_checkout(session.id).status == "open"
    stripe_account.control.advance(200)
    assert stripe_account.retrieve_checkout(session.id).status == "expired"
    event = stripe_account.client.v1.events.list({"type": "checkout.session.expired"}).data[0]
    assert event.created == session.expires_at


def test_a_paid_session_can_no_longer_be_expired(stripe_account: StripeAccount) -> None:
    session = stripe_account.paid_seat()
    assert "status of complete" in str(refusal(lambda: stripe_account.client.v1.checkout.sessions.expire(session.id)))
    stripe_account.control.advance(2 * 86400)
    assert stripe_account.retrieve_checkout(session.id).status == "complete"


def test_a_payment_can_be_made_to_overtake_the_expiry(stripe_account: StripeAccount) -> None:
    stripe_account.control.take_payment_despite_expire()
    session = stripe_account.checkout()
    assert stripe_account.client.v1.checkout.sessions.expire(session.id).status == "expired"
    assert browse(page_of(session), FORM)[0] == 303
    found = stripe_account.retrieve_checkout(session.id)
    assert (found.status, found.payment_status) == ("complete", "paid")
    assert stripe_account.event_types()[-1] == "checkout.session.completed"


def test_sessions_are_listed_by_what_they_belong_to(stripe_account: StripeAccount) -> None:
    customer = stripe_account.customer()
    mine, other = stripe_account.checkout(customer=customer.id), stripe_account.paid_seat()

    def found(params: Any) -> list[str]:
        return [row.id for row in stripe_account.client.v1.checkout.sessions.list(params).data]

    assert found({"customer": customer.id}) == [mine.id]
    assert found({"status": "open"}) == [mine.id]
    assert found({"payment_intent": other.payment_intent}) == [other.id]
    items = stripe_account.client.v1.checkout.sessions.line_items.list(mine.id).data
    assert [(item.quantity, item.amount_total) for item in items] == [(1, 25000)]


def test_a_form_never_echoes_the_card_in_full_after_success(stripe_account: StripeAccount) -> None:
    session = stripe_account.checkout()
    browse(page_of(session), FORM)
    assert not re.search(r"4242\s?4242", browse(page_of(session))[1])
