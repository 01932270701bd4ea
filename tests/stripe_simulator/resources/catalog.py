"""Products and prices."""

from typing import TYPE_CHECKING, Any

from ..errors import ApiError, invalid
from ..identifiers import new_id
from ..jsontypes import Json
from ..listing import having, listing
from .common import fetch, merged_metadata, nullable, refuse_others

if TYPE_CHECKING:
    from ..api import Call
    from ..simulator import Simulator

PRODUCT_PLAIN = ("active", "description", "images", "name", "shippable", "statement_descriptor", "tax_code", "unit_label", "url")
PRICE_CREATE = {
    "active",
    "billing_scheme",
    "currency",
    "lookup_key",
    "metadata",
    "nickname",
    "product",
    "product_data",
    "recurring",
    "tax_behavior",
    "transfer_lookup_key",
    "unit_amount",
}
PRICE_UPDATE = {"active", "lookup_key", "metadata", "nickname", "tax_behavior", "transfer_lookup_key"}
PAGING = {"created", "limit", "starting_after", "ending_before"}
MAX_LOOKUP_KEYS = 10


def create_product(sim: "Simulator", call: "Call") -> Json:
    refuse_others(call.params, {*PRODUCT_PLAIN, "id", "metadata"})
    product_id = call.params.get("id") or new_id("product")
    if sim.store.find(product_id):
        raise ApiError(400, "invalid_request_error", "Product already exists.", code="resource_already_exists", param="id")
    return _add_product(sim, product_id, call.params)


def _add_product(sim: "Simulator", product_id: str, params: Json) -> Json:
    product = sim.store.add(
        {
            "id": product_id,
            "object": "product",
            "active": True,
            "created": sim.now(),
            "default_price": None,
            "description": None,
            "images": [],
            "livemode": False,
            "marketing_features": [],
            "metadata": merged_metadata(None, params.get("metadata")),
            "name": params["name"],
            "package_dimensions": None,
            "shippable": None,
            "statement_descriptor": None,
            "tax_code": None,
            "type": "service",
            "unit_label": None,
            "updated": sim.now(),
            "url": None,
            **{name: nullable(params[name]) for name in PRODUCT_PLAIN if name in params},
        }
    )
    sim.emit("product.created", product)
    return product


def retrieve_product(sim: "Simulator", call: "Call") -> Json:
    return fetch(sim, "product", call.id, "product")


def update_product(sim: "Simulator", call: "Call") -> Json:
    refuse_others(call.params, {*PRODUCT_PLAIN, "default_price", "metadata"})
    product = fetch(sim, "product", call.id, "product")
    values: Json = {name: nullable(call.params[name]) for name in PRODUCT_PLAIN if name in call.params}
    if "default_price" in call.params:
        fetch(sim, "price", call.params["default_price"], "price", "default_price")
        values["default_price"] = call.params["default_price"]
    if "metadata" in call.params:
        values["metadata"] = merged_metadata(product["metadata"], call.params["metadata"])
    changed = any(product.get(name) != value for name, value in values.items())
    return sim.update(product, "product.updated", **values, **({"updated": sim.now()} if changed else {}))


def list_products(sim: "Simulator", call: "Call") -> Json:
    refuse_others(call.params, PAGING | {"active", "ids", "url"})
    rows: Any = sim.store.newest_first("product")
    if "ids" in call.params:
        rows = (row for row in rows if row["id"] in call.params["ids"])
    return listing("/v1/products", call.params, having(rows, call.params, "active", "url"))


