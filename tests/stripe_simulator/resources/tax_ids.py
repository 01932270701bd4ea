"""A customer's tax ids."""

import re
from typing import TYPE_CHECKING

from ..errors import invalid
from ..identifiers import new_id
from ..jsontypes import Json
from ..listing import listing
from .common import fetch, refuse_others

if TYPE_CHECKING:
    from ..api import Call
    from ..simulator import Simulator

EUROPEAN_UNION = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"
KINDS = dict.fromkeys(EUROPEAN_UNION.split(), "eu_vat") | {
    "AU": "au_abn",
    "CA": "ca_bn",
    "CH": "ch_vat",
    "GB": "gb_vat",
    "IN": "in_gst",
    "US": "us_ein",
}
SHAPES = {
    "au_abn": re.compile(r"^\d{11}$"),
    "ca_bn": re.compile(r"^\d{9}$"),
    "ch_vat": re.compile(r"^CHE-?\d{3}\.?\d{3}\.?\d{3} ?(MWST|TVA|IVA)$"),
    "eu_vat": re.compile(r"^[A-Z]{2}[0-9A-Z+*]{2,13}$"),
    "gb_vat": re.compile(r"^GB(\d{9}|\d{12})$"),
    "in_gst": re.compile(r"^[0-9A-Z]{15}$"),
    "us_ein": re.compile(r"^\d{2}-?\d{7}$"),
}


def kind_of(value: str, country: str) -> str | None:
    """What this id is in that country; None if it cannot be one."""
    kind = KINDS.get(country or value[:2])
    return kind if kind and SHAPES[kind].match(value) else None


def add(sim: "Simulator", customer: Json, kind: str, value: str) -> Json:
    """One row for each id; the same one again changes nothing."""
    for row in sim.store.oldest_first("tax_id"):
        if (row["customer"], row["type"], row["value"]) == (customer["id"], kind, value):
            return row
    tax_id = sim.store.add(
        {
            "id": new_id("tax_id"),
            "object": "tax_id",
            "country": "GB" if kind == "gb_vat" else value[:2] if kind == "eu_vat" else kind[:2].upper(),
            "created": sim.now(),
            "customer": customer["id"],
            "customer_account": None,
            "livemode": False,
            "owner": {
                "account": None,
                "application": None,
                "customer": customer["id"],
                "customer_account": None,
                "type": "customer",
            },
            "type": kind,
            "value": value,
            "verification": {
                "status": "pending" if kind in ("eu_vat", "gb_vat") else "unavailable",
                "verified_address": None,
                "verified_name": None,
            },
        }
    )
    sim.emit("customer.tax_id.created", tax_id)
    return tax_id


def create(sim: "Simulator", call: "Call") -> Json:
    refuse_others(call.params, {"type", "value"})
    customer = fetch(sim, "customer", call.id, "customer")
    kind, value = call.params["type"], call.params["value"]
    if kind in SHAPES and not SHAPES[kind].match(value):
        raise invalid(f"Invalid value for {kind}.", "value", "tax_id_invalid")
    return add(sim, customer, kind, value)


def _fetch(sim: "Simulator", call: "Call") -> Json:
    tax_id = fetch(sim, "tax_id", call.ids[1], "tax id")
    return tax_id if tax_id["customer"] == call.id else fetch(sim, "tax_id", "", "tax id")


def retrieve(sim: "Simulator", call: "Call") -> Json:
    return _fetch(sim, call)


def list_tax_ids(sim: "Simulator", call: "Call") -> Json:
    fetch(sim, "customer", call.id, "customer")
    rows = (row for row in sim.store.newest_first("tax_id") if row["customer"] == call.id)
    return listing(f"/v1/customers/{call.id}/tax_ids", call.params, rows)


def delete(sim: "Simulator", call: "Call") -> Json:
    remove(sim, _fetch(sim, call))
    return {"id": call.ids[1], "object": "tax_id", "deleted": True}


def remove(sim: "Simulator", tax_id: Json) -> None:
    sim.emit("customer.tax_id.deleted", tax_id)
    sim.store.remove(tax_id)
