"""Automatic tax: the percentage that the controls set for a country, and the rate objects that invoices refer to."""

from decimal import Decimal
from typing import TYPE_CHECKING

from ..identifiers import new_id
from ..jsontypes import Json
from ..reckoning import Taxation
from .common import fetch

if TYPE_CHECKING:
    from ..api import Call
    from ..simulator import Simulator

ON_TOP_BY_CUSTOM = ("usd", "cad")


def is_inclusive(price: Json) -> bool:
    """A price that does not say goes by its currency, as with Stripe's usual settings."""
    behavior = price["tax_behavior"]
    return bool(behavior == "inclusive" or (behavior == "unspecified" and price["currency"] not in ON_TOP_BY_CUSTOM))


def taxation(sim: "Simulator", address: Json | None, tax_exempt: str) -> Taxation | None:
    """What is charged at this address; nothing where no rate is set."""
    country = (address or {}).get("country")
    percent = sim.switch("tax_rates").get(country)
    if not country or percent is None:
        return None
    if tax_exempt != "none":
        return Taxation(Decimal(0), country, "customer_exempt" if tax_exempt == "exempt" else "reverse_charge")
    return Taxation(Decimal(str(percent)), country, "standard_rated" if percent else "zero_rated")


def of_subscription(sim: "Simulator", subscription: Json, customer: Json) -> Taxation | None:
    """The tax of its next invoice: by where the customer lives now."""
    if not subscription["automatic_tax"]["enabled"]:
        return None
    return taxation(sim, customer["address"], customer["tax_exempt"])


def invoice_fields(sim: "Simulator", customer: Json, *, enabled: bool) -> Json:
    """What an invoice tells of its tax beside the amounts."""
    ids = [row for row in sim.store.oldest_first("tax_id") if row["customer"] == customer["id"]]
    located = bool((customer["address"] or {}).get("country"))
    return {
        "automatic_tax": {
            "disabled_reason": None,
            "enabled": enabled,
            "liability": {"type": "self"} if enabled else None,
            "provider": "stripe" if enabled else None,
            "status": ("complete" if located else "requires_location_inputs") if enabled else None,
        },
        "customer_tax_ids": [{"type": row["type"], "value": row["value"]} for row in ids],
    }


def rate_object(sim: "Simulator", taxed: Taxation, *, inclusive: bool) -> Json:
    """One object for each country, percentage and behavior."""
    percent = float(taxed.percent)
    for row in sim.store.oldest_first("tax_rate"):
        if (row["country"], row["percentage"], row["inclusive"]) == (taxed.country, percent, inclusive):
            return row
    return sim.store.add(
        {
            "id": new_id("tax_rate"),
            "object": "tax_rate",
            "active": False,
            "country": taxed.country,
            "created": sim.now(),
            "description": None,
            "display_name": "Tax",
            "effective_percentage": percent,
            "flat_amount": None,
            "inclusive": inclusive,
            "jurisdiction": taxed.country,
            "jurisdiction_level": "country",
            "livemode": False,
            "metadata": {},
            "percentage": percent,
            "rate_type": "percentage",
            "state": None,
            "tax_type": None,
        }
    )


def retrieve_rate(sim: "Simulator", call: "Call") -> Json:
    return fetch(sim, "tax_rate", call.id, "tax rate")
