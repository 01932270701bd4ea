"""Customers."""

from typing import TYPE_CHECKING, Any

from ..errors import invalid, no_such
from ..identifiers import new_id, random_text
from ..jsontypes import Json
from ..listing import having, listing
from ..store import ABSENT
from .common import empty_address, fetch, merged_metadata, nullable, refuse_others

if TYPE_CHECKING:
    from ..api import Call
    from ..simulator import Simulator

PLAIN = ("business_name", "description", "email", "individual_name", "name", "phone")
SIMULATED = {*PLAIN, "address", "metadata", "preferred_locales", "tax_exempt", "invoice_settings"}
MAX_EMAIL_LENGTH = 512


def create(sim: "Simulator", call: "Call") -> Json:
    refuse_others(call.params, SIMULATED)
    return create_customer(sim, **call.params)


def create_customer(sim: "Simulator", **params: Any) -> Json:
    """A new customer, also one that Checkout makes."""
    customer: Json = {
        "id": new_id("customer"),
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": sim.now(),
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": random_text(8).upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }
    sim.store.add(customer)
    sim.store.change(customer, **_values(sim, customer, params))
    sim.emit("customer.created", customer)
    return customer


def _values(sim: "Simulator", customer: Json, params: Json) -> Json:
    values: Json = {name: nullable(params[name]) for name in PLAIN if name in params}
    values |= {name: values[name] or ABSENT for name in ("business_name", "individual_name") if name in values}
    email = values.get("email")
    if email and ("@" not in email or len(email) > MAX_EMAIL_LENGTH):
        raise invalid(f"Invalid email address: {email}", "email", "email_invalid")
    if "address" in params:
        values["address"] = None if params["address"] == "" else {**empty_address(), **params["address"]}
    if "metadata" in params:
        values["metadata"] = merged_metadata(customer["metadata"], params["metadata"])
    if "preferred_locales" in params:
        values["preferred_locales"] = params["preferred_locales"]
    if "tax_exempt" in params:
        values["tax_exempt"] = params["tax_exempt"] or "none"
    if "invoice_settings" in params:
        refuse_others(params["invoice_settings"], {"default_payment_method"}, "invoice_settings")
        method = params["invoice_settings"].get("default_payment_method")
        if method:
            fetch(sim, "payment_method", method, "PaymentMethod", "invoice_settings[default_payment_method]")
        values["invoice_settings"] = {**customer["invoice_settings"], "default_payment_method": nullable(method)}
    return values


def retrieve(sim: "Simulator", call: "Call") -> Json:
    return fetch(sim, "customer", call.id, "customer")


def update(sim: "Simulator", call: "Call") -> Json:
    refuse_others(call.params, SIMULATED)
    customer = fetch(sim, "customer", call.id, "customer")
    if customer.get("deleted"):
        raise no_such("customer", call.id)
    return sim.update(customer, "customer.updated", **_values(sim, customer, call.params))


def delete(sim: "Simulator", call: "Call") -> Json:
    """The customer is gone for good, and its subscriptions end at once."""
    from . import subscriptions

    customer = fetch(sim, "customer", call.id, "customer")
    if customer.get("deleted"):
        raise no_such("customer", call.id)
    for subscription in sim.store.oldest_first("subscription"):
        if subscription["customer"] == call.id and subscription["status"] != "canceled":
            subscriptions.end(sim, subscription, reason="cancellation_requested")
    sim.emit("customer.deleted", customer)
    tombstone: Json = {"id": call.id, "object": "customer", "deleted": True}
    sim.store.remove(customer)
    return sim.store.add(tombstone)


def list_customers(sim: "Simulator", call: "Call") -> Json:
    refuse_others(call.params, {"email", "created", "limit", "starting_after", "ending_before"})
    rows = (row for row in sim.store.newest_first("customer") if not row.get("deleted"))
    return listing("/v1/customers", call.params, having(rows, call.params, "email"))
