"""Bank debits in the simulator: complete today, paid or not days later."""

from typing import Any

import pytest

from tests.fixtures_stripe import StripeAccount
from tests.simulator_steps import browse, page_of, refusal
from tests.stripe_simulator.control import ControlError

DEBIT: Any = {"allowed_payment_method_types": ["card", "us_bank_account"], "customer_email": "reader@example.com"}


def promised(account: StripeAccount, **params: Any) -> str:
    """The id of a session that is complete by a debit on its way."""
    session = account.checkout(**{**DEBIT, **params})
    assert account.control.pay_by_debit(session.id)["outcome"] == "paid"
    return session.id


def test_a_debit_completes_the_session_unpaid(stripe_account: StripeAccount) -> None:
    session_id = promised(stripe_account, invoice_creation={"enabled": True})
    found = stripe_account.retrieve_checkout(session_id, "payment_intent.latest_charge").to_dict()
    assert (found["status"], found["payment_status"], found["invoice"]) == ("complete", "unpaid", None)
    intent = found["payment_intent"]
    assert (intent["status"], intent["amount_received"]) == ("processing", 0)
    assert (intent["latest_charge"]["status"], intent["latest_charge"]["paid"]) == ("pending", False)
    assert stripe_account.event_types()[-3:] == ["charge.pending", "payment_intent.processing", "checkout.session.completed"]


def test_days_later_the_bank_has_paid(stripe_account: StripeAccount) -> None:
    session_id = promised(stripe_account, invoice_creation={"enabled": True})
    stripe_account.control.advance(4 * 86400)
    assert stripe_account.retrieve_checkout(session_id).payment_status == "unpaid"
    stripe_account.control.settle_debit(session_id, "succeeded")
    found = stripe_account.retrieve_checkout(session_id, "payment_intent.latest_charge", "invoice").to_dict()
    assert (found["payment_status"], found["invoice"]["status"]) == ("paid", "paid")
    assert (found["payment_intent"]["status"], found["payment_intent"]["amount_received"]) == ("succeeded", 25000)
    assert "from the bank account ending in 6789" in browse(found["payment_intent"]["latest_charge"]["receipt_url"])[1]
    types = stripe_account.event_types()
    assert types.index("charge.succeeded") < types.index("payment_intent.succeeded")
    assert types[-1] == "checkout.session.async_payment_succeeded"


def test_days_later_the_bank_has_not_paid(stripe_account: StripeAccount) -> None:
    session_id = promised(stripe_account)
    stripe_account.control.settle_debit(session_id, "failed")
    found = stripe_account.retrieve_checkout(session_id, "payment_intent.latest_charge").to_dict()
    assert (found["status"], found["payment_status"]) == ("complete", "unpaid")
    intent = found["payment_intent"]
    assert (intent["status"], intent["last_payment_error"]["code"]) == ("requires_payment_method", "insufficient_funds")
    assert (intent["latest_charge"]["status"], intent["latest_charge"]["amount_captured"]) == ("failed", 0)
    assert stripe_account.event_types()[-3:] == [
        "charge.failed",
        "payment_intent.payment_failed",
        "checkout.session.async_payment_failed",
    ]


def test_what_is_not_settled_cannot_be_refunded(stripe_account: StripeAccount) -> None:
    refunds = stripe_account.client.v1.refunds
    session_id = promised(stripe_account)
    found = stripe_account.retrieve_checkout(session_id, "payment_intent").to_dict()["payment_intent"]
    by_intent = refusal(lambda: refunds.create({"payment_intent": found["id"]}))
    assert "does not have a successful charge to refund" in str(by_intent)
    assert refusal(lambda: refunds.create({"charge": found["latest_charge"]})).http_status == 400
    stripe_account.control.settle_debit(session_id, "succeeded")
    assert refunds.create({"payment_intent": found["id"]}).amount == 25000


@pytest.mark.parametrize(
    ("switched_on", "allowed", "taken"),
    [
        (False, None, False),
        (True, None, True),
        (True, ["card", "link"], False),
        (False, ["us_bank_account", "card"], True),
    ],
)
def test_the_account_and_the_request_decide_whether_a_debit_is_taken(
    stripe_account: StripeAccount, switched_on: bool, allowed: list[str] | None, taken: bool
) -> None:
    stripe_account.control.allow_delayed_payments(switched_on)
    params: Any = {"allowed_payment_method_types": allowed} if allowed else {}
    session = stripe_account.checkout(customer_email="reader@example.com", **params)
    assert ("us_bank_account" in session.payment_method_types) is taken
    assert ("bank debit" in browse(page_of(session))[1]) is taken
    result = stripe_account.control.pay_by_debit(session.id)
    assert result["outcome"] == ("paid" if taken else "invalid")
    assert stripe_account.retrieve_checkout(session.id).status == ("complete" if taken else "open")


def test_a_reader_can_choose_the_debit_on_the_page(stripe_account: StripeAccount) -> None:
    session = stripe_account.checkout(**DEBIT)
    form = {"email": "reader@example.com", "name": "Avery Reader", "action": "debit"}
    status, _, headers = browse(page_of(session), form)
    assert (status, headers["Location"]) == (303, f"https://shop.example/done?checkout={session.id}")
    assert stripe_account.retrieve_checkout(session.id).payment_status == "unpaid"
    assert browse(page_of(session), form)[0] == 409


def test_a_debit_after_a_declined_card_uses_the_same_payment(stripe_account: StripeAccount) -> None:
    session = stripe_account.checkout(**DEBIT)
    stripe_account.control.pay(session.id, card="4000000000000002")
    intent = stripe_account.retrieve_checkout(session.id).payment_intent
    assert stripe_account.control.pay_by_debit(session.id)["outcome"] == "paid"
    assert stripe_account.retrieve_checkout(session.id).payment_intent == intent


def test_only_what_waits_for_the_bank_can_be_settled(stripe_account: StripeAccount) -> None:
    session_id = promised(stripe_account)
    stripe_account.control.settle_debit(session_id, "succeeded")
    for settled in (session_id, stripe_account.paid_seat().id, "cs_test_none"):
        with pytest.raises(ControlError):
            stripe_account.control.settle_debit(settled, "failed")


def test_a_debit_redeems_its_code_when_the_session_completes(stripe_account: StripeAccount) -> None:
    coupon = stripe_account.client.v1.coupons.create({"percent_off": 20})
    session_id = promised(stripe_account, discounts=[{"coupon": coupon.id}], invoice_creation={"enabled": True})
    assert stripe_account.client.v1.coupons.retrieve(coupon.id).times_redeemed == 1
    stripe_account.control.settle_debit(session_id, "succeeded")
    invoice = stripe_account.retrieve_checkout(session_id, "invoice").to_dict()["invoice"]
    assert (invoice["total"], invoice["total_discount_amounts"][0]["amount"]) == (20000, 5000)
