"""What the API lets one do to an invoice: pay it, void it, give it up."""

from typing import TYPE_CHECKING

from .. import collection
from ..errors import Declined, invalid
from ..jsontypes import Json
from .common import fetch, refuse_others

if TYPE_CHECKING:
    from ..api import Call
    from ..simulator import Simulator


def pay(sim: "Simulator", call: "Call") -> Json:
    """With the given card or the usual one; without the reader, unless `off_session` is false."""
    params = call.params
    refuse_others(params, {"off_session", "paid_out_of_band", "payment_method"})
    invoice = fetch(sim, "invoice", call.id, "invoice")
    if invoice["status"] == "paid":
        raise invalid("Invoice is already paid")
    if invoice["status"] == "void":
        raise invalid("This invoice can no longer be paid: it is void.")
    collection.finalize_draft(sim, invoice)
    if params.get("paid_out_of_band"):
        collection.settle_elsewhere(sim, invoice)
        return invoice
    method = collection.usual_method(sim, invoice)
    if "payment_method" in params:
        method = fetch(sim, "payment_method", params["payment_method"], "PaymentMethod", "payment_method")
    if not method:
        raise invalid("There is no default payment method for this customer, and none was given.", "payment_method")
    refusal = collection.attempt(sim, invoice, method, reader_present=not params.get("off_session", True))
    if refusal and refusal.asks_reader:
        message = "This payment requires additional user action before it can be completed successfully."
        raise Declined(message, code="invoice_payment_intent_requires_action")
    if refusal:
        raise Declined(refusal.card.message, code=refusal.card.code, decline_code=refusal.card.decline_code)
    return invoice


def void(sim: "Simulator", call: "Call") -> Json:
    invoice = _closable(sim, call)
    collection.void(sim, invoice)
    return invoice


def mark_uncollectible(sim: "Simulator", call: "Call") -> Json:
    invoice = _closable(sim, call)
    if invoice["status"] == "open":
        collection.mark_uncollectible(sim, invoice)
    return invoice


def _closable(sim: "Simulator", call: "Call") -> Json:
    invoice = fetch(sim, "invoice", call.id, "invoice")
    if invoice["status"] not in collection.COLLECTABLE:
        raise invalid(f"You can only pass in open invoices. This invoice is {invoice['status']}.")
    return invoice
