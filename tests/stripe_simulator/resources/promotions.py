"""Coupons, and the promotion codes that readers type in to get them."""

import re
from typing import TYPE_CHECKING, Any

from ..errors import ApiError, invalid
from ..identifiers import new_id, random_text
from ..jsontypes import Json
from ..listing import having, listing
from .common import dollars, fetch, merged_metadata, refuse_others

if TYPE_CHECKING:
    from ..api import Call
    from ..simulator import Simulator

PAGING = {"created", "limit", "starting_after", "ending_before"}
COUPON_PARAMS = {
    "amount_off",
    "currency",
    "duration",
    "duration_in_months",
    "id",
    "max_redemptions",
    "metadata",
    "name",
    "percent_off",
    "redeem_by",
}
CODE_PARAMS = {"active", "code", "customer", "expires_at", "max_redemptions", "metadata", "promotion", "restrictions"}
CODE = re.compile(r"^[A-Za-z0-9-]{1,500}$")
MAX_NAME_LENGTH = 40


def create_coupon(sim: "Simulator", call: "Call") -> Json:
    params = call.params
    refuse_others(params, COUPON_PARAMS)
    _check_coupon(sim, params)
    percent = params.get("percent_off")
    coupon = sim.store.add(
        {
            "id": params.get("id") or new_id("coupon"),
            "object": "coupon",
            "amount_off": params.get("amount_off"),
            "created": sim.now(),
            "currency": params["currency"].lower() if "currency" in params else None,
            "duration": params.get("duration", "once"),
            "duration_in_months": params.get("duration_in_months"),
            "livemode": False,
            "max_redemptions": params.get("max_redemptions"),
            "metadata": merged_metadata(None, params.get("metadata")),
            "name": params.get("name"),
            "percent_off": percent,
            "redeem_by": params.get("redeem_by"),
            "times_redeemed": 0,
            "valid": True,
        }
    )
    if coupon["redeem_by"]:
        sim.timers.set("expire_coupon", coupon["id"], coupon["redeem_by"])
    sim.emit("coupon.created", coupon)
    return coupon


def _check_coupon(sim: "Simulator", params: Json) -> None:
    if "percent_off" in params and "amount_off" in params:
        raise invalid("You may only specify one of these parameters: amount_off, percent_off.", "percent_off")
    if "percent_off" not in params and "amount_off" not in params:
        raise invalid("You must pass either `percent_off` or `amount_off`.", "percent_off", "parameter_missing")
    if "percent_off" in params and not 0 < params["percent_off"] <= 100:
        raise invalid("Invalid percent: must be greater than 0 and at most 100", "percent_off")
    if "amount_off" in params and params["amount_off"] < 1:
        raise invalid("Invalid positive integer", "amount_off", "parameter_invalid_integer")
    if "amount_off" in params and "currency" not in params:
        raise invalid("You must pass currency when passing amount_off", "currency", "parameter_missing")
    if (params.get("duration") == "repeating") != ("duration_in_months" in params):
        message = "`duration_in_months` must be given if `duration` is `repeating`, and cannot be given otherwise."
        raise invalid(message, "duration_in_months")
    if params.get("duration_in_months", 1) < 1:
        raise invalid("Invalid positive integer", "duration_in_months", "parameter_invalid_integer")
    if len(params.get("name", "")) > MAX_NAME_LENGTH:
        raise invalid(f"Invalid string: must be at most {MAX_NAME_LENGTH} characters", "name")
    if "id" in params and sim.store.find(params["id"]):
        raise ApiError(400, "invalid_request_error", "Coupon already exists.", code="resource_already_exists", param="id")
    _check_limits(sim, params, "redeem_by")


def _check_limits(sim: "Simulator", params: Json, ends: str) -> None:
    if params.get("max_redemptions", 1) < 1:
        raise invalid("Invalid positive integer", "max_redemptions", "parameter_invalid_integer")
    if params.get(ends, sim.now() + 1) <= sim.now():
        raise invalid(f"`{ends}` must be in the future.", ends)


