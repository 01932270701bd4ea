"""Renewals that nobody paid, in the simulator: what the last failure does, and every way to settle the invoice by hand."""

from functools import partial
from typing import Any, Literal

import pytest
import stripe

from tests.fixtures_stripe import StripeAccount
from tests.simulator_steps import DAY, browse, invoices_of, refusal, subscription_of
from tests.stripe_simulator.control import ControlError

FAILS_LATER, ASKS_ALWAYS, DECLINED = "4000000000000341", "4000002760003184", "4000000000000002"


def overdue(account: StripeAccount, card: str = FAILS_LATER, *, days: int = 367) -> tuple[str, str]:
    """A subscription whose renewal failed, and the renewal's invoice."""
    year = account.year(card=card)
    account.control.advance(days * DAY)
    return year.id, invoices_of(account, year.id)[1]["id"]


def status_of(account: StripeAccount, subscription: str, invoice: str) -> tuple[str, str]:
    found: stripe.Invoice = account.client.v1.invoices.retrieve(invoice)
    return subscription_of(account, subscription)["status"], str(found.status)


@pytest.mark.parametrize("final", ["cancel", "unpaid", "past_due"])
def test_the_last_failure_does_what_the_account_says(
    stripe_account: StripeAccount, final: Literal["cancel", "unpaid", "past_due"]
) -> None:
    stripe_account.control.set_dunning(final)
    subscription, invoice = overdue(stripe_account, days=390)
    status = {"cancel": "canceled", "unpaid": "unpaid", "past_due": "past_due"}[final]
    assert status_of(stripe_account, subscription, invoice) == (status, "open")
    found = stripe_account.client.v1.invoices.retrieve(invoice)
    assert (found.attempt_count, found.auto_advance, found.next_payment_attempt) == (4, False, None)
    types = stripe_account.event_types()
    assert ("customer.subscription.deleted" in types) == (final == "cancel")


def test_an_unpaid_subscription_goes_on_in_drafts_until_it_is_paid(stripe_account: StripeAccount) -> None:
    stripe_account.control.set_dunning("unpaid")
    subscription, invoice = overdue(stripe_account, days=2 * 367)
    assert [row["status"] for row in invoices_of(stripe_account, subscription)] == ["paid", "open", "draft"]
    assert invoices_of(stripe_account, subscription)[2]["auto_advance"] is False
    assert stripe_account.control.pay_invoice(invoice) == "paid"
    assert subscription_of(stripe_account, subscription)["status"] == "active"
    assert stripe_account.event_types()[-1] == "customer.subscription.updated"


def test_a_subscription_left_past_due_is_asked_again_at_its_next_renewal(stripe_account: StripeAccount) -> None:
    stripe_account.control.set_dunning("past_due")
    subscription, _ = overdue(stripe_account, days=390)
    stripe_account.control.advance(345 * DAY)
    assert [row["status"] for row in invoices_of(stripe_account, subscription)] == ["paid", "open", "open"]
    stripe_account.control.change_card(subscription, "4242424242424242")
    assert [row["status"] for row in invoices_of(stripe_account, subscription)] == ["paid", "open", "paid"]
    assert subscription_of(stripe_account, subscription)["status"] == "active"


def test_charging_again_by_hand_counts_but_keeps_the_schedule(stripe_account: StripeAccount) -> None:
    _, invoice = overdue(stripe_account)
    planned = stripe_account.client.v1.invoices.retrieve(invoice).next_payment_attempt
    assert stripe_account.control.collect(invoice) == "open"
    found = stripe_account.client.v1.invoices.retrieve(invoice)
    assert (found.attempt_count, found.next_payment_attempt) == (2, planned)
    assert stripe_account.event_types()[-1] == "invoice.payment_failed"
    stripe_account.control.advance(20 * DAY)
    assert stripe_account.event_types(type="invoice.payment_failed") == ["invoice.payment_failed"] * 5


