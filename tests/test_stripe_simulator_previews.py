"""The next invoice of a subscription in the simulator, as previewed, as announced, and as it comes in the end."""

from typing import Any

import pytest
import stripe

from tests.fixtures_stripe import StripeAccount
from tests.simulator_steps import refusal

DAY = 86400


def preview(account: StripeAccount, subscription: str, **params: Any) -> dict[str, Any]:
    made: stripe.Invoice = account.client.v1.invoices.create_preview({"subscription": subscription, **params})
    return made.to_dict()


def test_a_preview_is_the_renewals_invoice_to_be(stripe_account: StripeAccount) -> None:
    year = stripe_account.year()
    period = year.to_dict()["items"]["data"][0]
    seen = preview(stripe_account, year.id)
    (line,) = seen["lines"]["data"]
    assert seen["id"].startswith("upcoming_in_")
    assert (seen["status"], seen["amount_due"], seen["billing_reason"]) == ("draft", 250000, "upcoming")
    assert (seen["period_start"], seen["period_end"]) == (period["current_period_start"], period["current_period_end"])
    assert line["period"]["start"] == seen["created"] == period["current_period_end"]
    stripe_account.control.set_clock(period["current_period_end"] + 7200)
    renewal = stripe_account.client.v1.invoices.list({"subscription": year.id}).data[0].to_dict()
    same = ("amount_due", "customer", "currency", "parent", "period_end", "period_start", "total")
    assert {key: renewal[key] for key in same} == {key: seen[key] for key in same}
    assert renewal["lines"]["data"][0]["period"] == line["period"]


def test_a_preview_leaves_no_trace(stripe_account: StripeAccount) -> None:
    year = stripe_account.year()
    before = stripe_account.event_types()
    seen = preview(stripe_account, year.id)
    assert len(stripe_account.client.v1.invoices.list().data) == 1
    assert stripe_account.event_types() == before
    assert refusal(lambda: stripe_account.client.v1.invoices.retrieve(seen["id"])).code == "resource_missing"


@pytest.mark.parametrize("end", ["cancel", "turn_off"])
def test_nothing_is_upcoming_once_the_renewal_is_off(stripe_account: StripeAccount, end: str) -> None:
    subscriptions, year = stripe_account.client.v1.subscriptions, stripe_account.year()
    if end == "cancel":
        subscriptions.cancel(year.id)
    else:
        subscriptions.update(year.id, {"cancel_at_period_end": True})
    found = refusal(lambda: preview(stripe_account, year.id))
    assert (found.code, found.http_status) == ("invoice_upcoming_none", 404)


def test_a_preview_can_suppose_the_renewal_off_or_on(stripe_account: StripeAccount) -> None:
    year = stripe_account.year()
    off: Any = {"subscription_details": {"cancel_at_period_end": True}}
    assert refusal(lambda: preview(stripe_account, year.id, **off)).code == "invoice_upcoming_none"
    stripe_account.client.v1.subscriptions.update(year.id, {"cancel_at_period_end": True})
    seen = preview(stripe_account, year.id, subscription_details={"cancel_at_period_end": False})
    assert seen["amount_due"] == 250000


def test_a_preview_of_anything_else_is_refused(stripe_account: StripeAccount) -> None:
    year = stripe_account.year()
    changed: Any = {"subscription_details": {"cancel_now": True}}
    assert refusal(lambda: preview(stripe_account, year.id, **changed)).param == "subscription_details[cancel_now]"
    assert refusal(lambda: preview(stripe_account, "sub_unknown")).code == "resource_missing"
    assert refusal(lambda: preview(stripe_account, year.id, customer=stripe_account.customer().id)).param == "subscription"


def test_the_renewal_is_announced_whole_a_week_before(stripe_account: StripeAccount) -> None:
    year = stripe_account.year()
    period = year.to_dict()["items"]["data"][0]
    stripe_account.control.set_clock(period["current_period_end"] - 7 * DAY + 60)
    (event,) = [event for event in stripe_account.control.objects("event") if event["type"] == "invoice.upcoming"]
    announced, seen = event["data"]["object"], preview(stripe_account, year.id)
    assert "id" not in announced
    assert set(announced) == set(seen) - {"id"}
    assert (announced["amount_due"], announced["next_payment_attempt"]) == (250000, period["current_period_end"] + 3600)