def create_price(sim: "Simulator", call: "Call") -> Json:
    refuse_others(call.params, PRICE_CREATE)
    params = call.params
    if "unit_amount" not in params:
        raise invalid("Missing required param: unit_amount.", "unit_amount", "parameter_missing")
    if params["unit_amount"] < 0:
        raise invalid("Invalid non-negative integer", "unit_amount", "parameter_invalid_integer")
    if ("product" in params) == ("product_data" in params):
        raise invalid("You must specify exactly one of `product` and `product_data`.", "product", "parameter_missing")
    if "product" in params:
        product = fetch(sim, "product", params["product"], "product", "product")
    else:
        refuse_others(params["product_data"], {*PRODUCT_PLAIN, "id", "metadata"}, "product_data")
        product = _add_product(sim, params["product_data"].get("id") or new_id("product"), params["product_data"])
    price = {
        "id": new_id("price"),
        "object": "price",
        "active": params.get("active", True),
        "billing_scheme": "per_unit",
        "created": sim.now(),
        "currency": params["currency"].lower(),
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": None,
        "metadata": merged_metadata(None, params.get("metadata")),
        "nickname": params.get("nickname"),
        "product": product["id"],
        "recurring": _recurring(params.get("recurring")),
        "tax_behavior": params.get("tax_behavior", "unspecified"),
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "recurring" if "recurring" in params else "one_time",
        "unit_amount": params["unit_amount"],
        "unit_amount_decimal": str(params["unit_amount"]),
    }
    price["lookup_key"] = _lookup_key(sim, price, params)
    sim.store.add(price)
    sim.emit("price.created", price)
    return price


def _recurring(recurring: Json | None) -> Json | None:
    if recurring is None:
        return None
    refuse_others(recurring, {"interval", "interval_count", "usage_type"}, "recurring")
    return {
        "interval": recurring["interval"],
        "interval_count": recurring.get("interval_count", 1),
        "meter": None,
        "trial_period_days": None,
        "usage_type": recurring.get("usage_type", "licensed"),
    }


def _lookup_key(sim: "Simulator", price: Json, params: Json) -> str | None:
    """The key wished for; taken from the price that has it, if the request says so."""
    if "lookup_key" not in params:
        return price["lookup_key"]
    key = nullable(params["lookup_key"])
    for other in sim.store.oldest_first("price"):
        if key and other["lookup_key"] == key and other["id"] != price["id"]:
            if not params.get("transfer_lookup_key"):
                raise invalid(f"A price (`{other['id']}`) already uses that lookup key.", "lookup_key")
            sim.update(other, "price.updated", lookup_key=None)
    return key


def retrieve_price(sim: "Simulator", call: "Call") -> Json:
    return fetch(sim, "price", call.id, "price")


def update_price(sim: "Simulator", call: "Call") -> Json:
    refuse_others(call.params, PRICE_UPDATE)
    price = fetch(sim, "price", call.id, "price")
    values: Json = {"lookup_key": _lookup_key(sim, price, call.params)}
    behavior = call.params.get("tax_behavior", price["tax_behavior"])
    if behavior != price["tax_behavior"]:
        if price["tax_behavior"] != "unspecified":
            message = "The `tax_behavior` of a price cannot be changed once it is set to `exclusive` or `inclusive`."
            raise invalid(message, "tax_behavior")
        values["tax_behavior"] = behavior
    if "active" in call.params:
        values["active"] = call.params["active"]
    if "nickname" in call.params:
        values["nickname"] = nullable(call.params["nickname"])
    if "metadata" in call.params:
        values["metadata"] = merged_metadata(price["metadata"], call.params["metadata"])
    return sim.update(price, "price.updated", **values)


def list_prices(sim: "Simulator", call: "Call") -> Json:
    refuse_others(call.params, PAGING | {"active", "currency", "lookup_keys", "product", "type", "recurring"})
    keys = call.params.get("lookup_keys")
    if keys is not None and len(keys) > MAX_LOOKUP_KEYS:
        raise invalid(f"You can pass at most {MAX_LOOKUP_KEYS} lookup keys.", "lookup_keys")
    rows: Any = sim.store.newest_first("price")
    if keys is not None:
        rows = (row for row in rows if row["lookup_key"] in keys)
    for name, value in call.params.get("recurring", {}).items():
        rows = [row for row in rows if row["recurring"] and row["recurring"][name] == value]
    return listing("/v1/prices", call.params, having(rows, call.params, "active", "currency", "product", "type"))
