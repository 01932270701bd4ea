"""Payment intents, their charges, and the cards they were made with."""

from typing import TYPE_CHECKING, Any

from ..cards import Card, card_details
from ..errors import invalid
from ..identifiers import new_id, random_text
from ..jsontypes import Json
from ..listing import having, listing
from .common import empty_address, fetch, refuse_others

if TYPE_CHECKING:
    from ..api import Call
    from ..simulator import Simulator

PAGING = {"created", "limit", "starting_after", "ending_before"}


def create_payment_method(sim: "Simulator", card: Card, *, name: str | None, email: str | None, customer: str | None) -> Json:
    """The card as Stripe keeps it: attached to the customer if there is one."""
    details = card_details(card)["card"]
    method = sim.store.add(
        {
            "id": new_id("payment_method"),
            "object": "payment_method",
            "allow_redisplay": "limited",
            "billing_details": billing_details(name, email),
            "card": {
                **{key: details[key] for key in ("brand", "checks", "country", "exp_month", "exp_year", "fingerprint")},
                "display_brand": card.brand,
                "funding": "credit",
                "generated_from": None,
                "last4": card.last4,
                "networks": {"available": [card.brand], "preferred": None},
                "regulated_status": "unregulated",
                "three_d_secure_usage": {"supported": True},
                "wallet": None,
            },
            "created": sim.now(),
            "customer": customer,
            "customer_account": None,
            "livemode": False,
            "metadata": {},
            "type": "card",
            "_number": card.number,
        }
    )
    if customer:
        sim.emit("payment_method.attached", method)
    return method


def billing_details(name: str | None, email: str | None) -> Json:
    return {"address": empty_address(), "email": email, "name": name, "phone": None, "tax_id": None}


def open_payment_intent(
    sim: "Simulator", *, amount: int, currency: str, customer: str | None, metadata: Json, **values: Any
) -> Json:
    """An intent that waits for a card."""
    intent_id = new_id("payment_intent")
    intent = sim.store.add(
        {
            "id": intent_id,
            "object": "payment_intent",
            "amount": amount,
            "amount_capturable": 0,
            "amount_details": {"tip": {}},
            "amount_received": 0,
            "application": None,
            "application_fee_amount": None,
            "automatic_payment_methods": None,
            "canceled_at": None,
            "cancellation_reason": None,
            "capture_method": "automatic_async",
            "client_secret": f"{intent_id}_secret_{random_text(24)}",
            "confirmation_method": "automatic",
            "created": sim.now(),
            "currency": currency,
            "customer": customer,
            "customer_account": None,
            "description": None,
            "last_payment_error": None,
            "latest_charge": None,
            "livemode": False,
            "metadata": metadata,
            "next_action": None,
            "on_behalf_of": None,
            "payment_method": None,
            "payment_method_configuration_details": None,
            "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
            "payment_method_types": ["card"],
            "processing": None,
            "receipt_email": None,
            "review": None,
            "setup_future_usage": None,
            "shipping": None,
            "statement_descriptor": None,
            "statement_descriptor_suffix": None,
            "status": "requires_payment_method",
            "transfer_data": None,
            "transfer_group": None,
            **values,
        }
    )
    sim.emit("payment_intent.created", intent)
    return intent


def add_charge(sim: "Simulator", intent: Json, card: Card, method: Json | None, billing: Json) -> Json:
    """A charge for the whole intent, as if it had succeeded."""
    charge_id = new_id("charge")
    return sim.store.add(
        {
            "id": charge_id,
            "object": "charge",
            "amount": intent["amount"],
            "amount_captured": intent["amount"],
            "amount_refunded": 0,
            "application": None,
            "application_fee": None,
            "application_fee_amount": None,
            "balance_transaction": None,
            "billing_details": billing,
            "calculated_statement_descriptor": "STRIPE SIMULATOR",
            "captured": True,
            "created": sim.now(),
            "currency": intent["currency"],
            "customer": intent["customer"],
            "description": intent["description"],
            "disputed": False,
            "failure_balance_transaction": None,
            "failure_code": None,
            "failure_message": None,
            "fraud_details": {},
            "livemode": False,
            "metadata": dict(intent["metadata"]),
            "on_behalf_of": None,
            "outcome": {
                "advice_code": None,
                "network_advice_code": None,
                "network_decline_code": None,
                "network_status": "approved_by_network",
                "reason": None,
                "risk_level": "normal",
                "seller_message": "Payment complete.",
                "type": "authorized",
            },
            "paid": True,
            "payment_intent": intent["id"],
            "payment_method": method["id"] if method else None,
            "payment_method_details": card_details(card),
            "radar_options": {},
            "receipt_email": intent["receipt_email"],
            "receipt_number": None,
            "receipt_url": f"{sim.base_url}/receipts/{charge_id}",
            "refunded": False,
            "review": None,
            "shipping": None,
            "source": None,
            "source_transfer": None,
            "statement_descriptor": None,
            "statement_descriptor_suffix": None,
            "status": "succeeded",
            "transfer_data": None,
            "transfer_group": None,
            "_number": card.number,
        }
    )