def test_charging_again_by_hand_collects_from_a_card_that_pays(stripe_account: StripeAccount) -> None:
    year = stripe_account.year()
    stripe_account.control.set_clock(year.to_dict()["items"]["data"][0]["current_period_end"] + 60)
    draft = invoices_of(stripe_account, year.id)[1]["id"]
    assert stripe_account.control.collect(draft) == "paid"
    with pytest.raises(ControlError, match="cannot be collected"):
        stripe_account.control.collect(draft)
    stripe_account.control.advance(7200)
    assert len(stripe_account.client.v1.charges.list().data) == 2


def test_an_invoice_that_cannot_be_finalized_stays_a_draft_until_somebody_charges_it(stripe_account: StripeAccount) -> None:
    year = stripe_account.year()
    stripe_account.control.fail_finalization()
    stripe_account.control.advance(367 * DAY)
    draft = invoices_of(stripe_account, year.id)[1]
    assert (draft["status"], draft["last_finalization_error"]["code"]) == ("draft", "customer_tax_location_invalid")
    assert stripe_account.event_types()[-1] == "invoice.finalization_failed"
    stripe_account.control.fail_finalization(on=False)
    assert stripe_account.control.collect(draft["id"]) == "paid"
    assert stripe_account.client.v1.invoices.retrieve(draft["id"]).last_finalization_error is None


def test_a_voided_invoice_is_owed_by_nobody(stripe_account: StripeAccount) -> None:
    subscription, invoice = overdue(stripe_account)
    stripe_account.control.void_invoice(invoice)
    assert status_of(stripe_account, subscription, invoice) == ("active", "void")
    expected = ["payment_intent.canceled", "invoice.updated", "invoice.voided", "customer.subscription.updated"]
    assert stripe_account.event_types()[-4:] == expected
    stripe_account.control.advance(30 * DAY)
    assert status_of(stripe_account, subscription, invoice) == ("active", "void")
    assert "can no longer be paid" in str(refusal(lambda: stripe_account.client.v1.invoices.pay(invoice)))


def test_an_uncollectible_invoice_can_still_be_paid(stripe_account: StripeAccount) -> None:
    subscription, invoice = overdue(stripe_account)
    stripe_account.control.mark_uncollectible(invoice)
    assert status_of(stripe_account, subscription, invoice) == ("active", "uncollectible")
    assert "invoice.marked_uncollectible" in stripe_account.event_types()
    assert stripe_account.control.pay_invoice(invoice) == "paid"


def test_the_api_voids_and_gives_up_open_invoices_only(stripe_account: StripeAccount) -> None:
    invoices = stripe_account.client.v1.invoices
    subscription, invoice = overdue(stripe_account)
    assert invoices.mark_uncollectible(invoice).status == "uncollectible"
    assert invoices.void_invoice(invoice).status == "void"
    paid = invoices_of(stripe_account, subscription)[0]["id"]
    for act in (invoices.void_invoice, invoices.mark_uncollectible):
        assert "only pass in open invoices" in str(refusal(partial(act, paid)))


def test_the_reader_pays_on_the_invoices_page(stripe_account: StripeAccount) -> None:
    subscription, invoice = overdue(stripe_account)
    url = str(stripe_account.client.v1.invoices.retrieve(invoice).hosted_invoice_url)
    assert "Pay $2,500.00" in browse(url)[1]
    card = {"expiry": "12/34", "cvc": "123"}
    assert browse(url, {**card, "card_number": "1234"})[0] == 422
    status, html, _ = browse(url, {**card, "card_number": DECLINED})
    assert (status, "Your card has been declined." in html) == (402, True)
    assert status_of(stripe_account, subscription, invoice) == ("past_due", "open")
    status, _, headers = browse(url, {**card, "card_number": "4242 4242 4242 4242"})
    assert (status, headers["Location"]) == (303, f"/i/{invoice}")
    assert status_of(stripe_account, subscription, invoice) == ("active", "paid")
    assert "Pay $" not in browse(url)[1]
    assert browse(url, {**card, "card_number": "4242 4242 4242 4242"})[0] == 409
    assert len(stripe_account.client.v1.charges.list({"limit": 100}).data) == 4


