"""Paying a Checkout Session: what a card does to it, and what comes of it in Stripe's objects and events."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from . import bank_debits
from .cards import Card, find_card
from .checkout_completion import complete, intent_of
from .checkout_details import apply_code, take_address, take_tax_id, withdraw_lost_offer
from .identifiers import new_id
from .jsontypes import Json
from .resources import payments
from .resources.session_amounts import reprice

if TYPE_CHECKING:
    from .simulator import Simulator


@dataclass(frozen=True)
class Payer:
    """What somebody filled into the page."""

    card: str
    email: str = ""
    name: str = ""
    terms_accepted: bool = False
    promotion_code: str = ""
    country: str = ""
    postal_code: str = ""
    tax_id: str = ""


@dataclass(frozen=True)
class PaymentResult:
    """`paid` comes with the address to go to, `authenticate` with the attempt to confirm, the others with a message.

    By a bank debit, `paid` is a promise.
    """

    outcome: Literal["paid", "declined", "invalid", "authenticate", "closed"]
    message: str = ""
    redirect: str = ""
    attempt: str = ""

    def as_json(self) -> Json:
        return {"outcome": self.outcome, "message": self.message, "redirect": self.redirect, "attempt": self.attempt}


def is_payable(session: Json) -> bool:
    return session["status"] == "open" or session["_payable_although_expired"]


def needs_card(session: Json) -> bool:
    """Nothing to pay needs no card, unless later periods will be charged to it."""
    later = session["mode"] == "subscription" and session["payment_method_collection"] == "always"
    return bool(session["amount_total"]) or later


def pay(sim: "Simulator", session: Json, payer: Payer) -> PaymentResult:
    """One attempt at paying, as when the page's button is pressed."""
    if not is_payable(session):
        return PaymentResult("closed", f"This checkout session is {session['status']}.")
    problem = fill_in(sim, session, payer) or _problem(session, payer) or withdraw_lost_offer(sim, session)
    if problem:
        return PaymentResult("invalid", problem)
    card = find_card(payer.card) if needs_card(session) else None
    if card and card.first == "authenticates":
        return _ask_for_authentication(sim, session, payer, card)
    if card and card.first == "declines":
        return _decline(sim, session, payer, card)
    return _complete(sim, session, payer, card)


def pay_by_debit(sim: "Simulator", session: Json, payer: Payer) -> PaymentResult:
    """A bank account instead of a card: the session completes unpaid, and `bank_debits.settle` says later how it went."""
    if not is_payable(session):
        return PaymentResult("closed", f"This checkout session is {session['status']}.")
    if bank_debits.KIND not in session["payment_method_types"]:
        return PaymentResult("invalid", "This checkout takes no bank debits.")
    problem = fill_in(sim, session, payer) or _problem(session, payer, card=False) or withdraw_lost_offer(sim, session)
    if problem:
        return PaymentResult("invalid", problem)
    if not session["amount_total"]:
        return _complete(sim, session, payer, None)
    bank_debits.begin(sim, session, email=payer.email or _known_email(session), name=payer.name or None)
    return _paid(session)


def fill_in(sim: "Simulator", session: Json, payer: Payer) -> str:
    """Take down everything but the card, and reckon the total; returns what is wrong with it."""
    reprice(sim, session)
    return (
        (payer.promotion_code and apply_code(sim, session, payer.promotion_code))
        or take_address(sim, session, payer.country, payer.postal_code)
        or take_tax_id(sim, session, payer.tax_id)
    )


def authenticate(sim: "Simulator", session: Json, attempt_id: str, *, succeeded: bool) -> PaymentResult:
    """The bank's page was answered."""
    attempt = sim.store.get("_attempt", attempt_id)
    if not attempt or attempt["session"] != session["id"] or not is_payable(session):
        return PaymentResult("closed", "This payment is no longer waiting for confirmation.")
    sim.store.remove(attempt)
    payer = Payer(**attempt["payer"])
    if succeeded:
        lost = withdraw_lost_offer(sim, session)
        if not lost:
            return _complete(sim, session, payer, find_card(payer.card))
        intent = sim.store.get("payment_intent", session["payment_intent"] or "")
        if intent:
            sim.store.change(intent, status="requires_payment_method", next_action=None)
        return PaymentResult("invalid", lost)
    message = "We are unable to authenticate your payment method. Please choose a different payment method and try again."
    if session["payment_intent"]:
        intent = sim.store.get("payment_intent", session["payment_intent"])
        assert intent
        payments.fail_intent(sim, intent, code="payment_intent_authentication_failure", decline_code=None, message=message)
    return PaymentResult("declined", message)


def _problem(session: Json, payer: Payer, *, card: bool = True) -> str:
    if card and needs_card(session) and not find_card(payer.card):
        return "Your card number is invalid."
    if "@" not in (payer.email or _known_email(session)):
        return "Your email is incomplete."
    if (session["consent_collection"] or {}).get("terms_of_service") == "required" and not payer.terms_accepted:
        return "Please accept the terms of service to continue."
    return ""


def _known_email(session: Json) -> str:
    return (session["customer_details"] or {}).get("email") or ""


def _ask_for_authentication(sim: "Simulator", session: Json, payer: Payer, card: Card) -> PaymentResult:
    attempt = sim.store.add({"id": new_id("_attempt"), "object": "_attempt", "session": session["id"], "payer": payer.__dict__})
    if session["mode"] == "payment" and session["amount_total"]:
        intent = intent_of(sim, session)
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
        payments.decline(sim, intent_of(sim, session), card, billing)
    return PaymentResult("declined", card.message)


def _complete(sim: "Simulator", session: Json, payer: Payer, card: Card | None) -> PaymentResult:
    complete(sim, session, email=payer.email or _known_email(session), name=payer.name or None, card=card)
    return _paid(session)


def _paid(session: Json) -> PaymentResult:
    return PaymentResult("paid", redirect=session["success_url"].replace("{CHECKOUT_SESSION_ID}", session["id"]))