def retrieve_coupon(sim: "Simulator", call: "Call") -> Json:
    return fetch(sim, "coupon", call.id, "coupon")


def update_coupon(sim: "Simulator", call: "Call") -> Json:
    """What a coupon takes off can never change; its name and metadata can."""
    refuse_others(call.params, {"metadata", "name"})
    coupon = fetch(sim, "coupon", call.id, "coupon")
    values: Json = {"name": call.params["name"]} if "name" in call.params else {}
    if "metadata" in call.params:
        values["metadata"] = merged_metadata(coupon["metadata"], call.params["metadata"])
    return sim.update(coupon, "coupon.updated", **values)


def list_coupons(sim: "Simulator", call: "Call") -> Json:
    refuse_others(call.params, PAGING)
    return listing("/v1/coupons", call.params, sim.store.newest_first("coupon"))


def create_code(sim: "Simulator", call: "Call") -> Json:
    params = call.params
    refuse_others(params, CODE_PARAMS)
    if "coupon" not in params["promotion"]:
        raise invalid("Missing required param: promotion[coupon].", "promotion[coupon]", "parameter_missing")
    coupon = fetch(sim, "coupon", params["promotion"]["coupon"], "coupon", "promotion[coupon]")
    if not coupon["valid"]:
        raise invalid(f"Coupon expired: {coupon['id']}", "promotion[coupon]", "coupon_expired")
    code = params.get("code") or random_text(8).upper()
    if not CODE.match(code):
        raise invalid("The promotion code may only contain letters, digits and dashes.", "code")
    if params.get("active", True):
        _check_unused(sim, code)
    if "customer" in params:
        fetch(sim, "customer", params["customer"], "customer", "customer")
    _check_limits(sim, params, "expires_at")
    promotion_code = sim.store.add(
        {
            "id": new_id("promotion_code"),
            "object": "promotion_code",
            "active": params.get("active", True),
            "code": code,
            "created": sim.now(),
            "customer": params.get("customer"),
            "customer_account": None,
            "expires_at": params.get("expires_at"),
            "livemode": False,
            "max_redemptions": params.get("max_redemptions"),
            "metadata": merged_metadata(None, params.get("metadata")),
            "promotion": {"coupon": coupon["id"], "type": "coupon"},
            "restrictions": _restrictions(params.get("restrictions", {})),
            "times_redeemed": 0,
        }
    )
    if promotion_code["expires_at"]:
        sim.timers.set("expire_promotion_code", promotion_code["id"], promotion_code["expires_at"])
    sim.emit("promotion_code.created", promotion_code)
    return promotion_code


def _check_unused(sim: "Simulator", code: str) -> None:
    """One spelling, whatever its capitals, belongs to one active code."""
    other = find_code(sim, code)
    if other and other["active"]:
        raise invalid(f"An active promotion code with `code: {code}` already exists.", "code")


def _restrictions(given: Json) -> Json:
    refuse_others(given, {"first_time_transaction", "minimum_amount", "minimum_amount_currency"}, "restrictions")
    if ("minimum_amount" in given) != ("minimum_amount_currency" in given):
        raise invalid("`minimum_amount` and `minimum_amount_currency` go together.", "restrictions[minimum_amount]")
    return {
        "first_time_transaction": given.get("first_time_transaction", False),
        "minimum_amount": given.get("minimum_amount"),
        "minimum_amount_currency": given.get("minimum_amount_currency"),
    }


def find_code(sim: "Simulator", text: str) -> Json | None:
    """The code as somebody types it: the active one of that spelling, or else the newest."""
    found = [row for row in sim.store.newest_first("promotion_code") if row["code"].lower() == text.strip().lower()]
    return next((row for row in found if row["active"]), found[0] if found else None)


def retrieve_code(sim: "Simulator", call: "Call") -> Json:
    return fetch(sim, "promotion_code", call.id, "promotion code")


