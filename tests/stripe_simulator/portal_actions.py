"""What a customer does in the portal: renewal off and on, another card, other details; as far as its settings allow.

Each action returns what is wrong in the reader's words, or an empty text if it was done.
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from .cards import find_card
from .collection import use_card
from .jsontypes import Json
from .resources import payments, subscriptions, tax_ids
from .resources.common import empty_address

if TYPE_CHECKING:
    from .simulator import Simulator

Fields = dict[str, str]
NOT_HERE = "This cannot be changed here."
COUNTRY = re.compile(r"^[A-Z]{2}$")
ADDRESS = ("line1", "city", "state", "postal_code", "country")
PLAIN = ("name", "email", "phone")


def act(sim: "Simulator", customer: Json, features: Json, fields: Fields) -> str:
    """Raises LookupError for an action or a subscription that this customer has not got."""
    return ACTIONS[fields.get("action", "")](sim, customer, features, fields)


def _turn_renewal(sim: "Simulator", customer: Json, features: Json, fields: Fields) -> str:
    subscription = sim.store.get("subscription", fields.get("subscription", ""))
    if not subscription or subscription["customer"] != customer["id"]:
        raise LookupError(fields.get("subscription"))
    feature = features["subscription_cancel"]
    if not feature["enabled"] or subscription["status"] == "canceled":
        return NOT_HERE
    if fields["action"] == "resume":
        _plan_end(sim, subscription, None)
    elif feature["mode"] == "immediately":
        subscriptions.end(sim, subscription, reason="cancellation_requested")
    else:
        _plan_end(sim, subscription, subscriptions.current_period(subscription)[1])
    return ""


def _plan_end(sim: "Simulator", subscription: Json, moment: int | None) -> None:
    """In flexible billing mode the portal sets `cancel_at` and leaves `cancel_at_period_end` alone."""
    values = subscriptions.scheduled_cancel(sim, moment, flag=False)
    sim.update(subscription, "customer.subscription.updated", **values)
    subscriptions.schedule(sim, subscription)


def _put_in_card(sim: "Simulator", customer: Json, features: Json, fields: Fields) -> str:
    """The new card is the customer's and each subscription's from now on; what is owed is collected with it at once."""
    if not features["payment_method_update"]["enabled"]:
        return NOT_HERE
    card = find_card(fields.get("card_number", ""))
    if not card:
        return "Your card number is invalid."
    if not fields.get("expiry") or not fields.get("cvc"):
        return "Your card's expiration date or security code is incomplete."
    if card.first == "declines":
        return card.message
    method = payments.create_payment_method(sim, card, name=customer["name"], email=customer["email"], customer=customer["id"])
    settings = {**customer["invoice_settings"], "default_payment_method": method["id"]}
    sim.update(customer, "customer.updated", invoice_settings=settings)
    for subscription in sim.store.oldest_first("subscription"):
        if subscription["customer"] == customer["id"] and subscription["status"] != "canceled":
            use_card(sim, subscription, method)
    return ""


def allowed_updates(features: Json) -> list[str]:
    feature = features["customer_update"]
    return list(feature["allowed_updates"]) if feature["enabled"] else []


def _change_details(sim: "Simulator", customer: Json, features: Json, fields: Fields) -> str:
    """What the form holds, as far as it may be changed; fields it does not hold stay as they are."""
    allowed = allowed_updates(features)
    given = {name: text.strip() for name, text in fields.items()}
    if not allowed:
        return NOT_HERE
    values: Json = {name: given[name] or None for name in PLAIN if name in allowed and name in given}
    if "email" in values and "@" not in (values["email"] or ""):
        return "Your email is incomplete."
    if "address" in allowed and any(name in given for name in ADDRESS):
        known = customer["address"] or empty_address()
        address = {**known, **{name: given[name] or None for name in ADDRESS if name in given}}
        if address["country"] and not COUNTRY.match(address["country"]):
            return "Your country is invalid."
        values["address"] = address
    if "tax_id" in allowed and "tax_id" in given:
        country = (values.get("address") or customer["address"] or {}).get("country") or ""
        problem = _change_tax_id(sim, customer, given["tax_id"], country)
        if problem:
            return problem
    sim.update(customer, "customer.updated", **values)
    return ""


def tax_id_of(sim: "Simulator", customer: Json) -> Json | None:
    """The one that the page shows: the newest."""
    return next((row for row in sim.store.newest_first("tax_id") if row["customer"] == customer["id"]), None)


def _change_tax_id(sim: "Simulator", customer: Json, value: str, country: str) -> str:
    old = tax_id_of(sim, customer)
    if value == (old["value"] if old else ""):
        return ""
    kind = tax_ids.kind_of(value, country) if value else None
    if value and not kind:
        return "Your tax ID is invalid."
    if old:
        tax_ids.remove(sim, old)
    if kind:
        tax_ids.add(sim, customer, kind, value)
    return ""


ACTIONS: dict[str, Callable[["Simulator", Json, Json, Fields], str]] = {
    "cancel": _turn_renewal,
    "card": _put_in_card,
    "details": _change_details,
    "resume": _turn_renewal,
}
