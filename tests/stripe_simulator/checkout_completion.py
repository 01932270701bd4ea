"""A Checkout Session that is completed: its customer, its payment or subscription, its invoice, its redeemed discount."""

from typing import TYPE_CHECKING

from .cards import Card
from .identifiers import new_id
from .jsontypes import Json
from .resources import discounts, invoices, payments, subscriptions, tax_ids, taxes
from .resources.checkout import details
from .resources.customers import create_customer
from .resources.invoice_amounts import reckoned
from .resources.session_amounts import taxation_of

if TYPE_CHECKING:
    from .simulator import Simulator


def complete(sim: "Simulator", session: Json, *, email: str, name: str | None, card: Card | None) -> None:
    """The card pays, or nothing is due; without a card nothing can be charged later either."""
    customer = customer_of(sim, session, email, name)
    method = None
    if card:
        keeper = customer["id"] if customer and session["mode"] == "subscription" else None
        method = payments.create_payment_method(sim, card, name=name, email=email, customer=keeper)
    if session["mode"] == "subscription":
        assert customer
        values = _start_subscription(sim, session, customer, card, method)
    else:
        values = _take_one_off_payment(sim, session, customer, card, method)
    finish(sim, session, customer, email=email, name=name, **values)


def finish(sim: "Simulator", session: Json, customer: Json | None, *, email: str, name: str | None, **values: object) -> None:
    """The session itself, once everything that comes of it stands."""
    terms = (session["consent_collection"] or {}).get("terms_of_service") == "required"
    address = session["_address"] or (customer["address"] if customer else None)
    sim.timers.cancel("expire_checkout_session", session["id"])
    sim.store.change(
        session,
        **{
            "consent": {"promotions": None, "terms_of_service": "accepted"} if terms else session["consent"],
            "customer": customer["id"] if customer else None,
            "customer_details": details(email, name, address=address, tax_ids=_tax_ids(sim, session, customer)),
            "payment_status": "paid" if session["amount_total"] else "no_payment_required",
            "status": "complete",
            "url": None,
            "_payable_although_expired": False,
            **values,
        },
    )
    sim.emit("checkout.session.completed", session)


def _tax_ids(sim: "Simulator", session: Json, customer: Json | None) -> list[Json]:
    if customer:
        return [row for row in sim.store.oldest_first("tax_id") if row["customer"] == customer["id"]]
    return [session["_tax_id"]] if session["_tax_id"] else []


def customer_of(sim: "Simulator", session: Json, email: str, name: str | None) -> Json | None:
    """The session's customer, or the one that Checkout makes now; a guest has none."""
    if session["customer"]:
        customer = sim.store.get("customer", session["customer"])
        assert customer
        wanted, values = session["_customer_update"], {}
        if wanted.get("name") == "auto" and name:
            values["name"] = name
        if wanted.get("address") == "auto" and session["_address"]:
            values["address"] = session["_address"]
        sim.update(customer, "customer.updated", **values)
    elif session["customer_creation"] == "always":
        customer = create_customer(sim, email=email, name=name or "", **_address_param(session))
    else:
        return None
    if session["_tax_id"]:
        tax_ids.add(sim, customer, session["_tax_id"]["type"], session["_tax_id"]["value"])
    return customer


def _address_param(session: Json) -> Json:
    return {"address": session["_address"]} if session["_address"] else {}


def intent_of(sim: "Simulator", session: Json, customer: str | None = None) -> Json:
    """The session's payment intent, made at the first attempt."""
    intent = sim.store.get("payment_intent", session["payment_intent"] or "")
    if intent is None:
        data = session["_payment_intent_data"]
        intent = payments.open_payment_intent(
            sim,
            amount=session["amount_total"],
            currency=session["currency"],
            customer=customer or session["customer"],
            metadata=dict(data.get("metadata") or {}),
            description=data.get("description"),
            receipt_email=data.get("receipt_email"),
            setup_future_usage=data.get("setup_future_usage"),
        )
        sim.store.change(session, payment_intent=intent["id"])
    elif customer and not intent["customer"]:
        sim.store.change(intent, customer=customer)
    return intent


