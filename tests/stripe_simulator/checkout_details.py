"""What the reader fills in on the Checkout page beside the card: a promotion code, where they live, a tax id.

Each function changes the session and its amounts, and returns what is wrong in the reader's words, or an empty text.
"""

import re
from typing import TYPE_CHECKING

from .jsontypes import Json
from .resources import discounts, promotions, tax_ids
from .resources.common import dollars, empty_address
from .resources.session_amounts import reprice

if TYPE_CHECKING:
    from .simulator import Simulator

COUNTRY = re.compile(r"^[A-Z]{2}$")


def apply_code(sim: "Simulator", session: Json, text: str) -> str:
    """Take the code's discount off; nothing is redeemed yet."""
    if not session["allow_promotion_codes"]:
        return "This checkout takes no promotion codes."
    code = promotions.find_code(sim, text)
    coupon = sim.store.get("coupon", code["promotion"]["coupon"]) if code else None
    if not code or not coupon:
        return "This promotion code is invalid."
    problem = discounts.why_not(sim, session, coupon, code)
    if not problem:
        discounts.attach(sim, session, coupon, code)
        reprice(sim, session)
    return problem


def remove_code(sim: "Simulator", session: Json) -> str:
    if session["allow_promotion_codes"]:
        discounts.detach(sim, session)
        reprice(sim, session)
    return ""


def withdraw_lost_offer(sim: "Simulator", session: Json) -> str:
    """Somebody else had the last redemption, or it is over: the session is back at its full price."""
    discount = discounts.of_session(sim, session)
    if not discount:
        return ""
    coupon = discounts.coupon_of(sim, discount)
    assert coupon
    problem = discounts.why_not(sim, session, coupon, discounts.code_of(sim, discount))
    if not problem:
        return ""
    discounts.detach(sim, session)
    reprice(sim, session)
    return f"{problem} The total is {dollars(session['amount_total'], session['currency'])} without it."


def asks_for_address(session: Json) -> bool:
    """For tax, unless it goes by an address that Checkout may not change; or because the shop wants it anyway."""
    fixed = session["customer"] and session["_customer_update"].get("address") != "auto"
    return bool(session["billing_address_collection"] == "required" or (session["automatic_tax"]["enabled"] and not fixed))


def take_address(sim: "Simulator", session: Json, country: str, postal_code: str) -> str:
    """Where the reader lives; the tax follows from it. Without a country, what was filled in before stays."""
    if not asks_for_address(session):
        return ""
    if country:
        if not COUNTRY.match(country):
            return "Your country is invalid."
        sim.store.change(session, _address={**empty_address(), "country": country, "postal_code": postal_code or None})
        reprice(sim, session)
    return "" if session["_address"] else "Your country is incomplete."


def country_of(session: Json) -> str:
    """Where the reader lives as far as it is known."""
    address = session["_address"] or (session["customer_details"] or {}).get("address") or {}
    return str(address.get("country") or "")


def take_tax_id(sim: "Simulator", session: Json, value: str) -> str:
    """Kept with the session; it reaches the customer when the session is completed."""
    collection = session["tax_id_collection"]
    if not collection or not collection["enabled"]:
        return ""
    country = country_of(session)
    if value:
        kind = tax_ids.kind_of(value, country)
        if not kind:
            return "Your tax ID is invalid."
        sim.store.change(session, _tax_id={"type": kind, "value": value})
    elif collection["required"] == "if_supported" and country in tax_ids.KINDS and not session["_tax_id"]:
        return "Your tax ID is incomplete."
    return ""
