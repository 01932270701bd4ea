"""Refunds: never more than was captured; at once, pending or waiting for the reader, and sometimes failing days later."""

from typing import TYPE_CHECKING, Any

from ..cards import CARDS
from ..errors import invalid
from ..identifiers import new_id
from ..jsontypes import Json
from ..listing import having, listing
from ..store import ABSENT
from .common import dollars, fetch, merged_metadata, refuse_others
from .disputes import refuse_refund_of_disputed
from .fraud_warnings import no_longer_actionable

if TYPE_CHECKING:
    from ..api import Call
    from ..simulator import Simulator

SETTLES_AFTER = 3 * 86400
ASKED_FOR = 45 * 86400
OVER = ("failed", "canceled")
WAITS_NO_MORE: Json = {"next_action": ABSENT, "pending_reason": ABSENT}


def create(sim: "Simulator", call: "Call") -> Json:
    params = call.params
    refuse_others(params, {"amount", "charge", "metadata", "payment_intent", "reason"})
    charge = _charge_of(sim, params)
    return give_back(sim, charge, amount=params.get("amount"), metadata=params.get("metadata"), reason=params.get("reason"))


def give_back(sim: "Simulator", charge: Json, *, amount: int | None, metadata: Any = None, reason: str | None = None) -> Json:
    """Refund that much of a charge, or all that is left of it."""
    refuse_refund_of_disputed(sim, charge)
    amount = _amount_of(charge, amount)
    refund = sim.store.add(
        {
            "id": new_id("refund"),
            "object": "refund",
            "amount": amount,
            "balance_transaction": None,
            "charge": charge["id"],
            "created": sim.now(),
            "currency": charge["currency"],
            "customer": charge["customer"],
            "customer_account": None,
            "destination_details": {
                "card": {"reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund"},
                "type": "card",
            },
            "metadata": merged_metadata(None, metadata),
            "payment_intent": charge["payment_intent"],
            "payment_method": charge["payment_method"],
            "reason": reason,
            "receipt_number": None,
            "source_transfer_reversal": None,
            "status": "pending",
            "transfer_reversal": None,
        }
    )
    returned = charge["amount_refunded"] + amount
    sim.store.change(charge, amount_refunded=returned, refunded=returned == charge["amount_captured"])
    if charge["refunded"]:
        no_longer_actionable(sim, charge)
    fate = _fate(sim, charge)
    if fate == "failed":
        sim.emit("charge.refunded", charge)
        sim.emit("refund.created", refund)
        fail(sim, refund, sim.switch("next_refund_failure_reason"))
        sim.set_switches(next_refund_failure_reason=None)
        return refund
    if fate in ("succeeded", "fails_later"):
        sim.store.change(refund, status="succeeded")
    elif fate == "requires_action":
        sim.store.change(refund, status="requires_action", next_action=_ask_reader(sim, charge))
    else:
        sim.store.change(refund, status="pending", pending_reason="processing")
    if fate in ("pending", "fails_later"):
        sim.timers.set("settle_refund", refund["id"], sim.now() + SETTLES_AFTER)
    sim.emit("charge.refunded", charge)
    sim.emit("refund.created", refund)
    return refund


