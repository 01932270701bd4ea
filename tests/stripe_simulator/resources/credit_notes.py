"""Credit notes for paid invoices: the document that says which part of an invoice was given back, and how."""

from typing import TYPE_CHECKING

from ..errors import invalid, not_simulated
from ..identifiers import new_id
from ..jsontypes import Json, list_object
from ..listing import having, listing
from . import invoice_payments, refunds
from .common import dollars, fetch, merged_metadata, refuse_others

if TYPE_CHECKING:
    from ..api import Call
    from ..simulator import Simulator

PAGING = {"created", "limit", "starting_after", "ending_before"}
SIMULATED = {
    "amount",
    "email_type",
    "invoice",
    "lines",
    "memo",
    "metadata",
    "out_of_band_amount",
    "reason",
    "refund_amount",
    "refunds",
}


def create(sim: "Simulator", call: "Call") -> Json:
    """For a paid invoice: what was refunded, is refunded now and was given back elsewhere must make up the amount."""
    params = call.params
    refuse_others(params, SIMULATED)
    invoice = fetch(sim, "invoice", params["invoice"], "invoice", "invoice")
    _check_status(invoice)
    if "lines" in params and invoice["total_taxes"]:
        raise not_simulated("lines")
    note_id = new_id("credit_note")
    lines = [_line(invoice, line, index) for index, line in enumerate(params.get("lines", []))]
    amount = _amount_of(invoice, params, lines)
    linked = _linked_refunds(sim, invoice, params.get("refunds", []))
    refund_amount, elsewhere = params.get("refund_amount", 0), params.get("out_of_band_amount", 0)
    made_up = sum(row["amount_refunded"] for row in linked) + refund_amount + elsewhere
    if made_up != amount:
        given, due = (dollars(value, invoice["currency"]) for value in (made_up, amount))
        raise invalid(
            f"The sum of credit amount, refund amount and out of band amount ({given}) must equal the credit note's post payment "
            f"amount ({due})."
        )
    if refund_amount:
        refund = refunds.give_back(sim, _charge_of(sim, invoice), amount=refund_amount)
        linked.append(_link(refund, refund_amount))
    before = invoice["post_payment_credit_notes_amount"]
    count = sum(1 for row in sim.store.oldest_first("credit_note") if row["invoice"] == invoice["id"])
    note = sim.store.add(
        {
            "id": note_id,
            "object": "credit_note",
            "amount": amount,
            "amount_shipping": 0,
            "created": sim.now(),
            "currency": invoice["currency"],
            "customer": invoice["customer"],
            "customer_account": None,
            "customer_balance_transaction": None,
            "discount_amount": 0,
            "discount_amounts": [],
            "effective_at": sim.now(),
            "invoice": invoice["id"],
            "lines": list_object(f"/v1/credit_notes/{note_id}/lines", lines),
            "livemode": False,
            "memo": params.get("memo"),
            "metadata": merged_metadata(None, params.get("metadata")),
            "number": f"{invoice['number']}-CN-{count + 1:02}",
            "out_of_band_amount": elsewhere or None,
            "pdf": f"{sim.base_url}/credit_notes/{note_id}/pdf",
            "post_payment_amount": amount,
            "pre_payment_amount": 0,
            "pretax_credit_amounts": [],
            "reason": params.get("reason"),
            "refunds": linked,
            "shipping_cost": None,
            "status": "issued",
            **_totals(invoice, amount),
            "type": "post_payment",
            "voided_at": None,
        }
    )
    sim.emit("credit_note.created", note)
    sim.update(invoice, "invoice.updated", post_payment_credit_notes_amount=before + amount)
    return note


def _totals(invoice: Json, amount: int) -> Json:
    """The amount with its share of the invoice's taxes."""
    taxes = [
        {
            **tax,
            "amount": round(tax["amount"] * amount / invoice["total"]),
            "taxable_amount": round((tax["taxable_amount"] or 0) * amount / invoice["total"]),
        }
        for tax in invoice["total_taxes"]
    ]
    without_tax = amount - sum(tax["amount"] for tax in taxes)
    added = sum(tax["amount"] for tax in taxes if tax["tax_behavior"] == "exclusive")
    return {
        "subtotal": amount - added,
        "subtotal_excluding_tax": without_tax,
        "total": amount,
        "total_excluding_tax": without_tax,
        "total_taxes": taxes,
    }


def _check_status(invoice: Json) -> None:
    if invoice["status"] in ("draft", "void"):
        raise invalid(f"You cannot create a credit note for an invoice that is {invoice['status']}.", "invoice")
    if invoice["status"] != "paid":
        raise not_simulated("invoice")


def _amount_of(invoice: Json, params: Json, lines: list[Json]) -> int:
    """The whole of the credit note, within what the invoice has left."""
    if "amount" not in params and not lines:
        raise invalid("You must pass one of `amount` or `lines`.", "amount", "parameter_missing")
    total = sum(line["amount"] for line in lines)
    amount = int(params.get("amount", total))
    if lines and amount != total:
        raise invalid("The amount must be the sum of the lines.", "amount")
    if amount < 1:
        raise invalid("Invalid positive integer", "amount", "parameter_invalid_integer")
    left = invoice["amount_paid"] - invoice["post_payment_credit_notes_amount"]
    if amount > left:
        asked, rest = (dollars(value, invoice["currency"]) for value in (amount, left))
        raise invalid(f"The credit note's amount ({asked}) exceeds what can still be credited on the invoice ({rest}).", "amount")
    return amount


