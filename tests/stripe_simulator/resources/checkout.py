"""Checkout Sessions: made, listed, expired. Paying them is in checkout_payment.py, the page in checkout_page.py."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import invalid
from ..identifiers import new_id
from ..jsontypes import Json
from ..listing import having, listing
from . import discounts
from .checkout_rules import check_rules
from .common import fetch, merged_metadata
from .session_amounts import reprice

if TYPE_CHECKING:
    from ..api import Call
    from ..simulator import Simulator

SHORTEST, LONGEST = 30 * 60, 24 * 3600


def create(sim: "Simulator", call: "Call") -> Json:
    params = call.params
    check_rules(sim, params)
    now = sim.now()
    expires_at = params.get("expires_at", now + LONGEST)
    if expires_at < now + SHORTEST:
        raise invalid("The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.", "expires_at")
    if expires_at > now + LONGEST:
        raise invalid("The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.", "expires_at")
    items = [_line_item(sim, item, index) for index, item in enumerate(params["line_items"])]
    total = sum(item["amount_total"] for item in items)
    payment = params["mode"] == "payment"
    tax = params.get("automatic_tax", {}).get("enabled", False)
    session_id = new_id("checkout.session")
    invoice_wanted = params.get("invoice_creation", {}).get("enabled", False)
    session = sim.store.add(
        {
            "id": session_id,
            "object": "checkout.session",
            "adaptive_pricing": {"enabled": False},
            "after_expiration": None,
            "allow_promotion_codes": params.get("allow_promotion_codes"),
            "amount_subtotal": total,
            "amount_total": total,
            "automatic_tax": {
                "enabled": tax,
                "liability": {"type": "self"} if tax else None,
                "provider": "stripe" if tax else None,
                "status": "requires_location_inputs" if tax else None,
            },
            "billing_address_collection": params.get("billing_address_collection"),
            "cancel_url": params.get("cancel_url"),
            "client_reference_id": params.get("client_reference_id"),
            "client_secret": None,
            "collected_information": None,
            "consent": None,
            "consent_collection": _consent_collection(params.get("consent_collection")),
            "created": now,
            "currency": items[0]["currency"],
            "currency_conversion": None,
            "custom_fields": [],
            "custom_text": {
                "after_submit": None,
                "shipping_address": None,
                "submit": None,
                "terms_of_service_acceptance": None,
                **(params.get("custom_text") or {}),
            },
            "customer": params.get("customer"),
            "customer_account": None,
            "customer_creation": _customer_creation(params, invoice_wanted),
            "customer_details": _customer_details(sim, params),
            "customer_email": params.get("customer_email"),
            "discounts": [],
            "expires_at": expires_at,
            "invoice": None,
            "invoice_creation": _invoice_creation(params) if payment else None,
            "livemode": False,
            "locale": params.get("locale"),
            "metadata": merged_metadata(None, params.get("metadata")),
            "mode": params["mode"],
            "origin_context": None,
            "payment_intent": None,
            "payment_link": None,
            "payment_method_collection": "if_required" if payment else params.get("payment_method_collection", "always"),
            "payment_method_configuration_details": None,
            "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
            "payment_method_types": _payment_method_types(sim, params),
            "payment_status": "unpaid",
            "permissions": None,
            "phone_number_collection": {"enabled": False},
            "recovered_from": None,
            "saved_payment_method_options": None,
            "setup_intent": None,
            "shipping_address_collection": None,
            "shipping_cost": None,
            "shipping_options": [],
            "status": "open",
            "submit_type": params.get("submit_type"),
            "subscription": None,
            "success_url": params["success_url"],
            "tax_id_collection": _tax_id_collection(params.get("tax_id_collection")),
            "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
            "ui_mode": "hosted_page",
            "url": f"{sim.base_url}/c/pay/{session_id}",
            "wallet_options": None,
            "_address": None,
            "_discount": None,
            "_line_items": items,
            "_customer_update": params.get("customer_update", {}),
            "_payment_intent_data": params.get("payment_intent_data", {}),
            "_tax_id": None,
            "_subscription_data": params.get("subscription_data", {}),
            "_payable_although_expired": False,
        }
    )
    sim.timers.set("expire_checkout_session", session_id, expires_at)
    for given in params.get("discounts", []):
        _give_discount(sim, session, given)
    reprice(sim, session)
    return session


def _give_discount(sim: "Simulator", session: Json, given: Json) -> None:
    """The offer that the request names, refused if nobody could have it."""
    code = None
    if "promotion_code" in given:
        code = fetch(sim, "promotion_code", given["promotion_code"], "promotion code", "discounts[0][promotion_code]")
    coupon_id = code["promotion"]["coupon"] if code else given["coupon"]
    coupon = fetch(sim, "coupon", coupon_id, "coupon", "discounts[0][coupon]")
    refusal = discounts.why_not(sim, session, coupon, code)
    if refusal:
        raise invalid(refusal, "discounts[0]", None if code else "coupon_expired")
    discounts.attach(sim, session, coupon, code)


def _line_item(sim: "Simulator", item: Json, index: int) -> Json:
    price = fetch(sim, "price", item["price"], "price", f"line_items[{index}][price]")
    product = fetch(sim, "product", price["product"], "product")
    amount = price["unit_amount"] * item.get("quantity", 1)
    return {
        "id": new_id("item"),
        "object": "item",
        "adjustable_quantity": None,
        "amount_discount": 0,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "currency": price["currency"],
        "description": product["name"],
        "metadata": {},
        "price": dict(price),
        "quantity": item.get("quantity", 1),
    }


def _consent_collection(given: Json | None) -> Json | None:
    if given is None:
        return None
    return {"payment_method_reuse_agreement": None, "promotions": None, "terms_of_service": None, **given}


def _payment_method_types(sim: "Simulator", params: Json) -> list[str]:
    """Cards always; bank debits if the account has them on and the request does not leave them out, or if it names them."""
    allowed = params.get("allowed_payment_method_types")
    debit = sim.switch("delayed_payments") if allowed is None else "us_bank_account" in allowed
    return ["card", "us_bank_account"] if debit and params["mode"] == "payment" else ["card"]


def _tax_id_collection(given: Json | None) -> Json:
    return {"required": "never", **(given or {"enabled": False})}


def _customer_creation(params: Json, invoice_wanted: bool) -> str | None:
    """An invoice and a subscription need a customer; other payments make none unless asked to."""
    if "customer" in params or params["mode"] != "payment":
        return None if "customer" in params else "always"
    return params.get("customer_creation") or ("always" if invoice_wanted else "if_required")


def _customer_details(sim: "Simulator", params: Json) -> Json | None:
    customer = sim.store.get("customer", params.get("customer", "")) or {}
    email = customer.get("email") or params.get("customer_email")
    return details(email, customer.get("name"), address=customer.get("address")) if email else None


def details(email: str | None, name: str | None, *, address: Json | None = None, tax_ids: Sequence[Json] = ()) -> Json:
    return {
        "address": address,
        "business_name": None,
        "email": email,
        "individual_name": None,
        "name": name,
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [{"type": row["type"], "value": row["value"]} for row in tax_ids],
    }


def _invoice_creation(params: Json) -> Json:
    given = params.get("invoice_creation", {"enabled": False})
    data = given.get("invoice_data", {})
    return {
        "enabled": given["enabled"],
        "invoice_data": {
            "account_tax_ids": None,
            "custom_fields": data.get("custom_fields") or None,
            "description": data.get("description"),
            "footer": data.get("footer"),
            "issuer": None,
            "metadata": data.get("metadata") or {},
            "rendering_options": None,
        },
    }


def retrieve(sim: "Simulator", call: "Call") -> Json:
    return fetch(sim, "checkout.session", call.id, "checkout.session")


def list_sessions(sim: "Simulator", call: "Call") -> Json:
    rows: Any = having(
        sim.store.newest_first("checkout.session"), call.params, "customer", "payment_intent", "subscription", "status"
    )
    if "customer_details" in call.params:
        email = call.params["customer_details"]["email"].lower()
        rows = [row for row in rows if ((row["customer_details"] or {}).get("email") or "").lower() == email]
    return listing("/v1/checkout/sessions", call.params, rows)


def list_line_items(sim: "Simulator", call: "Call") -> Json:
    session = fetch(sim, "checkout.session", call.id, "checkout.session")
    return listing(f"/v1/checkout/sessions/{call.id}/line_items", call.params, session["_line_items"])


def expire(sim: "Simulator", call: "Call") -> Json:
    session = fetch(sim, "checkout.session", call.id, "checkout.session")
    if session["status"] != "open":
        raise invalid(
            f'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of '
            f"{session['status']}."
        )
    end_unpaid(sim, session)
    return session


def end_unpaid(sim: "Simulator", session: Json) -> None:
    """Expired: nobody can pay it any more, unless the controls say that Stripe takes the money all the same."""
    sim.timers.cancel("expire_checkout_session", session["id"])
    sim.store.change(
        session,
        status="expired",
        url=None,
        _payable_although_expired=sim.switch("take_payment_despite_expire"),
    )
    intent = sim.store.get("payment_intent", session["payment_intent"] or "")
    if intent and not session["_payable_although_expired"]:
        sim.update(intent, "payment_intent.canceled", status="canceled", canceled_at=sim.now(), cancellation_reason="automatic")
    sim.emit("checkout.session.expired", session)


def expire_when_due(sim: "Simulator", session_id: str) -> None:
    session = sim.store.get("checkout.session", session_id)
    if session and session["status"] == "open":
        end_unpaid(sim, session)
