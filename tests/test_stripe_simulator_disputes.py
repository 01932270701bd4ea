"""Disputes, inquiries and warnings of fraud in the simulator: what they do to the money, the charge and the events."""

from typing import Any

import pytest
import stripe

from tests.fixtures_stripe import StripeAccount
from tests.simulator_steps import refusal
from tests.stripe_simulator.control import ControlError
from tests.test_stripe_simulator_money import charge_of, refund

DAY = 86400


def found(account: StripeAccount, dispute: str) -> dict[str, Any]:
    return account.client.v1.disputes.retrieve(dispute).to_dict()


def paid_by(account: StripeAccount, card: str) -> stripe.checkout.Session:
    session = account.checkout(customer_email="reader@example.com")
    assert account.control.pay(session.id, card=card)["outcome"] == "paid"
    return account.retrieve_checkout(session.id)


def test_a_dispute_withdraws_the_money_and_forbids_a_refund(stripe_account: StripeAccount) -> None:
    session = stripe_account.paid_seat()
    dispute = found(stripe_account, stripe_account.control.open_dispute(str(session.payment_intent)))
    charge = charge_of(stripe_account, session)
    assert (dispute["status"], dispute["amount"], dispute["reason"]) == ("needs_response", 25000, "fraudulent")
    assert (dispute["charge"], dispute["payment_intent"]) == (charge.id, session.payment_intent)
    assert [(row["amount"], row["fee"], row["net"]) for row in dispute["balance_transactions"]] == [(-25000, 1500, -26500)]
    assert dispute["evidence_details"]["due_by"] - dispute["created"] == 10 * DAY
    assert (charge.disputed, dispute["is_charge_refundable"]) == (True, False)
    assert refusal(lambda: refund(stripe_account, session)).code == "charge_disputed"
    expected = ["charge.dispute.created", "charge.dispute.funds_withdrawn", "charge.updated"]
    assert stripe_account.event_types()[-3:] == expected


def test_an_inquiry_withdraws_nothing_and_leaves_the_refund_open(stripe_account: StripeAccount) -> None:
    session = stripe_account.paid_seat()
    dispute = stripe_account.control.open_dispute(charge_of(stripe_account, session).id, inquiry=True, amount=9000)
    seen = found(stripe_account, dispute)
    assert (seen["status"], seen["amount"], seen["balance_transactions"]) == ("warning_needs_response", 9000, [])
    assert seen["is_charge_refundable"]
    assert "charge.dispute.funds_withdrawn" not in stripe_account.event_types()
    assert refund(stripe_account, session).status == "succeeded"
    with pytest.raises(ControlError, match="the charge is refunded"):
        stripe_account.control.settle_dispute(dispute, "escalated")
    stripe_account.control.settle_dispute(dispute, "warning_closed")
    assert found(stripe_account, dispute)["status"] == "warning_closed"
    assert stripe_account.event_types()[-1] == "charge.dispute.closed"


def test_an_inquiry_can_become_a_dispute(stripe_account: StripeAccount) -> None:
    session = stripe_account.paid_seat()
    dispute = stripe_account.control.open_dispute(str(session.payment_intent), inquiry=True)
    stripe_account.control.settle_dispute(dispute, "escalated")
    seen = found(stripe_account, dispute)
    assert (seen["status"], seen["is_charge_refundable"], len(seen["balance_transactions"])) == ("needs_response", False, 1)
    assert refusal(lambda: refund(stripe_account, session)).code == "charge_disputed"
    assert stripe_account.event_types()[-2:] == ["charge.dispute.updated", "charge.dispute.funds_withdrawn"]


def test_only_what_was_paid_is_disputed_and_only_once(stripe_account: StripeAccount) -> None:
    session = stripe_account.paid_seat()
    intent = str(session.payment_intent)
    for amount in (0, 25001):
        with pytest.raises(ControlError, match="is not within the charge"):
            stripe_account.control.open_dispute(intent, amount=amount)
    stripe_account.control.open_dispute(intent)
    with pytest.raises(ControlError, match="cannot be disputed"):
        stripe_account.control.open_dispute(intent)
    unpaid = stripe_account.checkout()
    stripe_account.control.pay(unpaid.id, card="4000000000000002", email="reader@example.com")
    with pytest.raises(ControlError, match="cannot be disputed"):
        stripe_account.control.open_dispute(str(stripe_account.retrieve_checkout(unpaid.id).payment_intent))


def test_a_dispute_won_brings_the_money_back(stripe_account: StripeAccount) -> None:
    session = stripe_account.paid_seat()
    dispute = stripe_account.control.open_dispute(str(session.payment_intent))
    stripe_account.control.settle_dispute(dispute, "won")
    seen = found(stripe_account, dispute)
    assert (seen["status"], sum(row["amount"] for row in seen["balance_transactions"])) == ("won", 0)
    assert stripe_account.event_types()[-2:] == ["charge.dispute.closed", "charge.dispute.funds_reinstated"]
    assert refund(stripe_account, session).status == "succeeded"


def test_a_dispute_lost_stays_lost(stripe_account: StripeAccount) -> None:
    session = stripe_account.paid_seat()
    dispute = stripe_account.control.open_dispute(str(session.payment_intent))
    stripe_account.control.settle_dispute(dispute, "lost")
    assert found(stripe_account, dispute)["status"] == "lost"
    assert stripe_account.event_types()[-1] == "charge.dispute.closed"
    assert refusal(lambda: refund(stripe_account, session)).code == "charge_disputed"
    for outcome in ("won", "escalated"):
        with pytest.raises(ControlError, match="cannot be"):
            stripe_account.control.settle_dispute(dispute, outcome)
    assert "closed" in str(refusal(lambda: stripe_account.client.v1.disputes.update(dispute, {"submit": True})))


