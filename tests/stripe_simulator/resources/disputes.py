"""Disputes and inquiries: a reader's bank takes the money back, or only asks about it first."""

from typing import TYPE_CHECKING, Literal, get_args

from ..errors import invalid
from ..identifiers import new_id
from ..jsontypes import Json
from ..listing import having, listing
from .common import dollars, fetch, merged_metadata, nullable, refuse_others
from .fraud_warnings import no_longer_actionable

if TYPE_CHECKING:
    from ..api import Call
    from ..simulator import Simulator

Outcome = Literal["won", "lost", "warning_closed", "escalated"]
OUTCOMES: tuple[str, ...] = get_args(Outcome)
ANSWER_WITHIN = 10 * 86400
FEE = 1500
TEXTS = (
    "access_activity_log",
    "billing_address",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_tracking_number",
    "uncategorized_text",
)
FILES = (
    "cancellation_policy",
    "customer_communication",
    "customer_signature",
    "duplicate_charge_documentation",
    "receipt",
    "refund_policy",
    "service_documentation",
    "shipping_documentation",
    "uncategorized_file",
)
UNANSWERED = {"needs_response": "under_review", "warning_needs_response": "warning_under_review"}
# As in Stripe's test mode: this evidence decides the dispute at once.
DECISIVE: dict[str, Outcome] = {"winning_evidence": "won", "losing_evidence": "lost"}


def open_dispute(sim: "Simulator", charge: Json, *, inquiry: bool, amount: int | None, reason: str) -> Json:
    """The bank disputes the charge, and takes the money back unless it is an inquiry; one dispute for each charge."""
    if charge["status"] != "succeeded" or charge["disputed"] or charge["payment_method_details"]["type"] != "card":
        raise ValueError(f"{charge['id']} cannot be disputed")
    disputed = charge["amount"] if amount is None else amount
    if not 0 < disputed <= charge["amount"]:
        raise ValueError(f"{disputed} is not within the charge's {charge['amount']}")
    dispute = sim.store.add(
        {
            "id": new_id("dispute"),
            "object": "dispute",
            "amount": disputed,
            "balance_transactions": [],
            "charge": charge["id"],
            "created": sim.now(),
            "currency": charge["currency"],
            "enhanced_eligibility_types": [],
            "evidence": dict.fromkeys((*TEXTS, *FILES)) | {"enhanced_evidence": {}},
            "evidence_details": {
                "due_by": sim.now() + ANSWER_WITHIN,
                "enhanced_eligibility": {},
                "has_evidence": False,
                "past_due": False,
                "submission_count": 0,
                "submission_method": "not_submitted",
            },
            "is_charge_refundable": inquiry,
            "livemode": False,
            "metadata": {},
            "network_reason_code": "10.4",
            "payment_intent": charge["payment_intent"],
            "payment_method_details": _card_of(charge, inquiry=inquiry),
            "reason": reason,
            "status": "warning_needs_response" if inquiry else "needs_response",
        }
    )
    previous = sim.store.change(charge, disputed=True)
    if inquiry:
        sim.emit("charge.dispute.created", dispute)
    else:
        _book(sim, dispute, -1)
        sim.emit("charge.dispute.created", dispute)
        sim.emit("charge.dispute.funds_withdrawn", dispute)
        sim.timers.set("lose_dispute", dispute["id"], dispute["evidence_details"]["due_by"])
    sim.emit("charge.updated", charge, previous)
    no_longer_actionable(sim, charge)
    return dispute


def _card_of(charge: Json, *, inquiry: bool) -> Json:
    brand = charge["payment_method_details"]["card"]["brand"]
    case = "inquiry" if inquiry else "chargeback"
    return {"card": {"brand": brand, "case_type": case, "network": brand, "network_reason_code": "10.4"}, "type": "card"}


