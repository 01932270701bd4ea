"""Bank debits: a Checkout Session that is complete today, and paid (or not) days later."""

from typing import TYPE_CHECKING

from .cards import CARDS
from .checkout_completion import customer_of, finish, intent_of, invoice_one_off
from .identifiers import random_text
from .jsontypes import Json
from .resources import discounts, payments
from .store import ABSENT

if TYPE_CHECKING:
    from .simulator import Simulator

KIND = "us_bank_account"
ACCOUNT: Json = {
    "account_holder_type": "individual",
    "account_type": "checking",
    "bank_name": "STRIPE TEST BANK",
    "last4": "6789",
    "routing_number": "110000000",
}
ON_FILE: Json = {
    **ACCOUNT,
    "financial_connections_account": None,
    "networks": {"preferred": "ach", "supported": ["ach"]},
    "status_details": None,
}
NO_FUNDS = "The customer's bank account has insufficient funds."
LIKE_A_CARD = CARDS["4242424242424242"]  # for what the simulator notes of every payment: how a refund of it fares


def begin(sim: "Simulator", session: Json, *, email: str, name: str | None) -> None:
    """The bank is told to pay; nobody knows yet whether it will."""
    customer = customer_of(sim, session, email, name)
    customer_id = customer["id"] if customer else None
    method = payments.create_payment_method(sim, LIKE_A_CARD, name=name, email=email, customer=None)
    on_file = {**ON_FILE, "fingerprint": random_text(16)}
    sim.store.change(method, card=ABSENT, type=KIND, us_bank_account=on_file)
    intent = intent_of(sim, session, customer_id)
    charge = payments.add_charge(sim, intent, LIKE_A_CARD, method, method["billing_details"])
    told = {**ACCOUNT, "expected_debit_date": None, "fingerprint": on_file["fingerprint"], "mandate": None}
    sim.store.change(
        charge,
        outcome={**charge["outcome"], "seller_message": "Payment pending."},
        paid=False,
        payment_method_details={"type": KIND, KIND: {**told, "payment_reference": None}},
        receipt_url=None,
        status="pending",
    )
    sim.store.change(
        intent,
        last_payment_error=None,
        latest_charge=charge["id"],
        next_action=None,
        payment_method=method["id"],
        payment_method_types=["card", KIND],
        status="processing",
    )
    sim.emit("charge.pending", charge)
    sim.emit("payment_intent.processing", intent)
    discount = discounts.of_session(sim, session)
    if discount:
        discounts.redeem(sim, discount, customer=customer_id, invoice=None, subscription=None)
    finish(sim, session, customer, email=email, name=name, payment_status="unpaid")


def settle(sim: "Simulator", session: Json, *, succeeded: bool) -> None:
    """The bank has paid, or has not; ValueError if this session waits for no bank."""
    intent = sim.store.get("payment_intent", session["payment_intent"] or "")
    if not intent or intent["status"] != "processing":
        raise ValueError(f"{session['id']} waits for no bank debit")
    charge = sim.store.get("charge", intent["latest_charge"])
    assert charge
    if succeeded:
        _pay(sim, session, intent, charge)
    else:
        _fail(sim, session, intent, charge)


def _pay(sim: "Simulator", session: Json, intent: Json, charge: Json) -> None:
    receipt = f"{sim.base_url}/receipts/{charge['id']}"
    outcome = {**charge["outcome"], "seller_message": "Payment complete."}
    sim.store.change(charge, outcome=outcome, paid=True, receipt_url=receipt, status="succeeded")
    sim.store.change(intent, amount_received=intent["amount"], status="succeeded")
    sim.emit("charge.succeeded", charge)
    sim.emit("payment_intent.succeeded", intent)
    customer, discount = sim.store.get("customer", session["customer"] or ""), discounts.of_session(sim, session)
    invoice = invoice_one_off(sim, session, customer, discount, intent) if customer else None
    if invoice and discount:
        sim.store.change(discount, invoice=invoice["id"])
    sim.store.change(session, invoice=invoice["id"] if invoice else None, payment_status="paid")
    sim.emit("checkout.session.async_payment_succeeded", session)


def _fail(sim: "Simulator", session: Json, intent: Json, charge: Json) -> None:
    sim.store.change(
        charge,
        amount_captured=0,
        captured=False,
        failure_code="insufficient_funds",
        failure_message=NO_FUNDS,
        outcome={
            **charge["outcome"],
            "network_status": "declined_by_network",
            "reason": "insufficient_funds",
            "seller_message": NO_FUNDS,
            "type": "issuer_declined",
        },
        status="failed",
    )
    payments.fail_intent(sim, intent, code="insufficient_funds", decline_code=None, message=NO_FUNDS, charge=charge)
    sim.emit("checkout.session.async_payment_failed", session)