def _charge_of(sim: "Simulator", params: Json) -> Json:
    if ("charge" in params) == ("payment_intent" in params):
        raise invalid("One of the following params should be provided for this request: payment_intent or charge.")
    if "charge" in params:
        return fetch(sim, "charge", params["charge"], "charge", "charge")
    intent = fetch(sim, "payment_intent", params["payment_intent"], "payment_intent", "payment_intent")
    if intent["status"] != "succeeded":
        raise invalid(f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.", "payment_intent")
    return fetch(sim, "charge", intent["latest_charge"], "charge")


def _amount_of(charge: Json, wanted: int | None) -> int:
    if charge["status"] != "succeeded":
        raise invalid(f"Charge {charge['id']} was not captured, and cannot be refunded.", "charge")
    left: int = charge["amount_captured"] - charge["amount_refunded"]
    if left == 0:
        raise invalid(f"Charge {charge['id']} has already been refunded.", None, "charge_already_refunded")
    amount = left if wanted is None else wanted
    if amount < 1:
        raise invalid("Invalid positive integer", "amount", "parameter_invalid_integer")
    if amount > left:
        asked, rest = dollars(amount, charge["currency"]), dollars(left, charge["currency"])
        whole = left == charge["amount_captured"]
        limit = f"charge amount ({rest})" if whole else f"unrefunded amount on charge ({rest})"
        raise invalid(f"Refund amount ({asked}) is greater than {limit}", "amount", "amount_too_large")
    return amount


def _ask_reader(sim: "Simulator", charge: Json) -> Json:
    """Stripe wrote to the reader, who has to say where the money should go."""
    sent = {"email_sent_at": sim.now(), "email_sent_to": charge["billing_details"]["email"] or "reader@example.com"}
    details = {"email_sent": sent, "expires_at": sim.now() + ASKED_FOR}
    return {"display_details": details, "type": "display_details"}


def _fate(sim: "Simulator", charge: Json) -> str:
    """What the controls ordered for the next refund, else what this card does."""
    ordered = sim.switch("next_refund_status")
    if ordered:
        sim.set_switches(next_refund_status=None)
        return str(ordered)
    return CARDS[charge["_number"]].refund


def succeed(sim: "Simulator", refund: Json) -> None:
    sim.timers.cancel("settle_refund", refund["id"])
    if refund["status"] not in OVER and sim.store.change(refund, status="succeeded", **WAITS_NO_MORE):
        sim.emit("refund.updated", refund)
        sim.emit("charge.refund.updated", refund)


def fail(sim: "Simulator", refund: Json, reason: str | None = None) -> None:
    """The money did not arrive and is back with the merchant; also days after a `succeeded`."""
    if refund["status"] in OVER:
        return
    _take_back(sim, refund)
    sim.store.change(refund, status="failed", failure_reason=reason or "expired_or_canceled_card", **WAITS_NO_MORE)
    sim.emit("refund.failed", refund)
    sim.emit("refund.updated", refund)
    sim.emit("charge.refund.updated", refund)


def _take_back(sim: "Simulator", refund: Json) -> None:
    """The charge counts as refunded by that much less."""
    sim.timers.cancel("settle_refund", refund["id"])
    charge = fetch(sim, "charge", refund["charge"], "charge")
    sim.store.change(charge, amount_refunded=charge["amount_refunded"] - refund["amount"], refunded=False)


def call_off(sim: "Simulator", refund: Json) -> None:
    """Canceled before the reader said where the money should go; it stays with the shop."""
    if refund["status"] in OVER:
        return
    _take_back(sim, refund)
    sim.store.change(refund, status="canceled", **WAITS_NO_MORE)
    sim.emit("refund.updated", refund)
    sim.emit("charge.refund.updated", refund)


def cancel(sim: "Simulator", call: "Call") -> Json:
    refund = fetch(sim, "refund", call.id, "refund")
    if refund["status"] != "requires_action":
        raise invalid(f"You cannot cancel this refund because it has a status of {refund['status']}.")
    call_off(sim, refund)
    return refund


def settle_when_due(sim: "Simulator", refund_id: str) -> None:
    refund = sim.store.get("refund", refund_id)
    if refund and refund["status"] == "pending":
        succeed(sim, refund)
    elif refund:
        fail(sim, refund)


def retrieve(sim: "Simulator", call: "Call") -> Json:
    return fetch(sim, "refund", call.id, "refund")


def update(sim: "Simulator", call: "Call") -> Json:
    refuse_others(call.params, {"metadata"})
    refund = fetch(sim, "refund", call.id, "refund")
    metadata = merged_metadata(refund["metadata"], call.params.get("metadata"))
    return sim.update(refund, "refund.updated", metadata=metadata)


def list_refunds(sim: "Simulator", call: "Call") -> Json:
    rows = having(sim.store.newest_first("refund"), call.params, "charge", "payment_intent")
    return listing("/v1/refunds", call.params, rows)