def _line(invoice: Json, given: Json, index: int) -> Json:
    """A line of the invoice, whole or in part, or one of its own."""
    prefix = f"lines[{index}]"
    refuse_others(given, {"amount", "description", "invoice_line_item", "quantity", "type", "unit_amount"}, prefix)
    quantity, origin = given.get("quantity"), None
    if given["type"] == "invoice_line_item":
        origin = next((line for line in invoice["lines"]["data"] if line["id"] == given.get("invoice_line_item")), None)
        if not origin:
            raise invalid(f"No such invoice line item: '{given.get('invoice_line_item')}'", f"{prefix}[invoice_line_item]")
        unit = origin["amount"] // (origin["quantity"] or 1)
        amount = given["amount"] if "amount" in given else unit * (quantity or origin["quantity"])
    else:
        if "unit_amount" not in given:
            raise invalid(f"Missing required param: {prefix}[unit_amount].", f"{prefix}[unit_amount]", "parameter_missing")
        quantity, unit = quantity or 1, given["unit_amount"]
        amount = unit * quantity
    return {
        "id": new_id("credit_note_line_item"),
        "object": "credit_note_line_item",
        "amount": amount,
        "description": given.get("description") or (origin["description"] if origin else None),
        "discount_amount": 0,
        "discount_amounts": [],
        "invoice_line_item": origin["id"] if origin else None,
        "livemode": False,
        "metadata": {},
        "pretax_credit_amounts": [],
        "quantity": quantity,
        "tax_rates": [],
        "taxes": [],
        "type": given["type"],
        "unit_amount": None if "amount" in given else unit,
        "unit_amount_decimal": None if "amount" in given else str(unit),
    }


def _linked_refunds(sim: "Simulator", invoice: Json, given: list[Json]) -> list[Json]:
    """Refunds of this invoice's payment, none of them for more than it returned and was not yet credited for."""
    linked: list[Json] = []
    for index, row in enumerate(given):
        prefix = f"refunds[{index}]"
        refuse_others(row, {"amount_refunded", "refund", "type"}, prefix)
        if row.get("type", "refund") != "refund":
            raise not_simulated(f"{prefix}[type]")
        if "refund" not in row:
            raise invalid(f"Missing required param: {prefix}[refund].", f"{prefix}[refund]", "parameter_missing")
        refund = fetch(sim, "refund", row["refund"], "refund", f"{prefix}[refund]")
        if refund["charge"] != _charge_of(sim, invoice)["id"]:
            raise invalid(f"The refund {refund['id']} is not of this invoice's payment.", f"{prefix}[refund]")
        if refund["status"] in refunds.OVER:
            raise invalid(f"The refund {refund['id']} is {refund['status']} and cannot be linked.", f"{prefix}[refund]")
        left = refund["amount"] - _credited(sim, refund, linked)
        amount = row.get("amount_refunded", left)
        if not 0 < amount <= left:
            rest = dollars(left, refund["currency"])
            raise invalid(f"Only {rest} of the refund {refund['id']} is left to be linked.", f"{prefix}[amount_refunded]")
        linked.append(_link(refund, amount))
    return linked


def _credited(sim: "Simulator", refund: Json, being_linked: list[Json]) -> int:
    """How much of a refund stands on credit notes already, or comes earlier in this request."""
    notes = [row for row in sim.store.oldest_first("credit_note") if row["status"] == "issued"]
    rows = [*being_linked, *(row for note in notes for row in note["refunds"])]
    return sum(row["amount_refunded"] for row in rows if row["refund"] == refund["id"])


def _link(refund: Json, amount: int) -> Json:
    return {"amount_refunded": amount, "payment_record_refund": None, "refund": refund["id"], "type": "refund"}


def _charge_of(sim: "Simulator", invoice: Json) -> Json:
    """The charge that paid the invoice."""
    payment = invoice_payments.paid_payment_of(sim, invoice)
    if not payment:
        raise invalid("This invoice was not paid by a charge that could be refunded.", "invoice")
    intent = fetch(sim, "payment_intent", payment["payment"]["payment_intent"], "payment_intent")
    return fetch(sim, "charge", intent["latest_charge"], "charge")


def retrieve(sim: "Simulator", call: "Call") -> Json:
    return fetch(sim, "credit_note", call.id, "credit note")


def list_credit_notes(sim: "Simulator", call: "Call") -> Json:
    refuse_others(call.params, PAGING | {"customer", "invoice"})
    rows = having(sim.store.newest_first("credit_note"), call.params, "customer", "invoice")
    return listing("/v1/credit_notes", call.params, rows)


def list_lines(sim: "Simulator", call: "Call") -> Json:
    note = fetch(sim, "credit_note", call.id, "credit note")
    return listing(f"/v1/credit_notes/{call.id}/lines", call.params, note["lines"]["data"])