def update_code(sim: "Simulator", call: "Call") -> Json:
    refuse_others(call.params, {"active", "metadata"})
    code = fetch(sim, "promotion_code", call.id, "promotion code")
    values: Json = {}
    if "active" in call.params:
        if call.params["active"] and not code["active"]:
            _check_unused(sim, code["code"])
            coupon = fetch(sim, "coupon", code["promotion"]["coupon"], "coupon")
            if not coupon["valid"] or _is_used_up(code) or _is_over(sim, code):
                raise invalid("This promotion code can no longer be made active.", "active")
        values["active"] = call.params["active"]
    if "metadata" in call.params:
        values["metadata"] = merged_metadata(code["metadata"], call.params["metadata"])
    return sim.update(code, "promotion_code.updated", **values)


def list_codes(sim: "Simulator", call: "Call") -> Json:
    refuse_others(call.params, PAGING | {"active", "code", "coupon", "customer"})
    rows: Any = having(sim.store.newest_first("promotion_code"), call.params, "active", "customer")
    if "code" in call.params:
        rows = [row for row in rows if row["code"].lower() == call.params["code"].lower()]
    if "coupon" in call.params:
        rows = [row for row in rows if row["promotion"]["coupon"] == call.params["coupon"]]
    return listing("/v1/promotion_codes", call.params, rows)


def _is_used_up(limited: Json) -> bool:
    limit = limited["max_redemptions"]
    return limit is not None and bool(limited["times_redeemed"] >= limit)


def _is_over(sim: "Simulator", code: Json) -> bool:
    return bool(code["expires_at"] and code["expires_at"] <= sim.now())


def why_not(sim: "Simulator", coupon: Json, code: Json | None, *, customer: str | None, subtotal: int, currency: str) -> str:
    """Why this offer cannot be had by this customer for this order, in the reader's words; empty if it can."""
    if _is_used_up(coupon) or (code and _is_used_up(code)):
        return "This promotion code has reached its limit."
    if not coupon["valid"] or (code and _is_over(sim, code)):
        return "This promotion code has expired."
    if coupon["currency"] not in (None, currency):
        return "This promotion code cannot be used for this order."
    return _why_not_by_code(sim, code, customer=customer, subtotal=subtotal, currency=currency) if code else ""


def _why_not_by_code(sim: "Simulator", code: Json, *, customer: str | None, subtotal: int, currency: str) -> str:
    if not code["active"] or code["customer"] not in (None, customer):
        return "This promotion code is invalid."
    restrictions = code["restrictions"]
    least = restrictions["minimum_amount"]
    if least is not None and (restrictions["minimum_amount_currency"] != currency or subtotal < least):
        return f"This promotion code is for orders of at least {dollars(least, restrictions['minimum_amount_currency'])}."
    if restrictions["first_time_transaction"] and customer and _has_paid(sim, customer):
        return "This promotion code is for a first order."
    return ""


def _has_paid(sim: "Simulator", customer: str) -> bool:
    rows = (*sim.store.newest_first("charge"), *sim.store.newest_first("invoice"))
    return any(row["customer"] == customer and row["status"] in ("succeeded", "paid") for row in rows)


def count_redemption(sim: "Simulator", coupon: Json, code: Json | None) -> None:
    """Somebody got it; what has no redemption left is closed."""
    sim.store.change(coupon, times_redeemed=coupon["times_redeemed"] + 1)
    if code:
        sim.store.change(code, times_redeemed=code["times_redeemed"] + 1)
        if _is_used_up(code):
            sim.store.change(code, active=False)
    if _is_used_up(coupon):
        _close(sim, coupon)


def _close(sim: "Simulator", coupon: Json) -> None:
    """A coupon that is no longer valid takes its codes along."""
    sim.store.change(coupon, valid=False)
    for code in sim.store.oldest_first("promotion_code"):
        if code["promotion"]["coupon"] == coupon["id"]:
            sim.store.change(code, active=False)


def expire_coupon_when_due(sim: "Simulator", coupon_id: str) -> None:
    coupon = sim.store.get("coupon", coupon_id)
    if coupon and coupon["valid"]:
        _close(sim, coupon)


def expire_code_when_due(sim: "Simulator", code_id: str) -> None:
    code = sim.store.get("promotion_code", code_id)
    if code:
        sim.store.change(code, active=False)