def take_payment(sim: "Simulator", intent: Json, card: Card, method: Json) -> Json:
    """Charge the card for the intent's amount; returns the charge that succeeded."""
    charge = add_charge(sim, intent, card, method, method["billing_details"])
    sim.store.change(
        intent,
        amount_received=intent["amount"],
        last_payment_error=None,
        latest_charge=charge["id"],
        next_action=None,
        payment_method=method["id"],
        status="succeeded",
    )
    sim.emit("charge.succeeded", charge)
    sim.emit("payment_intent.succeeded", intent)
    if card.trouble:
        sim.timers.set("follow_payment", charge["id"], sim.now())
    return charge


def decline(sim: "Simulator", intent: Json, card: Card, billing: Json) -> Json:
    """Charge the card in vain; the intent waits for another one."""
    charge = add_charge(sim, intent, card, None, billing)
    sim.store.change(
        charge,
        amount_captured=0,
        captured=False,
        failure_code=card.code,
        failure_message=card.message,
        outcome={
            **charge["outcome"],
            "network_status": "declined_by_network",
            "reason": card.decline_code or card.code,
            "seller_message": "The bank did not return any further details with this decline.",
            "type": "issuer_declined",
        },
        paid=False,
        receipt_url=None,
        status="failed",
    )
    fail_intent(sim, intent, code=card.code, decline_code=card.decline_code, message=card.message, charge=charge)
    return charge


def fail_intent(
    sim: "Simulator", intent: Json, *, code: str, decline_code: str | None, message: str, charge: Json | None = None
) -> None:
    error: Json = {"type": "card_error", "code": code, "message": message}
    if decline_code:
        error["decline_code"] = decline_code
    if charge:
        error["charge"] = charge["id"]
        sim.emit("charge.failed", charge)
    sim.store.change(
        intent,
        last_payment_error=error,
        latest_charge=charge["id"] if charge else intent["latest_charge"],
        next_action=None,
        status="requires_payment_method",
    )
    sim.emit("payment_intent.payment_failed", intent)


def retrieve_payment_intent(sim: "Simulator", call: "Call") -> Json:
    return fetch(sim, "payment_intent", call.id, "payment_intent")


def list_payment_intents(sim: "Simulator", call: "Call") -> Json:
    refuse_others(call.params, PAGING | {"customer"})
    rows = having(sim.store.newest_first("payment_intent"), call.params, "customer")
    return listing("/v1/payment_intents", call.params, rows)


def charge_of(sim: "Simulator", charge_or_intent: str) -> Json:
    """The charge of this id, or the one that settled the payment intent of this id; LookupError if there is none."""
    intent = sim.store.get("payment_intent", charge_or_intent)
    charge = sim.store.get("charge", (intent["latest_charge"] or "") if intent else charge_or_intent)
    if not charge:
        raise LookupError(charge_or_intent)
    return charge


def retrieve_charge(sim: "Simulator", call: "Call") -> Json:
    return fetch(sim, "charge", call.id, "charge")


def list_charges(sim: "Simulator", call: "Call") -> Json:
    refuse_others(call.params, PAGING | {"customer", "payment_intent"})
    rows = having(sim.store.newest_first("charge"), call.params, "customer", "payment_intent")
    return listing("/v1/charges", call.params, rows)


def retrieve_payment_method(sim: "Simulator", call: "Call") -> Json:
    return fetch(sim, "payment_method", call.id, "PaymentMethod")


def list_payment_methods(sim: "Simulator", call: "Call") -> Json:
    refuse_others(call.params, PAGING | {"customer", "type"})
    if "customer" not in call.params:
        raise invalid("Missing required param: customer.", "customer", "parameter_missing")
    rows = having(sim.store.newest_first("payment_method"), call.params, "customer", "type")
    return listing("/v1/payment_methods", call.params, rows)
