"""Money taken and given back: payments, refunds, credit notes, disputes, warnings of fraud."""

from typing import Any

from subscriptions.stripe_gateway.client import client, stripe_errors
from subscriptions.stripe_objects import CapturedPayment, DisputeState, FraudWarning, RefundState
from subscriptions.stripe_shapes import read_dispute, read_fraud_warning, read_payment, read_refund


def fetch_payment(payment_intent_id: str) -> CapturedPayment | None:
    """The money that this payment intent took; None if it took none."""
    with stripe_errors():
        intent = client().v1.payment_intents.retrieve(payment_intent_id, {"expand": ["latest_charge", "customer"]})
    return read_payment(intent.to_dict())


def create_refund(*, key: str, reference: str, payment_intent_id: str, amount_minor: int) -> RefundState:
    """Give money back; the same `key` gives the same refund. `reference` is our row's public id."""
    with stripe_errors():
        refund = client().v1.refunds.create(
            {"payment_intent": payment_intent_id, "amount": amount_minor, "metadata": {"refund": reference}},
            {"idempotency_key": key},
        )
    return read_refund(refund.to_dict())


def find_refund(*, reference: str, payment_intent_id: str) -> RefundState | None:
    """The refund that an unanswered call may have made for this row."""
    with stripe_errors():
        for refund in client().v1.refunds.list({"payment_intent": payment_intent_id, "limit": 100}).auto_paging_iter():
            found = read_refund(refund.to_dict())
            if found.reference == reference:
                return found
    return None


def fetch_refund(refund_id: str) -> RefundState:
    """The refund as it is now."""
    with stripe_errors():
        refund = client().v1.refunds.retrieve(refund_id)
    return read_refund(refund.to_dict())


def list_refund_ids(*, charge_id: str = "", payment_intent_id: str = "") -> list[str]:
    """The ids of all refunds of one charge or one payment, those that failed included, the latest first."""
    params: Any = {"charge": charge_id} if charge_id else {"payment_intent": payment_intent_id}
    with stripe_errors():
        return [refund.id for refund in client().v1.refunds.list({**params, "limit": 100}).auto_paging_iter()]


def find_credit_note(*, invoice_id: str, refund_id: str) -> str:
    """The id of the credit note that documents this refund already; '' when there is none."""
    with stripe_errors():
        for note in client().v1.credit_notes.list({"invoice": invoice_id, "limit": 100}).auto_paging_iter():
            if any(linked["refund"] == refund_id for linked in note.to_dict().get("refunds") or ()):
                return note.id
    return ""


def create_credit_note(*, key: str, invoice_id: str, refund_id: str, amount_minor: int, reference: str) -> str:
    """Document a refund of an invoiced payment; returns the credit note's id. The same `key` gives the same credit note."""
    with stripe_errors():
        note = client().v1.credit_notes.create(
            {
                "invoice": invoice_id,
                "amount": amount_minor,
                "refunds": [{"refund": refund_id, "amount_refunded": amount_minor}],
                "metadata": {"refund": reference},
            },
            {"idempotency_key": key},
        )
    return note.id


def fetch_dispute(dispute_id: str) -> DisputeState:
    """The dispute as it is now."""
    with stripe_errors():
        dispute = client().v1.disputes.retrieve(dispute_id)
    return read_dispute(dispute.to_dict())


def fetch_fraud_warning(warning_id: str) -> FraudWarning:
    """The card issuer's warning as it is now."""
    with stripe_errors():
        warning = client().v1.radar.early_fraud_warnings.retrieve(warning_id, {"expand": ["charge"]})
    return read_fraud_warning(warning.to_dict())