def test_the_reader_confirms_a_renewal_on_the_invoices_page(stripe_account: StripeAccount) -> None:
    subscription, invoice = overdue(stripe_account, ASKS_ALWAYS)
    url = str(stripe_account.client.v1.invoices.retrieve(invoice).hosted_invoice_url)
    assert "Your bank asks you to confirm" in browse(url)[1]
    assert browse(url, {"answer": "fail"})[0] == 402
    assert "Your bank asks you to confirm" not in browse(url)[1]
    browse(url, {"card_number": ASKS_ALWAYS, "expiry": "12/34", "cvc": "123"})
    assert status_of(stripe_account, subscription, invoice) == ("past_due", "open")
    assert browse(url, {"answer": "complete"})[0] == 303
    assert status_of(stripe_account, subscription, invoice) == ("active", "paid")


def test_controls_do_what_the_invoices_page_does(stripe_account: StripeAccount) -> None:
    subscription, invoice = overdue(stripe_account, ASKS_ALWAYS)
    assert stripe_account.control.answer_bank(invoice, "fail") == "open"
    assert stripe_account.control.pay_invoice(invoice, card=DECLINED) == "open"
    assert stripe_account.control.pay_invoice(invoice, card=ASKS_ALWAYS) == "open"
    assert stripe_account.control.answer_bank(invoice, "complete") == "paid"
    assert status_of(stripe_account, subscription, invoice) == ("active", "paid")


def test_the_api_pays_an_invoice_with_another_card(stripe_account: StripeAccount) -> None:
    invoices = stripe_account.client.v1.invoices
    subscription, invoice = overdue(stripe_account)
    method = stripe_account.control.objects("payment_method")[0]["id"]
    with pytest.raises(stripe.CardError) as caught:
        invoices.pay(invoice, {"payment_method": method})
    assert (caught.value.code, invoices.retrieve(invoice).attempt_count) == ("card_declined", 2)
    stripe_account.year()
    good = stripe_account.control.objects("payment_method")[-1]["id"]
    assert invoices.pay(invoice, {"payment_method": good}).status == "paid"
    assert subscription_of(stripe_account, subscription)["status"] == "active"
    assert "already paid" in str(refusal(lambda: invoices.pay(invoice)))


def test_the_api_says_when_the_bank_asks_the_reader(stripe_account: StripeAccount) -> None:
    _, invoice = overdue(stripe_account, ASKS_ALWAYS)
    with pytest.raises(stripe.CardError) as caught:
        stripe_account.client.v1.invoices.pay(invoice)
    assert caught.value.code == "invoice_payment_intent_requires_action"


def test_an_invoice_can_be_paid_outside_stripe(stripe_account: StripeAccount) -> None:
    subscription, invoice = overdue(stripe_account)
    paid: Any = stripe_account.client.v1.invoices.pay(invoice, {"paid_out_of_band": True, "expand": ["payments"]})
    assert paid.amount_paid_off_stripe == 250000
    assert (paid.status, paid.amount_remaining, [row.status for row in paid.payments.data]) == ("paid", 0, ["canceled"])
    assert subscription_of(stripe_account, subscription)["status"] == "active"


def test_a_subscription_canceled_at_once_leaves_its_open_invoice_to_nobody(stripe_account: StripeAccount) -> None:
    subscription, invoice = overdue(stripe_account)
    stripe_account.client.v1.subscriptions.cancel(subscription)
    assert stripe_account.event_types()[-2:] == ["customer.subscription.deleted", "invoice.updated"]
    stripe_account.control.advance(30 * DAY)
    found = stripe_account.client.v1.invoices.retrieve(invoice)
    assert (found.status, found.auto_advance, found.attempt_count) == ("open", False, 1)
    assert stripe_account.control.pay_invoice(invoice) == "paid"
    assert subscription_of(stripe_account, subscription)["status"] == "canceled"
