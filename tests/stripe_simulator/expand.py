"""`expand`: ids turned into their objects, and lists that are left out unless asked for."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .errors import ApiError, invalid
from .jsontypes import Json, list_object, public

if TYPE_CHECKING:
    from .simulator import Simulator

MAX_DEPTH = 4

# Fields that hold an id, or the object in its place when expanded.
EXPANDABLE: dict[str, frozenset[str]] = {
    "billing_portal.session": frozenset({"configuration"}),
    "charge": frozenset({"customer", "payment_intent"}),
    "checkout.session": frozenset({"customer", "invoice", "payment_intent", "subscription"}),
    "coupon": frozenset(),
    "credit_note": frozenset({"customer", "invoice"}),
    "discount": frozenset({"customer", "promotion_code"}),
    "dispute": frozenset({"charge", "payment_intent"}),
    "invoice": frozenset({"customer", "default_payment_method", "discounts"}),
    "invoice_payment": frozenset({"invoice"}),
    "payment_intent": frozenset({"customer", "latest_charge", "payment_method"}),
    "payment_method": frozenset({"customer"}),
    "price": frozenset({"product"}),
    "product": frozenset({"default_price"}),
    "radar.early_fraud_warning": frozenset({"charge", "payment_intent"}),
    "refund": frozenset({"charge", "payment_intent"}),
    "subscription": frozenset({"customer", "default_payment_method", "discounts", "latest_invoice"}),
}
# The same inside nested hashes that are no objects of their own: (object, hash) to its fields.
NESTED: dict[tuple[str, str], frozenset[str]] = {
    ("customer", "invoice_settings"): frozenset({"default_payment_method"}),
    ("discount", "source"): frozenset({"coupon"}),
    ("invoice", "parent"): frozenset({"subscription_details"}),
    ("invoice", "parent.subscription_details"): frozenset({"subscription"}),
    ("invoice_payment", "payment"): frozenset({"payment_intent", "charge"}),
    ("line_item", "pricing"): frozenset({"price_details"}),
    ("line_item", "pricing.price_details"): frozenset({"price"}),
    ("promotion_code", "promotion"): frozenset({"coupon"}),
}


def _session_items(sim: "Simulator", session: Json) -> Json:
    return list_object(f"/v1/checkout/sessions/{session['id']}/line_items", session["_line_items"])


def _invoice_payments(sim: "Simulator", invoice: Json) -> Json:
    rows = [row for row in sim.store.newest_first("invoice_payment") if row["invoice"] == invoice["id"]]
    return list_object(f"/v1/invoice_payments?invoice={invoice['id']}", rows)


def _charge_refunds(sim: "Simulator", charge: Json) -> Json:
    rows = [row for row in sim.store.newest_first("refund") if row["charge"] == charge["id"]]
    return list_object(f"/v1/charges/{charge['id']}/refunds", rows)


def _customer_subscriptions(sim: "Simulator", customer: Json) -> Json:
    rows = [row for row in sim.store.newest_first("subscription") if row["customer"] == customer["id"]]
    rows = [row for row in rows if row["status"] != "canceled"]
    return list_object(f"/v1/customers/{customer['id']}/subscriptions", rows)


def _item_discounts(sim: "Simulator", item: Json) -> list[Json]:
    for session in sim.store.newest_first("checkout.session"):
        if any(row["id"] == item["id"] for row in session["_line_items"]):
            discount = sim.store.get("discount", session["_discount"] or "")
            return [{"amount": item["amount_discount"], "discount": discount}] if discount else []
    return []


def _customer_tax_ids(sim: "Simulator", customer: Json) -> Json:
    rows = [row for row in sim.store.newest_first("tax_id") if row["customer"] == customer["id"]]
    return list_object(f"/v1/customers/{customer['id']}/tax_ids", rows)


# Lists that a reply holds only on request.
INCLUDABLE: dict[tuple[str, str], Callable[["Simulator", Json], Any]] = {
    ("charge", "refunds"): _charge_refunds,
    ("checkout.session", "line_items"): _session_items,
    ("customer", "tax_ids"): _customer_tax_ids,
    ("customer", "subscriptions"): _customer_subscriptions,
    ("invoice", "payments"): _invoice_payments,
    ("item", "discounts"): _item_discounts,
}


def expanded(sim: "Simulator", obj: Json, paths: list[str]) -> Json:
    """A public copy of the object with these paths expanded; a path that leads nowhere is refused."""
    result = public(obj)
    for path in paths:
        parts = path.split(".")
        if len([part for part in parts if part != "data"]) > MAX_DEPTH:
            raise invalid(f"You cannot expand more than {MAX_DEPTH} levels of a property (property: {path}).", "expand")
        _expand(sim, result, parts, path)
    return dict(result)


def _expand(sim: "Simulator", node: Any, parts: list[str], path: str) -> None:
    """Expand what the first part names, in place, and go on inside with the rest."""
    if not parts or node is None:
        return
    if isinstance(node, list):
        for item in node:
            _expand(sim, item, parts, path)
        return
    if node.get("object") == "list":
        if parts[0] != "data":
            raise _refusal(path, "Lists are expanded by `data`, as in `data.customer`.")
        for item in node["data"]:
            _expand(sim, item, parts[1:], path)
        return
    kind = node.get("object", "")
    if (kind, parts[0]) in INCLUDABLE:
        # Built once; a second path through the same list goes on inside it.
        if parts[0] not in node:
            stored = sim.store.find(node["id"])
            node[parts[0]] = public(INCLUDABLE[kind, parts[0]](sim, stored or node))
        _expand(sim, node[parts[0]], parts[1:], path)
    elif parts[0] in EXPANDABLE.get(kind, ()):
        _replace(sim, node, parts[0])
        _expand(sim, node[parts[0]], parts[1:], path)
    elif isinstance(node.get(parts[0]), dict) and len(parts) > 1 and "object" in node[parts[0]]:
        _expand(sim, node[parts[0]], parts[1:], path)
    else:
        _expand_inside_hash(sim, node, kind, parts, path)


def _expand_inside_hash(sim: "Simulator", node: Json, kind: str, parts: list[str], path: str) -> None:
    inner, hash_path = node, ""
    for index, part in enumerate(parts[:-1]):
        hash_path = f"{hash_path}.{part}".lstrip(".")
        field = parts[index + 1]
        if field not in NESTED.get((kind, hash_path), ()):
            break
        if inner.get(part) is None:
            return
        inner = inner[part]
        if isinstance(inner.get(field), dict) and "object" not in inner[field]:
            continue
        _replace(sim, inner, field)
        _expand(sim, inner[field], parts[index + 2 :], path)
        return
    raise _refusal(path)


def _replace(sim: "Simulator", node: Json, field: str) -> None:
    """An id by its object; an object already there, and null, stay."""
    value = node.get(field)
    if isinstance(value, str):
        node[field] = public(sim.store.find(value)) or value
    elif isinstance(value, list):
        node[field] = [public(sim.store.find(item)) if isinstance(item, str) else item for item in value]


def _refusal(path: str, hint: str = "") -> ApiError:
    return invalid(f"This property cannot be expanded ({path}). {hint}".strip(), "expand")
