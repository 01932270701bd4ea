"""Which payments an invoice waits for, or was settled by."""

from typing import TYPE_CHECKING, Any

from ..errors import invalid
from ..identifiers import new_id
from ..jsontypes import Json
from ..listing import having, listing
from .common import fetch, refuse_others

if TYPE_CHECKING:
    from ..api import Call
    from ..simulator import Simulator

PAGING = {"created", "limit", "starting_after", "ending_before"}


def record_payment(sim: "Simulator", invoice: Json, intent: Json) -> Json:
    """The link between an invoice and a payment intent; one for each pair."""
    for row in sim.store.newest_first("invoice_payment"):
        if row["invoice"] == invoice["id"] and row["payment"]["payment_intent"] == intent["id"]:
            return row
    return sim.store.add(
        {
            "id": new_id("invoice_payment"),
            "object": "invoice_payment",
            "amount_paid": None,
            "amount_requested": invoice["amount_due"],
            "created": sim.now(),
            "currency": invoice["currency"],
            "invoice": invoice["id"],
            "is_default": True,
            "livemode": False,
            "payment": {"payment_intent": intent["id"], "type": "payment_intent"},
            "status": "open",
            "status_transitions": {"canceled_at": None, "paid_at": None},
        }
    )


def intent_of(sim: "Simulator", invoice: Json) -> Json | None:
    """The payment intent that the invoice waits for or was paid by."""
    rows = (row for row in sim.store.newest_first("invoice_payment") if row["invoice"] == invoice["id"])
    payment = next((row for row in rows if row["status"] != "canceled"), None)
    return sim.store.get("payment_intent", payment["payment"]["payment_intent"]) if payment else None


def paid_payment_of(sim: "Simulator", invoice: Json) -> Json | None:
    """The payment that settled the invoice, if one did."""
    rows = (row for row in sim.store.newest_first("invoice_payment") if row["invoice"] == invoice["id"])
    return next((row for row in rows if row["status"] == "paid"), None)


def cancel_payments(sim: "Simulator", invoice: Json) -> None:
    """Nobody will pay the invoice by card any more."""
    for payment in list(sim.store.oldest_first("invoice_payment")):
        if payment["invoice"] == invoice["id"] and payment["status"] == "open":
            transitions = {"canceled_at": sim.now(), "paid_at": None}
            sim.store.change(payment, status="canceled", status_transitions=transitions)
            intent = fetch(sim, "payment_intent", payment["payment"]["payment_intent"], "payment_intent")
            values = {"canceled_at": sim.now(), "cancellation_reason": "void_invoice", "next_action": None}
            sim.update(intent, "payment_intent.canceled", status="canceled", **values)


def retrieve_payment(sim: "Simulator", call: "Call") -> Json:
    return fetch(sim, "invoice_payment", call.id, "invoice_payment")


def list_payments(sim: "Simulator", call: "Call") -> Json:
    refuse_others(call.params, PAGING | {"invoice", "payment", "status"})
    rows: Any = having(sim.store.newest_first("invoice_payment"), call.params, "invoice", "status")
    payment = call.params.get("payment")
    if payment:
        if payment["type"] != "payment_intent" or "payment_intent" not in payment:
            raise invalid(
                "You must provide `payment[payment_intent]` with that type.", "payment[payment_intent]", "parameter_missing"
            )
        rows = (row for row in rows if row["payment"]["payment_intent"] == payment["payment_intent"])
    return listing("/v1/invoice_payments", call.params, rows)