def test_evidence_is_kept_first_and_handed_in_then(stripe_account: StripeAccount) -> None:
    disputes = stripe_account.client.v1.disputes
    dispute = stripe_account.control.open_dispute(str(stripe_account.paid_seat().payment_intent))
    disputes.update(dispute, {"evidence": {"customer_name": "Avery Reader"}, "submit": False, "metadata": {"order": "7"}})
    kept = found(stripe_account, dispute)
    assert (kept["status"], kept["metadata"], kept["evidence"]["customer_name"]) == (
        "needs_response",
        {"order": "7"},
        "Avery Reader",
    )
    assert (kept["evidence_details"]["has_evidence"], kept["evidence_details"]["submission_count"]) == (True, 0)
    disputes.update(dispute, {"evidence": {"service_date": "2030-01-01"}})
    handed_in = found(stripe_account, dispute)
    assert (handed_in["status"], handed_in["evidence_details"]["submission_count"]) == ("under_review", 1)
    assert handed_in["evidence"]["customer_name"] == "Avery Reader"
    assert stripe_account.event_types(type="charge.dispute.updated") == ["charge.dispute.updated"] * 2
    assert refusal(lambda: disputes.update(dispute, {"evidence": {"receipt": "file_1"}})).code == "simulator_unsupported"


@pytest.mark.parametrize(("text", "status"), [("winning_evidence", "won"), ("losing_evidence", "lost")])
def test_some_evidence_decides_at_once(stripe_account: StripeAccount, text: str, status: str) -> None:
    dispute = stripe_account.control.open_dispute(str(stripe_account.paid_seat().payment_intent))
    changed = stripe_account.client.v1.disputes.update(dispute, {"evidence": {"uncategorized_text": text}})
    assert changed.status == status


def test_a_dispute_is_lost_when_given_up_or_left_unanswered(stripe_account: StripeAccount) -> None:
    control, disputes = stripe_account.control, stripe_account.client.v1.disputes
    given_up, unanswered, answered = (control.open_dispute(str(stripe_account.paid_seat().payment_intent)) for _ in range(3))
    assert disputes.close(given_up).status == "lost"
    assert "cannot be closed" in str(refusal(lambda: disputes.close(given_up)))
    disputes.update(answered, {"evidence": {"customer_name": "Avery Reader"}})
    control.advance(10 * DAY + 60)
    assert [found(stripe_account, dispute)["status"] for dispute in (unanswered, answered)] == ["lost", "under_review"]


def test_disputes_are_listed_by_charge_intent_and_time(stripe_account: StripeAccount) -> None:
    disputes = stripe_account.client.v1.disputes
    sessions = [stripe_account.paid_seat() for _ in range(2)]
    first, second = (stripe_account.control.open_dispute(str(session.payment_intent)) for session in sessions)
    assert [row.id for row in disputes.list().data] == [second, first]
    assert [row.id for row in disputes.list({"payment_intent": str(sessions[0].payment_intent)}).data] == [first]
    assert [row.id for row in disputes.list({"charge": charge_of(stripe_account, sessions[1]).id}).data] == [second]
    assert disputes.list({"created": {"gt": stripe_account.control.now() + 60}}).data == []
    (expanded,) = disputes.list({"limit": 1, "expand": ["data.charge", "data.payment_intent.latest_charge"]}).data
    assert expanded.charge.id == expanded.payment_intent.latest_charge.id


@pytest.mark.parametrize(
    ("card", "status"), [("4000000000000259", "needs_response"), ("4000000000001976", "warning_needs_response")]
)
def test_a_card_is_disputed_right_after_it_paid(stripe_account: StripeAccount, card: str, status: str) -> None:
    session = paid_by(stripe_account, card)
    (dispute,) = stripe_account.client.v1.disputes.list({"payment_intent": str(session.payment_intent)}).data
    assert (dispute.status, dispute.reason) == (status, "fraudulent")
    types = stripe_account.event_types()
    assert types.index("checkout.session.completed") < types.index("charge.dispute.created")


def test_a_warning_of_fraud_comes_with_its_card_and_ends_with_the_refund(stripe_account: StripeAccount) -> None:
    session = paid_by(stripe_account, "4000000000005423")
    warnings = stripe_account.client.v1.radar.early_fraud_warnings
    (warning,) = warnings.list({"payment_intent": str(session.payment_intent)}).data
    assert (warning.actionable, warning.charge) == (True, charge_of(stripe_account, session).id)
    assert stripe_account.event_types()[-1] == "radar.early_fraud_warning.created"
    refund(stripe_account, session)
    assert warnings.retrieve(warning.id).actionable is False


def test_a_warning_of_fraud_can_be_ordered(stripe_account: StripeAccount) -> None:
    session = stripe_account.paid_seat()
    warning = stripe_account.control.warn_of_fraud(str(session.payment_intent))
    assert stripe_account.client.v1.radar.early_fraud_warnings.retrieve(warning).fraud_type == "made_with_stolen_card"
    stripe_account.control.open_dispute(str(session.payment_intent))
    assert stripe_account.client.v1.radar.early_fraud_warnings.retrieve(warning).actionable is False
