"""Years passing in the simulator: renewals, failed ones and their recovery, pauses, and 29 February."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.fixtures_stripe import StripeAccount
from tests.simulator_steps import DAY, invoices_of, subscription_of


def test_a_year_renews_with_an_invoice_for_its_period(stripe_account: StripeAccount) -> None:
    year = stripe_account.year()
    first_end = subscription_of(stripe_account, year.id)["items"]["data"][0]["current_period_end"]
    stripe_account.control.set_clock(first_end + 60)
    assert [invoice["status"] for invoice in invoices_of(stripe_account, year.id)] == ["paid", "draft"]
    stripe_account.control.advance(3600)
    renewal = invoices_of(stripe_account, year.id)[1]
    item = subscription_of(stripe_account, year.id)["items"]["data"][0]
    assert (renewal["status"], renewal["billing_reason"]) == ("paid", "subscription_cycle")
    assert item["current_period_start"] == first_end
    assert renewal["lines"]["data"][0]["period"] == {"start": first_end, "end": item["current_period_end"]}
    types = stripe_account.event_types()
    assert types.index("invoice.upcoming") < types.index("customer.subscription.updated")
    assert types[-2:] == ["invoice.paid", "invoice.payment_succeeded"]


def test_three_years_at_one_stride_renew_three_times(stripe_account: StripeAccount) -> None:
    year = stripe_account.year()
    stripe_account.control.advance(3 * 366 * DAY)
    found = invoices_of(stripe_account, year.id)
    assert [invoice["status"] for invoice in found] == ["paid"] * 4
    periods = [invoice["lines"]["data"][0]["period"] for invoice in found]
    assert [period["start"] for period in periods[1:]] == [period["end"] for period in periods[:-1]]


def test_29_february_comes_back(stripe_account: StripeAccount) -> None:
    stripe_account.control.set_clock(int(datetime(2028, 2, 29, 12, tzinfo=UTC).timestamp()))
    year = stripe_account.year()
    stripe_account.control.advance((4 * 365 + 3) * DAY)
    ends = [invoice["lines"]["data"][0]["period"]["end"] for invoice in invoices_of(stripe_account, year.id)]
    dates = [datetime.fromtimestamp(moment, UTC).date().isoformat() for moment in ends]
    assert dates == ["2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29", "2033-02-28"]


def test_a_failed_renewal_is_tried_again_and_then_ends_it(stripe_account: StripeAccount) -> None:
    year = stripe_account.year(card="4000000000000341")
    stripe_account.control.advance(367 * DAY)
    assert subscription_of(stripe_account, year.id)["status"] == "past_due"
    renewal = invoices_of(stripe_account, year.id)[1]
    assert (renewal["status"], renewal["attempt_count"]) == ("open", 1)
    assert renewal["next_payment_attempt"]
    stripe_account.control.advance(20 * DAY)
    found = subscription_of(stripe_account, year.id)
    assert (found["status"], found["cancellation_details"]["reason"]) == ("canceled", "payment_failed")
    assert stripe_account.event_types(type="invoice.payment_failed") == ["invoice.payment_failed"] * 4


def test_another_card_recovers_a_failed_renewal(stripe_account: StripeAccount) -> None:
    year = stripe_account.year(card="4000000000000341")
    stripe_account.control.advance(367 * DAY)
    stripe_account.control.change_card(year.id, "4242424242424242")
    assert subscription_of(stripe_account, year.id)["status"] == "active"
    assert invoices_of(stripe_account, year.id)[1]["status"] == "paid"
    stripe_account.control.advance(30 * DAY)
    assert subscription_of(stripe_account, year.id)["status"] == "active"


def test_a_card_that_asks_the_bank_needs_the_reader_at_renewal(stripe_account: StripeAccount) -> None:
    year = stripe_account.year(card="4000002760003184")
    stripe_account.control.advance(367 * DAY)
    assert subscription_of(stripe_account, year.id)["status"] == "past_due"
    assert "invoice.payment_action_required" in stripe_account.event_types()


@pytest.mark.parametrize(
    ("behavior", "status"), [("void", "void"), ("mark_uncollectible", "uncollectible"), ("keep_as_draft", "draft")]
)
def test_paused_collection_charges_nobody(stripe_account: StripeAccount, behavior: Any, status: str) -> None:
    year = stripe_account.year()
    stripe_account.client.v1.subscriptions.update(year.id, {"pause_collection": {"behavior": behavior}})
    stripe_account.control.advance(367 * DAY)
    assert invoices_of(stripe_account, year.id)[1]["status"] == status
    assert subscription_of(stripe_account, year.id)["status"] == "active"
    assert len(stripe_account.client.v1.charges.list().data) == 1


def test_renewal_turned_off_and_on_again_goes_on(stripe_account: StripeAccount) -> None:
    year = stripe_account.year()
    for off in (True, False):
        stripe_account.client.v1.subscriptions.update(year.id, {"cancel_at_period_end": off})
    stripe_account.control.advance(367 * DAY)
    assert subscription_of(stripe_account, year.id)["status"] == "active"
    assert len(invoices_of(stripe_account, year.id)) == 2
