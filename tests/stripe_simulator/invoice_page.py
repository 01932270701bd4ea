"""The hosted page of an invoice: what it is for, and a form to pay it or to confirm a payment to the bank, without JavaScript."""

from html import escape
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from . import collection
from .cards import Card, find_card
from .html import Page, items_table, not_found, page, problem
from .jsontypes import Json
from .resources import invoice_payments, payments
from .resources.common import dollars

if TYPE_CHECKING:
    from .simulator import Simulator


def show_invoice(sim: "Simulator", invoice_id: str) -> Page:
    with sim.transaction():
        invoice = _shown(sim, invoice_id)
        return _view(sim, invoice) if invoice else not_found()


def submit_invoice(sim: "Simulator", invoice_id: str, body: str) -> Page:
    """Pay with a card, or answer the bank; then the page again as it is now."""
    fields = {name: values[0].strip() for name, values in parse_qs(body).items()}
    with sim.transaction():
        invoice = _shown(sim, invoice_id)
        if not invoice:
            return not_found()
        if invoice["status"] not in collection.COLLECTABLE:
            return _view(sim, invoice, "There is nothing to pay any more.", status=409)
        if "answer" in fields:
            message = answer_bank(sim, invoice, succeeded=fields["answer"] == "complete")
        elif card := find_card(fields.get("card_number", "")):
            message = pay(sim, invoice, card)
        else:
            return _view(sim, invoice, "Your card number is invalid.", status=422)
        return _view(sim, invoice, message, status=402) if message else Page(303, "", {"Location": f"/i/{invoice_id}"})


def pay(sim: "Simulator", invoice: Json, card: Card) -> str:
    """The reader pays with this card, which stays the card of this payment only; returns what went wrong."""
    method = payments.create_payment_method(
        sim, card, name=invoice["customer_name"], email=invoice["customer_email"], customer=invoice["customer"]
    )
    refusal = collection.attempt(sim, invoice, method, reader_present=True)
    return card.message if refusal and not refusal.asks_reader else ""


def answer_bank(sim: "Simulator", invoice: Json, *, succeeded: bool) -> str:
    """The reader confirms to the bank what the payment waits for, or fails to; returns what went wrong."""
    intent = invoice_payments.intent_of(sim, invoice)
    method = sim.store.get("payment_method", (intent or {}).get("payment_method") or "")
    if not intent or not method or intent["status"] != "requires_action":
        return "This payment is no longer waiting for confirmation."
    if succeeded:
        collection.complete(sim, invoice, intent, method)
        return ""
    message = "We are unable to authenticate your payment method. Please choose a different payment method and try again."
    payments.fail_intent(sim, intent, code="payment_intent_authentication_failure", decline_code=None, message=message)
    sim.emit("invoice.payment_failed", invoice)
    return message


def _shown(sim: "Simulator", invoice_id: str) -> Json | None:
    invoice = sim.store.get("invoice", invoice_id)
    return invoice if invoice and invoice["status"] != "draft" else None


def _view(sim: "Simulator", invoice: Json, message: str = "", *, status: int = 200) -> Page:
    rows = [(line["description"], line["quantity"], line["amount"]) for line in invoice["lines"]["data"]]
    rows += [("Discount", 1, -row["amount"]) for row in invoice["total_discount_amounts"]]
    rows += [(f"Tax ({row['tax_behavior']})", 1, row["amount"]) for row in invoice["total_taxes"]]
    parts = [problem(message), f"<p>Status: {invoice['status']}</p>", items_table(rows, invoice["total"], invoice["currency"])]
    if invoice["status"] in collection.COLLECTABLE:
        intent = invoice_payments.intent_of(sim, invoice)
        if intent and intent["status"] == "requires_action":
            parts.append(_bank_form(invoice))
        parts.append(_card_form(invoice))
    parts.append(f'<p><a href="/i/{invoice["id"]}/pdf">Download as PDF</a></p>')
    return Page(status, page(f"Invoice {invoice['number']}", "".join(parts)))


def _bank_form(invoice: Json) -> str:
    amount = escape(dollars(invoice["amount_remaining"], invoice["currency"]))
    return (
        f"<p>Your bank asks you to confirm this payment of {amount}.</p>"
        f'<form method="post" action="/i/{invoice["id"]}"><button name="answer" value="complete">Complete</button>'
        '<button class="second" name="answer" value="fail">Fail</button></form><h2>Or pay with another card</h2>'
    )


def _card_form(invoice: Json) -> str:
    fields = (("card_number", "Card number", "cc-number"), ("expiry", "Expiry (MM/YY)", "cc-exp"), ("cvc", "CVC", "cc-csc"))
    inputs = "".join(
        f'<label for="{name}">{label}</label><input id="{name}" name="{name}" type="text" autocomplete="{filled}" '
        'inputmode="numeric" required>'
        for name, label, filled in fields
    )
    amount = escape(dollars(invoice["amount_remaining"], invoice["currency"]))
    return f'<form method="post" action="/i/{invoice["id"]}">{inputs}<button type="submit">Pay {amount}</button></form>'
