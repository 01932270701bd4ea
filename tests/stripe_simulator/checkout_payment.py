"""Paying a Checkout Session: what a card does to it, and what comes of it in Stripe's objects and events."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from .cards import Card, find_card
from .identifiers import new_id
from .jsontypes import Json
from .resources import invoices, payments, subscriptions
from .resources.checkout import details
from .resources.customers import create_customer

if TYPE_CHECKING:
    from .simulator import Simulator


@dataclass(frozen=True)
class Payer:
    """What somebody filled into the page."""

    card: str
    email: str = ""
    name: str = ""
    terms_accepted: bool = False


@dataclass(frozen=True)
class PaymentResult:
    """`paid` comes with the address to go to, `authenticate` with the attempt to confirm, the others with a message."""

    outcome: Literal["paid", "declined", "invalid", "authenticate", "closed"]
    message: str = ""
    redirect: str = ""
    attempt: str = ""

    def as_json(self) -> Json:
        return {"outcome": self.outcome, "message": self.message, "redirect": self.redirect, "attempt": self.attempt}


def is_payable(session: Json) -> bool:
    return session["status"] == "open" or session["_payable_although_expired"]


def pay(sim: "Simulator", session: Json, payer: Payer) -> PaymentResult:
    """One attempt at paying, as when the page's button is pressed."""
    problem = _problem(session, payer)
    if problem:
        return problem
    card = find_card(payer.card)
    assert card
    if card.first == "authenticates":
        return _ask_for_authentication(sim, session, payer, card)
    if card.first == "declines":
        return _decline(sim, session, payer, card)
    return _complete(sim, session, payer, card)


def authenticate(sim: "Simulator", session: Json, attempt_id: str, *, succeeded: bool) -> PaymentResult:
    """The bank's page was answered."""
    attempt = sim.store.get("_attempt", attempt_id)
    if not attempt or attempt["session"] != session["id"] or not is_payable(session):
        return PaymentResult("closed", "This payment is no longer waiting for confirmation.")
    sim.store.remove(attempt)
    payer = Payer(**attempt["payer"])
    card = find_card(payer.card)
    assert card
    if succeeded:
        return _complete(sim, session, payer, card)
    message = "We are unable to authenticate your payment method. Please choose a different payment method and try again."
    if session["payment_intent"]:
        intent = sim.store.get("payment_intent", session["payment_intent"])
        assert intent
        payments.fail_intent(sim, intent, code="payment_intent_authentication_failure", decline_code=None, message=message)
    return PaymentResult("declined", message)


def _problem(session: Json, payer: Payer) -> PaymentResult | None:
    if not is_payable(session):
        return PaymentResult("closed", f"This checkout session is {session['status']}.")
    if not find_card(payer.card):
        return PaymentResult("invalid", "Your card number is invalid.")
    if "@" not in (payer.email or _known_email(session)):
        return PaymentResult("invalid", "Your email is incomplete.")
    if (session["consent_collection"] or {}).get("terms_of_service") == "required" and not payer.terms_accepted:
        return PaymentResult("invalid", "Please accept the terms of service to continue.")
    return None


def _known_email(session: Json) -> str:
    return (session["customer_details"] or {}).get("email") or ""


def _ask_for_authentication(sim: "Simulator", session: Json, payer: Payer, card: Card) -> PaymentResult:
    attempt = sim.store.add({"id": new_id("_attempt"), "object": "_attempt", "session": session["id"], "payer": payer.__dict__})
    if session["mode"] == "payment" and session["amount_total"]:
        intent = _intent(sim, session)
        sim.update(
            intent,
            "payment_intent.requires_action",
            status="requires_action",
            next_action={"type": "use_stripe_sdk", "use_stripe_sdk": {}},
        )
    return PaymentResult("authenticate", attempt=attempt["id"])


def _decline(sim: "Simulator", session: Json, payer: Payer, card: Card) -> PaymentResult:
    """The session stays open. In subscription mode nothing at all is left behind."""
    if session["mode"] == "payment":
        billing = payments.billing_details(payer.name or None, payer.email or _known_email(session))
        payments.decline(sim, _intent(sim, session), card, billing)
    return PaymentResult("declined", card.message)


def _intent(sim: "Simulator", session: Json, customer: str | None = None) -> Json:
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


def _complete(sim: "Simulator", session: Json, payer: Payer, card: Card) -> PaymentResult:
    email, name = payer.email or _known_email(session), payer.name or None
    customer = _customer(sim, session, email, name)
    method = payments.create_payment_method(
        sim, card, name=name, email=email, customer=customer["id"] if customer and session["mode"] == "subscription" else None
    )
    if session["mode"] == "subscription":
        assert customer
        values = _start_subscription(sim, session, customer, card, method)
    else:
        values = _take_one_off_payment(sim, session, customer, card, method)
    terms = (session["consent_collection"] or {}).get("terms_of_service") == "required"
    tax = session["automatic_tax"]
    sim.timers.cancel("expire_checkout_session", session["id"])
    sim.store.change(
        session,
        **values,
        automatic_tax={**tax, "status": "complete" if tax["enabled"] else None},
        consent={"promotions": None, "terms_of_service": "accepted"} if terms else session["consent"],
        customer=customer["id"] if customer else None,
        customer_details=details(email, name),
        payment_status="paid" if session["amount_total"] else "no_payment_required",
        status="complete",
        url=None,
        _payable_although_expired=False,
    )
    sim.emit("checkout.session.completed", session)
    return PaymentResult("paid", redirect=session["success_url"].replace("{CHECKOUT_SESSION_ID}", session["id"]))


def _customer(sim: "Simulator", session: Json, email: str, name: str | None) -> Json | None:
    """The session's customer, or the one that Checkout makes now; a guest has none."""
    if session["customer"]:
        customer = sim.store.get("customer", session["customer"])
        assert customer
        wanted = session["_customer_update"].get("name") == "auto" and name
        return sim.update(customer, "customer.updated", name=name) if wanted else customer
    if session["customer_creation"] == "always":
        return create_customer(sim, email=email, name=name or "")
    return None


def _take_one_off_payment(sim: "Simulator", session: Json, customer: Json | None, card: Card, method: Json) -> Json:
    intent = None
    if session["amount_total"]:
        intent = _intent(sim, session, customer["id"] if customer else None)
        payments.take_payment(sim, intent, card, method)
    if not session["invoice_creation"]["enabled"] or not customer:
        return {}
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
    )
    invoices.finalize(sim, invoice, customer)
    invoices.mark_paid(sim, invoice, intent)
    return {"invoice": invoice["id"]}


def _start_subscription(sim: "Simulator", session: Json, customer: Json, card: Card, method: Json) -> Json:
    data = session["_subscription_data"]
    subscription = subscriptions.create_active(
        sim,
        customer=customer,
        prices=[(item["price"], item["quantity"]) for item in session["_line_items"]],
        metadata=dict(data.get("metadata") or {}),
        method=method,
        description=data.get("description"),
    )
    invoice = subscriptions.invoice_period(sim, subscription, customer, billing_reason="subscription_create")
    sim.store.change(subscription, latest_invoice=invoice["id"])
    sim.emit("customer.subscription.created", subscription)
    invoices.finalize(sim, invoice, customer)
    intent = None
    if invoice["amount_due"]:
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
