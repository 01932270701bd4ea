"""The hosted Checkout page: a form that works without JavaScript, and the bank's page for cards that ask for it."""

from html import escape
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from .cards import find_card
from .checkout_payment import Payer, PaymentResult, authenticate, is_payable, pay
from .html import Page, interval_text, items_table, not_found, page, problem
from .jsontypes import Json
from .resources.common import dollars

if TYPE_CHECKING:
    from .simulator import Simulator


def show_checkout(sim: "Simulator", session_id: str) -> Page:
    with sim.transaction():
        session = sim.store.get("checkout.session", session_id)
        return _view(session, {}, "") if session else not_found()


def submit_checkout(sim: "Simulator", session_id: str, body: str) -> Page:
    """Pay, and go to the success address; or the form again with what went wrong."""
    fields = {name: values[0].strip() for name, values in parse_qs(body, keep_blank_values=True).items()}
    with sim.transaction():
        session = sim.store.get("checkout.session", session_id)
        if not session:
            return not_found()
        missing = _missing(fields) if is_payable(session) else ""
        if missing:
            return _view(session, fields, missing, status=422)
        payer = Payer(
            card=fields.get("card_number", ""),
            email=fields.get("email", ""),
            name=fields.get("name", ""),
            terms_accepted="terms" in fields,
        )
        return _after(session, fields, pay(sim, session, payer))


def show_authentication(sim: "Simulator", session_id: str, attempt_id: str) -> Page:
    with sim.transaction():
        attempt = sim.store.get("_attempt", attempt_id)
        session = sim.store.get("checkout.session", session_id)
        return _bank_page(session, attempt_id) if session and attempt and is_payable(session) else not_found()


def submit_authentication(sim: "Simulator", session_id: str, attempt_id: str, body: str) -> Page:
    succeeded = parse_qs(body).get("answer", [""])[0] == "complete"
    with sim.transaction():
        session = sim.store.get("checkout.session", session_id)
        if not session:
            return not_found()
        return _after(session, {}, authenticate(sim, session, attempt_id, succeeded=succeeded))


def _missing(fields: dict[str, str]) -> str:
    """What keeps the form from being sent to the bank, in the reader's words."""
    if not fields.get("card_number"):
        return "Your card number is incomplete."
    if not find_card(fields["card_number"]):
        return "Your card number is invalid."
    if not fields.get("expiry"):
        return "Your card's expiration date is incomplete."
    if not fields.get("cvc"):
        return "Your card's security code is incomplete."
    return ""


def _after(session: Json, fields: dict[str, str], result: PaymentResult) -> Page:
    if result.outcome == "paid":
        return Page(303, "", {"Location": result.redirect})
    if result.outcome == "authenticate":
        return Page(303, "", {"Location": f"/c/pay/{session['id']}/authenticate/{result.attempt}"})
    status = {"declined": 402, "invalid": 422, "closed": 409}[result.outcome]
    return _view(session, fields, result.message, status=status)


def _view(session: Json, fields: dict[str, str], message: str, *, status: int = 200) -> Page:
    if is_payable(session):
        return Page(status, page("Pay with card", problem(message) + _summary(session) + _form(session, fields) + _back(session)))
    if session["status"] == "complete":
        text = "<p>You have already completed this payment. Nothing more will be charged.</p>"
        return Page(status, page("Already paid", _summary(session) + text))
    text = "<p>This checkout session has expired. You have not been charged.</p>"
    return Page(status, page("Checkout expired", text + _back(session)))


def _summary(session: Json) -> str:
    rows = []
    for item in session["_line_items"]:
        interval = interval_text(item["price"]["recurring"])
        rows.append(
            (f"{item['description']}, {interval}" if interval else item["description"], item["quantity"], item["amount_total"])
        )
    return items_table(rows, session["amount_total"], session["currency"])


def _form(session: Json, fields: dict[str, str]) -> str:
    known = session["customer_details"] or {}
    terms = (session["consent_collection"] or {}).get("terms_of_service") == "required"
    box = (
        '<label class="check"><input type="checkbox" name="terms" value="accepted" required> I agree to the terms</label>'
        if terms
        else ""
    )
    verb = "Subscribe" if session["mode"] == "subscription" else f"Pay {dollars(session['amount_total'], session['currency'])}"
    email = fields.get("email") or known.get("email") or ""
    name = fields.get("name") or known.get("name") or ""
    return (
        f'<form method="post" action="/c/pay/{escape(session["id"])}">'
        + _input("email", "Email", email, kind="email", autocomplete="email")
        + _input("card_number", "Card number", fields.get("card_number", ""), autocomplete="cc-number", mode="numeric")
        + '<p class="hint">4242 4242 4242 4242 pays, 4000 0000 0000 0002 is declined, 4000 0025 0000 3155 asks the bank, '
        "4000 0000 0000 0341 pays now and fails on later charges. Any future date and any code will do.</p>"
        + '<div class="pair"><div>'
        + _input("expiry", "Expiry (MM/YY)", fields.get("expiry", ""), autocomplete="cc-exp", mode="numeric")
        + "</div><div>"
        + _input("cvc", "CVC", fields.get("cvc", ""), autocomplete="cc-csc", mode="numeric")
        + "</div></div>"
        + _input("name", "Cardholder name", name, autocomplete="cc-name")
        + box
        + f'<button type="submit">{escape(verb)}</button></form>'
    )


def _input(name: str, label: str, value: str, *, kind: str = "text", autocomplete: str, mode: str = "text") -> str:
    return (
        f'<label for="{name}">{label}</label><input id="{name}" name="{name}" type="{kind}" value="{escape(value)}" '
        f'autocomplete="{autocomplete}" inputmode="{mode if kind == "text" else "email"}" required>'
    )


def _back(session: Json) -> str:
    url = session["cancel_url"]
    return f'<p><a href="{escape(url)}">Back to the shop</a></p>' if url else ""


def _bank_page(session: Json, attempt_id: str) -> Page:
    action = f"/c/pay/{escape(session['id'])}/authenticate/{escape(attempt_id)}"
    body = (
        f"<p>Your bank asks you to confirm this payment of {escape(dollars(session['amount_total'], session['currency']))}.</p>"
        f'<form method="post" action="{action}"><button name="answer" value="complete">Complete</button>'
        '<button class="second" name="answer" value="fail">Fail</button></form>'
    )
    return Page(200, page("3-D Secure", body))