def _take_one_off_payment(sim: "Simulator", session: Json, customer: Json | None, card: Card | None, method: Json | None) -> Json:
    intent = None
    if session["amount_total"]:
        assert card
        assert method
        intent = intent_of(sim, session, customer["id"] if customer else None)
        payments.take_payment(sim, intent, card, method)
    discount = discounts.of_session(sim, session)
    invoice = invoice_one_off(sim, session, customer, discount, intent) if customer else None
    invoice_id, customer_id = invoice["id"] if invoice else None, customer["id"] if customer else None
    if discount:
        discounts.redeem(sim, discount, customer=customer_id, invoice=invoice_id, subscription=None)
    return {"invoice": invoice_id}


def invoice_one_off(sim: "Simulator", session: Json, customer: Json, discount: Json | None, intent: Json | None) -> Json | None:
    """A paid invoice, if the shop wants invoices for single payments."""
    if not session["invoice_creation"]["enabled"]:
        return None
    data, now, invoice_id = session["invoice_creation"]["invoice_data"], sim.now(), new_id("invoice")
    lines = [
        invoices.line(
            invoice_id=invoice_id,
            price=item["price"],
            quantity=item["quantity"],
            description=item["description"],
            period=(now, now),
            parent=invoices.invoice_item_parent(),
            metadata={},
        )
        for item in session["_line_items"]
    ]
    invoice = invoices.draft(
        sim,
        customer=customer,
        currency=session["currency"],
        billing_reason="manual",
        invoice_id=invoice_id,
        lines=lines,
        parent=None,
        metadata=data["metadata"],
        period=(now, now),
        description=data["description"],
        footer=data["footer"],
        custom_fields=data["custom_fields"],
        **taxes.invoice_fields(sim, customer, enabled=session["automatic_tax"]["enabled"]),
        **reckoned(sim, lines, discount, taxation_of(sim, session)),
    )
    invoices.finalize(sim, invoice, customer)
    invoices.mark_paid(sim, invoice, intent)
    return invoice


def _start_subscription(sim: "Simulator", session: Json, customer: Json, card: Card | None, method: Json | None) -> Json:
    data, taxed = session["_subscription_data"], session["automatic_tax"]
    subscription = subscriptions.create_active(
        sim,
        customer=customer,
        prices=[(item["price"], item["quantity"]) for item in session["_line_items"]],
        metadata=dict(data.get("metadata") or {}),
        method=method,
        description=data.get("description"),
    )
    tax = {"disabled_reason": None, "enabled": taxed["enabled"], "liability": taxed["liability"]}
    sim.store.change(subscription, automatic_tax=tax)
    discount = discounts.of_session(sim, session)
    invoice = subscriptions.invoice_period(sim, subscription, customer, billing_reason="subscription_create", discount=discount)
    sim.store.change(subscription, latest_invoice=invoice["id"])
    if discount:
        discounts.redeem(sim, discount, customer=customer["id"], invoice=None, subscription=subscription["id"])
        discounts.stay_with(sim, subscription, discount)
    sim.emit("customer.subscription.created", subscription)
    invoices.finalize(sim, invoice, customer)
    intent = None
    if invoice["amount_due"]:
        assert card
        assert method
        intent = payments.open_payment_intent(
            sim,
            amount=invoice["amount_due"],
            currency=invoice["currency"],
            customer=customer["id"],
            metadata={},
            description="Subscription creation",
            setup_future_usage="off_session",
        )
        payments.take_payment(sim, intent, card, method)
    invoices.mark_paid(sim, invoice, intent)
    subscriptions.schedule(sim, subscription)
    return {"subscription": subscription["id"], "invoice": invoice["id"]}
