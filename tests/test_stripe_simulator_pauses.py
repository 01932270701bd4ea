"""Both pauses of a subscription in the simulator: of its collection, and of the whole of it."""

from typing import Any

import pytest

from tests.fixtures_stripe import StripeAccount
from tests.simulator_steps import DAY, invoices_of, refusal, subscription_of
from tests.stripe_simulator.control import ControlError
from tests.test_stripe_simulator_previews import preview

WITHOUT_CREDIT: Any = {"bill_for": {"unused_time_from": {"type": "none"}}}
OLD_RHYTHM: Any = {"billing_cycle_anchor": {"type": "unchanged"}, "proration_behavior": "none"}


@pytest.mark.parametrize(
    ("behavior", "event"),
    [("void", "invoice.voided"), ("mark_uncollectible", "invoice.marked_uncollectible"), ("keep_as_draft", "invoice.updated")],
)
def test_paused_collection_says_what_became_of_the_renewal(stripe_account: StripeAccount, behavior: str, event: str) -> None:
    year = stripe_account.year()
    stripe_account.client.v1.subscriptions.update(year.id, {"pause_collection": {"behavior": behavior}})
    stripe_account.control.advance(367 * DAY)
    assert stripe_account.event_types()[-1] == event
    renewal = invoices_of(stripe_account, year.id)[1]
    assert (renewal["auto_advance"], renewal["amount_paid"]) == (False, 0)
    assert bool(renewal["number"]) == (behavior != "keep_as_draft")


@pytest.mark.parametrize("end", ["by_hand", "by_time"])
def test_collection_goes_on_after_its_pause(stripe_account: StripeAccount, end: str) -> None:
    subscriptions, year = stripe_account.client.v1.subscriptions, stripe_account.year()
    resumes_at = stripe_account.control.now() + 400 * DAY
    times = {"resumes_at": resumes_at} if end == "by_time" else {}
    subscriptions.update(year.id, {"pause_collection": {"behavior": "keep_as_draft", **times}})
    stripe_account.control.advance(401 * DAY)
    if end == "by_hand":
        assert subscription_of(stripe_account, year.id)["pause_collection"]["behavior"] == "keep_as_draft"
        subscriptions.update(year.id, {"pause_collection": ""})
    assert subscription_of(stripe_account, year.id)["pause_collection"] is None
    stripe_account.control.advance(367 * DAY)
    assert [row["status"] for row in invoices_of(stripe_account, year.id)] == ["paid", "draft", "paid"]


def test_a_paused_subscription_asks_for_nothing(stripe_account: StripeAccount) -> None:
    subscriptions, year = stripe_account.client.v1.subscriptions, stripe_account.year()
    paused = subscriptions.pause(year.id, WITHOUT_CREDIT).to_dict()
    assert (paused["status"], paused["status_details"]["paused"]["subscription"]["type"]) == ("paused", "pause_requested")
    assert stripe_account.event_types()[-2:] == ["customer.subscription.updated", "customer.subscription.paused"]
    stripe_account.control.advance(400 * DAY)
    assert len(invoices_of(stripe_account, year.id)) == 1
    assert "invoice.upcoming" not in stripe_account.event_types()
    assert refusal(lambda: preview(stripe_account, year.id)).code == "invoice_upcoming_none"
    assert "cannot be paused" in str(refusal(lambda: subscriptions.pause(year.id, WITHOUT_CREDIT)))


def test_a_paused_subscription_goes_on_in_its_old_rhythm(stripe_account: StripeAccount) -> None:
    subscriptions, year = stripe_account.client.v1.subscriptions, stripe_account.year()
    first_end = year.to_dict()["items"]["data"][0]["current_period_end"]
    subscriptions.pause(year.id, WITHOUT_CREDIT)
    stripe_account.control.advance(400 * DAY)
    resumed = subscriptions.resume(year.id, OLD_RHYTHM).to_dict()
    assert (resumed["status"], "status_details" in resumed) == ("active", False)
    assert resumed["items"]["data"][0]["current_period_start"] == first_end
    assert stripe_account.event_types()[-2:] == ["customer.subscription.updated", "customer.subscription.resumed"]
    assert len(invoices_of(stripe_account, year.id)) == 1
    stripe_account.control.advance(367 * DAY)
    assert [row["status"] for row in invoices_of(stripe_account, year.id)] == ["paid", "paid"]


@pytest.mark.parametrize(("card", "status"), [("4242424242424242", "active"), ("4000000000000341", "past_due")])
def test_a_paused_subscription_begins_anew_with_an_invoice(stripe_account: StripeAccount, card: str, status: str) -> None:
    subscriptions, year = stripe_account.client.v1.subscriptions, stripe_account.year(card=card)
    subscriptions.pause(year.id, WITHOUT_CREDIT)
    stripe_account.control.advance(10 * DAY)
    resumed = subscriptions.resume(year.id).to_dict()
    item = resumed["items"]["data"][0]
    assert (resumed["status"], resumed["billing_cycle_anchor"]) == (status, item["current_period_start"])
    assert abs(item["current_period_start"] - stripe_account.control.now()) < 60
    found = invoices_of(stripe_account, year.id)[1]
    assert (found["status"], found["billing_reason"]) == ("paid" if status == "active" else "open", "subscription_update")
    assert resumed["latest_invoice"] == found["id"]


def test_a_pause_with_a_credit_is_refused(stripe_account: StripeAccount) -> None:
    subscriptions, year = stripe_account.client.v1.subscriptions, stripe_account.year()
    assert refusal(lambda: subscriptions.pause(year.id)).code == "simulator_unsupported"
    assert "cannot be resumed" in str(refusal(lambda: subscriptions.resume(year.id)))
    subscriptions.pause(year.id, WITHOUT_CREDIT)
    unchanged: Any = {"billing_cycle_anchor": {"type": "unchanged"}}
    assert refusal(lambda: subscriptions.resume(year.id, unchanged)).param == "proration_behavior"


def test_a_person_pauses_and_resumes_in_the_dashboard(stripe_account: StripeAccount) -> None:
    year = stripe_account.year()
    stripe_account.control.pause_subscription(year.id)
    assert subscription_of(stripe_account, year.id)["status"] == "paused"
    with pytest.raises(ControlError, match="no such subscription"):
        stripe_account.control.pause_subscription(year.id)
    stripe_account.control.resume_subscription(year.id)
    assert subscription_of(stripe_account, year.id)["status"] == "active"


def test_a_paused_subscription_can_be_canceled(stripe_account: StripeAccount) -> None:
    year = stripe_account.year()
    stripe_account.client.v1.subscriptions.update(year.id, {"cancel_at_period_end": True})
    stripe_account.control.pause_subscription(year.id)
    stripe_account.control.advance(367 * DAY)
    assert subscription_of(stripe_account, year.id)["status"] == "canceled"
