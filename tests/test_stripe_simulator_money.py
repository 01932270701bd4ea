"""Money back and subscriptions in the simulator: refunds of every fate, cancels of every kind, and the portal."""

from typing import Any

import pytest
import stripe

from tests.fixtures_stripe import StripeAccount
from tests.simulator_steps import browse, refusal


def refund(account: StripeAccount, session: stripe.checkout.Session, **params: Any) -> stripe.Refund:
    made: stripe.Refund = account.client.v1.refunds.create({"payment_intent": str(session.payment_intent), **params})
    return made


def charge_of(account: StripeAccount, session: stripe.checkout.Session) -> stripe.Charge:
    found: stripe.Charge = account.client.v1.charges.list({"payment_intent": str(session.payment_intent)}).data[0]
    return found


def test_a_refund_returns_the_whole_charge_once(stripe_account: StripeAccount) -> None:
    session = stripe_account.paid_seat()
    made = refund(stripe_account, session, reason="requested_by_customer")
    assert (made.status, made.amount) == ("succeeded", 25000)
    charge = charge_of(stripe_account, session)
    assert (charge.refunded, charge.amount_refunded) == (True, 25000)
    assert refusal(lambda: refund(stripe_account, session)).code == "charge_already_refunded"
    assert stripe_account.event_types()[-2:] == ["charge.refunded", "refund.created"]


def test_partial_refunds_never_exceed_what_was_captured(stripe_account: StripeAccount) -> None:
    session = stripe_account.paid_seat()
    charge = charge_of(stripe_account, session)
    assert "greater than charge amount ($250.00)" in str(refusal(lambda: refund(stripe_account, session, amount=25001)))
    first = refund(stripe_account, session, amount=10000)
    found = refusal(lambda: stripe_account.client.v1.refunds.create({"charge": charge.id, "amount": 15001}))
    assert "unrefunded amount on charge ($150.00)" in str(found)
    second = stripe_account.client.v1.refunds.create({"charge": charge.id})
    assert second.amount == 15000
    listed = stripe_account.client.v1.refunds.list({"payment_intent": str(session.payment_intent)})
    assert [row.id for row in listed.data] == [second.id, first.id]


def test_an_unpaid_session_has_nothing_to_refund(stripe_account: StripeAccount) -> None:
    session = stripe_account.checkout()
    stripe_account.control.pay(session.id, card="4000000000000002", email="reader@example.com")
    session = stripe_account.retrieve_checkout(session.id)
    assert refusal(lambda: refund(stripe_account, session)).param == "payment_intent"


def test_a_refund_can_be_pending_first(stripe_account: StripeAccount) -> None:
    stripe_account.control.next_refund("pending")
    made = refund(stripe_account, stripe_account.paid_seat())
    assert made.status == "pending"
    stripe_account.control.settle_refund(made.id, "succeeded")
    assert stripe_account.client.v1.refunds.retrieve(made.id).status == "succeeded"
    assert "refund.updated" in stripe_account.event_types()


def test_a_refund_can_fail_after_it_was_called_done(stripe_account: StripeAccount) -> None:
    session = stripe_account.paid_seat()
    stripe_account.control.next_refund("fails_later")
    made = refund(stripe_account, session)
    assert made.status == "succeeded"
    stripe_account.control.advance(4 * 86400)
    found = stripe_account.client.v1.refunds.retrieve(made.id)
    assert (found.status, found.failure_reason) == ("failed", "expired_or_canceled_card")
    assert charge_of(stripe_account, session).amount_refunded == 0
    assert "refund.failed" in stripe_account.event_types()
    assert refund(stripe_account, session).status == "succeeded"


def test_a_refund_can_fail_at_once(stripe_account: StripeAccount) -> None:
    stripe_account.control.next_refund("failed", reason="lost_or_stolen_card")
    made = refund(stripe_account, stripe_account.paid_seat())
    assert (made.status, made.failure_reason) == ("failed", "lost_or_stolen_card")


def test_a_refund_that_waits_for_the_reader_can_be_canceled(stripe_account: StripeAccount) -> None:
    refunds, session = stripe_account.client.v1.refunds, stripe_account.paid_seat()
    stripe_account.control.next_refund("requires_action")
    made = refund(stripe_account, session)
    assert (made.status, made.next_action and made.next_action.type) == ("requires_action", "display_details")
    stripe_account.control.advance(30 * 86400)
    assert refunds.retrieve(made.id).status == "requires_action"
    assert refunds.cancel(made.id).status == "canceled"
    assert "has a status of canceled" in str(refusal(lambda: refunds.cancel(made.id)))
    assert charge_of(stripe_account, session).amount_refunded == 0
    assert stripe_account.event_types()[-2:] == ["refund.updated", "charge.refund.updated"]
    assert refund(stripe_account, session).status == "succeeded"


