"""What Stripe refuses in a new Checkout Session beyond the mere types of its parameters."""

from typing import TYPE_CHECKING

from ..errors import invalid, not_simulated
from ..jsontypes import Json
from .common import check_url, fetch, refuse_others

if TYPE_CHECKING:
    from ..simulator import Simulator

SIMULATED = {
    "adaptive_pricing",
    "allowed_payment_method_types",
    "allow_promotion_codes",
    "automatic_tax",
    "billing_address_collection",
    "cancel_url",
    "client_reference_id",
    "consent_collection",
    "custom_text",
    "customer",
    "customer_creation",
    "customer_email",
    "customer_update",
    "discounts",
    "expires_at",
    "invoice_creation",
    "line_items",
    "locale",
    "metadata",
    "mode",
    "payment_intent_data",
    "payment_method_collection",
    "submit_type",
    "subscription_data",
    "success_url",
    "tax_id_collection",
    "ui_mode",
}
MAX_REFERENCE_LENGTH = 200


def check_rules(sim: "Simulator", params: Json) -> None:
    """Raises the refusal; returns if the session can be made."""
    refuse_others(params, SIMULATED)
    if params.get("ui_mode", "hosted_page") != "hosted_page":
        raise not_simulated("ui_mode")
    if params.get("adaptive_pricing", {}).get("enabled"):
        raise not_simulated("adaptive_pricing[enabled]")
    for name in ("mode", "line_items", "success_url"):
        if not params.get(name):
            raise invalid(f"Missing required param: {name}.", name, "parameter_missing")
    if params["mode"] not in ("payment", "subscription"):
        raise not_simulated("mode")
    check_url(params["success_url"], "success_url")
    if "cancel_url" in params:
        check_url(params["cancel_url"], "cancel_url")
    if len(params.get("client_reference_id", "")) > MAX_REFERENCE_LENGTH:
        raise invalid(f"Invalid string: must be at most {MAX_REFERENCE_LENGTH} characters", "client_reference_id")
    if "card" not in params.get("allowed_payment_method_types", ["card"]):
        raise not_simulated("allowed_payment_method_types (without card)")
    _check_mode(params)
    _check_customer(sim, params)
    _check_items(sim, params)
    _check_discounts(params)


def _check_mode(params: Json) -> None:
    if params["mode"] == "payment":
        for name in ("subscription_data", "payment_method_collection"):
            if name in params:
                raise invalid(f"You can not pass `{name}` in `payment` mode.", name)
    else:
        for name in ("payment_intent_data", "customer_creation", "submit_type"):
            if name in params:
                raise invalid(f"You can not pass `{name}` in `subscription` mode.", name)
        if params.get("invoice_creation", {}).get("enabled"):
            raise invalid(
                "You can only enable invoice creation when `mode` is set to `payment`. Invoices are created automatically "
                "when `mode` is set to `subscription`.",
                "invoice_creation",
            )
    refuse_others(
        params.get("payment_intent_data", {}),
        {"description", "metadata", "receipt_email", "setup_future_usage"},
        "payment_intent_data",
    )
    refuse_others(params.get("subscription_data", {}), {"billing_mode", "description", "metadata"}, "subscription_data")
    billing_mode = params.get("subscription_data", {}).get("billing_mode")
    if billing_mode and billing_mode["type"] != "flexible":
        raise not_simulated("subscription_data[billing_mode][type]")
    invoice_data = params.get("invoice_creation", {}).get("invoice_data", {})
    refuse_others(invoice_data, {"custom_fields", "description", "footer", "metadata"}, "invoice_creation[invoice_data]")


def _check_customer(sim: "Simulator", params: Json) -> None:
    if "customer" in params:
        fetch(sim, "customer", params["customer"], "customer", "customer")
        _check_tax(sim, params)
        if "customer_email" in params:
            raise invalid("You may only specify one of these parameters: customer, customer_email.", "customer_email")
        if "customer_creation" in params:
            raise invalid("You may only specify one of these parameters: customer, customer_creation.", "customer_creation")
    elif "customer_update" in params:
        raise invalid("`customer_update` can only be used with `customer`.", "customer_update")
    if "customer_email" in params and "@" not in params["customer_email"]:
        raise invalid(f"Invalid email address: {params['customer_email']}", "customer_email", "email_invalid")


def _check_tax(sim: "Simulator", params: Json) -> None:
    """An existing customer's name and address are changed only if the request says so."""
    update = params.get("customer_update", {})
    if params.get("tax_id_collection", {}).get("enabled") and update.get("name") != "auto":
        raise invalid(
            "Tax ID collection requires updating business name on the customer. To enable tax ID collection for an existing "
            "customer, please set `customer_update[name]` to `auto`.",
            "customer_update[name]",
        )
    customer = fetch(sim, "customer", params["customer"], "customer", "customer")
    known = bool((customer["address"] or {}).get("country"))
    if (
        params.get("automatic_tax", {}).get("enabled")
        and not known
        and "auto" not in (update.get("address"), update.get("shipping"))
    ):
        raise invalid(
            "Automatic tax calculation in Checkout requires a valid address on the Customer. Add a valid address to the Customer "
            "or set either `customer_update[address]` to 'auto' or `customer_update[shipping]` to 'auto' to save the address "
            "entered in Checkout to the Customer.",
            "customer_update[address]",
            "customer_tax_location_invalid",
        )


def _check_items(sim: "Simulator", params: Json) -> None:
    currencies, recurring = set(), 0
    for index, item in enumerate(params["line_items"]):
        refuse_others(item, {"price", "quantity"}, f"line_items[{index}]")
        if "price" not in item:
            raise invalid(
                f"Missing required param: line_items[{index}][price].", f"line_items[{index}][price]", "parameter_missing"
            )
        price = fetch(sim, "price", item["price"], "price", f"line_items[{index}][price]")
        if "quantity" not in item:
            raise invalid(
                "Quantity is required. Add `quantity` to `line_items[" + str(index) + "]`", f"line_items[{index}][quantity]"
            )
        if item["quantity"] < 1:
            raise invalid("Invalid positive integer", f"line_items[{index}][quantity]", "parameter_invalid_integer")
        if not price["active"]:
            message = f"The price specified is inactive. This field only accepts active prices. (price: {price['id']})"
            raise invalid(message, f"line_items[{index}][price]")
        if not fetch(sim, "product", price["product"], "product")["active"]:
            raise invalid(f"The product {price['product']} is not active.", f"line_items[{index}][price]")
        currencies.add(price["currency"])
        recurring += price["type"] == "recurring"
    if len(currencies) > 1:
        raise invalid("All line items must have the same currency.", "line_items")
    if params["mode"] == "payment" and recurring:
        raise invalid(
            "You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or use only "
            "one-time prices.",
            "mode",
        )
    if params["mode"] == "subscription" and recurring != len(params["line_items"]):
        if not recurring:
            raise invalid("You must provide at least one recurring price in `subscription` mode when using prices.", "mode")
        raise not_simulated("line_items (one-time price beside a recurring one)")


def _check_discounts(params: Json) -> None:
    if "discounts" not in params:
        return
    if "allow_promotion_codes" in params:
        raise invalid("You may only specify one of these parameters: allow_promotion_codes, discounts.", "discounts")
    if len(params["discounts"]) > 1:
        raise invalid("You may only specify one discount.", "discounts")
    for given in params["discounts"]:
        if ("coupon" in given) == ("promotion_code" in given):
            raise invalid("You must specify exactly one of `coupon` and `promotion_code`.", "discounts[0]")