def _book(sim: "Simulator", dispute: Json, sign: Literal[-1, 1]) -> None:
    """The money leaves (-1) with a fee, or comes back (1); the fee does not."""
    withdrawn = sign == -1
    amount, fee = sign * dispute["amount"], FEE if withdrawn else 0
    fees = [
        {"amount": FEE, "application": None, "currency": dispute["currency"], "description": "Dispute fee", "type": "stripe_fee"}
    ]
    entry = {
        "id": new_id("balance_transaction"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": sim.now(),
        "balance_type": "payments",
        "created": sim.now(),
        "currency": dispute["currency"],
        "description": f"Chargeback {'withdrawal' if withdrawn else 'reversal'} for {dispute['charge']}",
        "exchange_rate": None,
        "fee": fee,
        "fee_details": fees if withdrawn else [],
        "net": amount - fee,
        "reporting_category": "dispute" if withdrawn else "dispute_reversal",
        "source": dispute["id"],
        "status": "available",
        "type": "adjustment",
    }
    sim.store.change(dispute, balance_transactions=[*dispute["balance_transactions"], entry])


def settle(sim: "Simulator", dispute: Json, outcome: str) -> None:
    """The bank decides: `won` and `lost` end a dispute, `warning_closed` an inquiry, which `escalated` makes a dispute."""
    if outcome not in OUTCOMES:
        raise ValueError(f"unknown outcome: {outcome}")
    inquiry = dispute["status"].startswith("warning_")
    if not _is_open(dispute) or inquiry != (outcome in ("warning_closed", "escalated")):
        raise ValueError(f"a dispute that is {dispute['status']} cannot be {outcome}")
    if outcome == "escalated":
        _escalate(sim, dispute)
        return
    sim.timers.cancel("lose_dispute", dispute["id"])
    refundable = outcome != "lost"
    if outcome == "won":
        _book(sim, dispute, 1)
    sim.update(dispute, "charge.dispute.closed", status=outcome, is_charge_refundable=refundable)
    if outcome == "won":
        sim.emit("charge.dispute.funds_reinstated", dispute)


def _is_open(dispute: Json) -> bool:
    return dispute["status"] in {*UNANSWERED, *UNANSWERED.values()}


def _escalate(sim: "Simulator", dispute: Json) -> None:
    """The inquiry becomes a dispute: the money leaves now, and there are ten days to answer again."""
    charge = fetch(sim, "charge", dispute["charge"], "charge")
    if charge["refunded"]:
        raise ValueError(f"{dispute['id']} cannot be escalated: the charge is refunded")
    _book(sim, dispute, -1)
    due_by = sim.now() + ANSWER_WITHIN
    sim.update(
        dispute,
        "charge.dispute.updated",
        evidence_details={**dispute["evidence_details"], "due_by": due_by},
        is_charge_refundable=False,
        payment_method_details=_card_of(charge, inquiry=False),
        status="needs_response",
    )
    sim.emit("charge.dispute.funds_withdrawn", dispute)
    sim.timers.set("lose_dispute", dispute["id"], due_by)


def lose_when_due(sim: "Simulator", dispute_id: str) -> None:
    """Nobody answered in time."""
    dispute = sim.store.get("dispute", dispute_id)
    if dispute and dispute["status"] == "needs_response":
        settle(sim, dispute, "lost")


def refuse_refund_of_disputed(sim: "Simulator", charge: Json) -> None:
    """The bank has the money already, or keeps it for good."""
    for dispute in sim.store.newest_first("dispute"):
        if dispute["charge"] == charge["id"] and not dispute["is_charge_refundable"]:
            raise invalid(f"Charge {charge['id']} has been charged back; cannot issue a refund.", None, "charge_disputed")


def retrieve(sim: "Simulator", call: "Call") -> Json:
    return fetch(sim, "dispute", call.id, "dispute")


def list_disputes(sim: "Simulator", call: "Call") -> Json:
    rows = having(sim.store.newest_first("dispute"), call.params, "charge", "payment_intent")
    return listing("/v1/disputes", call.params, rows)


def update(sim: "Simulator", call: "Call") -> Json:
    """Evidence is kept, and handed in with it unless `submit` is false."""
    params = call.params
    refuse_others(params, {"evidence", "metadata", "submit"})
    refuse_others(params.get("evidence", {}), set(TEXTS), "evidence")
    dispute = fetch(sim, "dispute", call.id, "dispute")
    values: Json = {}
    if "metadata" in params:
        values["metadata"] = merged_metadata(dispute["metadata"], params["metadata"])
    if "evidence" in params or params.get("submit"):
        if not _is_open(dispute):
            raise invalid(f"This dispute is already closed ({dispute['status']}).")
        values |= _evidence(sim, dispute, params)
    sim.update(dispute, "charge.dispute.updated", **values)
    verdict = DECISIVE.get(dispute["evidence"]["uncategorized_text"] or "")
    if verdict and dispute["status"] == "under_review":
        settle(sim, dispute, verdict)
    return dispute


def _evidence(sim: "Simulator", dispute: Json, params: Json) -> Json:
    given = {name: nullable(value) for name, value in params.get("evidence", {}).items()}
    evidence, details = {**dispute["evidence"], **given}, dispute["evidence_details"]
    values: Json = {
        "evidence": evidence,
        "evidence_details": {**details, "has_evidence": any(evidence[name] for name in (*TEXTS, *FILES))},
    }
    if params.get("submit", True):
        values["status"] = UNANSWERED.get(dispute["status"], dispute["status"])
        values["evidence_details"] |= {
            "past_due": sim.now() > details["due_by"],
            "submission_count": details["submission_count"] + 1,
            "submission_method": "manual",
        }
    return values


def close(sim: "Simulator", call: "Call") -> Json:
    """The shop gives in: the dispute is lost."""
    dispute = fetch(sim, "dispute", call.id, "dispute")
    if dispute["status"] not in ("needs_response", "under_review"):
        amount = dollars(dispute["amount"], dispute["currency"])
        raise invalid(f"This dispute over {amount} cannot be closed: it is {dispute['status']}.")
    settle(sim, dispute, "lost")
    return dispute