@pytest.mark.parametrize("status", ["succeeded", "failed", "canceled"])
def test_a_refund_that_waits_for_the_reader_ends_as_ordered(stripe_account: StripeAccount, status: Any) -> None:
    stripe_account.control.next_refund("requires_action")
    made = refund(stripe_account, stripe_account.paid_seat())
    stripe_account.control.settle_refund(made.id, status)
    found = stripe_account.client.v1.refunds.retrieve(made.id).to_dict()
    assert (found["status"], "next_action" in found) == (status, False)


def test_turning_renewal_off_by_flag_sets_both_fields_and_off_again_clears_them(stripe_account: StripeAccount) -> None:
    subscriptions = stripe_account.client.v1.subscriptions
    year = stripe_account.year()
    period_end = year.to_dict()["items"]["data"][0]["current_period_end"]
    off = subscriptions.update(year.id, {"cancel_at_period_end": True})
    assert (off.cancel_at_period_end, off.cancel_at, off.status) == (True, period_end, "active")
    on = subscriptions.update(year.id, {"cancel_at_period_end": False})
    assert (on.cancel_at_period_end, on.cancel_at, on.canceled_at) == (False, None, None)
    assert stripe_account.event_types()[-2:] == ["customer.subscription.updated"] * 2


def test_cancel_at_leaves_the_flag_alone(stripe_account: StripeAccount) -> None:
    subscriptions = stripe_account.client.v1.subscriptions
    year = stripe_account.year()
    found = subscriptions.update(year.id, {"cancel_at": "min_period_end"})
    assert (found.cancel_at_period_end, found.cancel_at is None) == (False, False)
    assert subscriptions.update(year.id, {"cancel_at": ""}).cancel_at is None
    assert refusal(lambda: subscriptions.update(year.id, {"cancel_at": 1})).param == "cancel_at"


def test_a_scheduled_cancel_ends_the_subscription_at_its_time(stripe_account: StripeAccount) -> None:
    year = stripe_account.year()
    stripe_account.client.v1.subscriptions.update(year.id, {"cancel_at_period_end": True})
    stripe_account.control.advance(367 * 86400)
    found = stripe_account.client.v1.subscriptions.retrieve(year.id).to_dict()
    assert (found["status"], found["ended_at"]) == ("canceled", found["items"]["data"][0]["current_period_end"])
    assert len(stripe_account.client.v1.invoices.list({"subscription": year.id}).data) == 1
    deleted = stripe_account.client.v1.events.list({"type": "customer.subscription.deleted"}).data
    assert [event.created for event in deleted] == [found["ended_at"]]


def test_an_immediate_cancel_ends_it_now_and_once(stripe_account: StripeAccount) -> None:
    subscriptions = stripe_account.client.v1.subscriptions
    year = stripe_account.year()
    assert subscriptions.cancel(year.id).status == "canceled"
    assert refusal(lambda: subscriptions.cancel(year.id)).code == "resource_missing"
    assert "canceled" in str(refusal(lambda: subscriptions.update(year.id, {"cancel_at_period_end": True})))
    assert subscriptions.list().data == []
    assert [row.id for row in subscriptions.list({"status": "all"}).data] == [year.id]


@pytest.mark.parametrize("mode", ["at_period_end", "immediately"])
def test_the_portal_cancels_as_its_settings_say(stripe_account: StripeAccount, mode: Any) -> None:
    v1 = stripe_account.client.v1
    year = stripe_account.year()
    v1.billing_portal.configurations.create({"features": {"subscription_cancel": {"enabled": True, "mode": mode}}})
    session = v1.billing_portal.sessions.create({"customer": str(year.customer), "return_url": "https://shop.example/account"})
    html = browse(session.url)[1]
    assert "A year of live sessions" in html
    assert "https://shop.example/account" in html
    assert browse(session.url, {"subscription": year.id, "action": "cancel"})[0] == 303
    found = v1.subscriptions.retrieve(year.id)
    if mode == "immediately":
        assert found.status == "canceled"
        return
    assert (found.status, found.cancel_at_period_end, found.cancel_at is None) == ("active", False, False)
    browse(session.url, {"subscription": year.id, "action": "resume"})
    assert v1.subscriptions.retrieve(year.id).cancel_at is None


def test_the_portal_shows_nobody_elses_subscription(stripe_account: StripeAccount) -> None:
    v1 = stripe_account.client.v1
    year = stripe_account.year()
    v1.billing_portal.configurations.create({"features": {"subscription_cancel": {"enabled": True}}})
    session = v1.billing_portal.sessions.create({"customer": stripe_account.customer().id})
    assert "no subscription" in browse(session.url)[1]
    assert browse(session.url, {"subscription": year.id, "action": "cancel"})[0] == 404
    assert v1.subscriptions.retrieve(year.id).cancel_at is None
