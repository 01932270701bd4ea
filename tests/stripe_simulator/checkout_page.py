"""The hosted Checkout page: a form that works without JavaScript, and the bank's page for cards that ask for it."""

from html import escape
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from .cards import find_card
from .checkout_details import apply_code, asks_for_address, country_of, remove_code
from .checkout_payment import Payer, PaymentResult, authenticate, fill_in, is_payable, needs_card, pay, pay_by_debit
from .html import Page, interval_text, items_table, not_found, page, problem
from .jsontypes import Json
from .resources import discounts
from .resources.common import dollars

if TYPE_CHECKING:
    from .simulator import Simulator


def show_checkout(sim: "Simulator", session_id: str) -> Page:
    with sim.transaction():
        session = sim.store.get("checkout.session", session_id)
        return _view(sim, session, {}, "") if session else not_found()


def submit_checkout(sim: "Simulator", session_id: str, body: str) -> Page:
    """Pay, and go to the success address; or the form again with what went wrong."""
    fields = {name: values[0].strip() for name, values in parse_qs(body, keep_blank_values=True).items()}
    with sim.transaction():
        session = sim.store.get("checkout.session", session_id)
        if not session:
            return not_found()
        payer = Payer(
            card=fields.get("card_number", ""),
            email=fields.get("email", ""),
            name=fields.get("name", ""),
            terms_accepted="terms" in fields,
            country=fields.get("country", "").upper(),
            postal_code=fields.get("postal_code", ""),
            tax_id=fields.get("tax_id", ""),
        )
        if is_payable(session):
            wrong = _offer_changed(sim, session, fields) or _not_payable_yet(sim, session, fields, payer)
            if wrong:
                return wrong
        result = pay_by_debit(sim, session, payer) if fields.get("action") == "debit" else pay(sim, session, payer)
        return _after(sim, session, fields, result)


def _offer_changed(sim: "Simulator", session: Json, fields: dict[str, str]) -> Page | None:
    """The form of the promotion code was sent, not the one that pays."""
    if fields.get("action") not in ("apply", "remove"):
        return None
    wrong = remove_code(sim, session) if fields["action"] == "remove" else apply_code(sim, session, fields.get("code", ""))
    if wrong:
        return _view(sim, session, fields, wrong, status=422)
    return Page(303, "", {"Location": f"/c/pay/{session['id']}"})


def _not_payable_yet(sim: "Simulator", session: Json, fields: dict[str, str], payer: Payer) -> Page | None:
    """Something is missing; or the tax of that address makes another total than the one that was shown."""
    wrong = fill_in(sim, session, payer) or _missing(session, fields)
    total = str(session["amount_total"])
    if not wrong and fields.get("total", total) != total:
        amount = dollars(session["amount_total"], session["currency"])
        wrong = f"The total is now {amount}. Please look at it once more before you pay."
    return _view(sim, session, fields, wrong, status=422) if wrong else None


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
        return _after(sim, session, {}, authenticate(sim, session, attempt_id, succeeded=succeeded))


def _missing(session: Json, fields: dict[str, str]) -> str:
    """What keeps the form from being sent to the bank, in the reader's words."""
    if not needs_card(session) or fields.get("action") == "debit":
        return ""
    if not fields.get("card_number"):
        return "Your card number is incomplete."
    if not find_card(fields["card_number"]):
        return "Your card number is invalid."
    if not fields.get("expiry"):
        return "Your card's expiration date is incomplete."
    if not fields.get("cvc"):
        return "Your card's security code is incomplete."
    return ""


def _after(sim: "Simulator", session: Json, fields: dict[str, str], result: PaymentResult) -> Page:
    if result.outcome == "paid":
        return Page(303, "", {"Location": result.redirect})
    if result.outcome == "authenticate":
        return Page(303, "", {"Location": f"/c/pay/{session['id']}/authenticate/{result.attempt}"})
    status = {"declined": 402, "invalid": 422, "closed": 409}[result.outcome]
    return _view(sim, session, fields, result.message, status=status)


def _view(sim: "Simulator", session: Json, fields: dict[str, str], message: str, *, status: int = 200) -> Page:
    if is_payable(session):
        parts = [problem(message), _summary(sim, session), _offer(sim, session, fields), _form(session, fields), _back(session)]
        return Page(status, page("Pay with card", "".join(parts)))
    if session["status"] == "complete":
        text = "<p>You have already completed this payment. Nothing more will be charged.</p>"
        return Page(status, page("Already paid", _summary(sim, session) + text))
    text = "<p>This checkout session has expired. You have not been charged.</p>"
    return Page(status, page("Checkout expired", text + _back(session)))


def _summary(sim: "Simulator", session: Json) -> str:
    rows = []
    for item in session["_line_items"]:
        interval = interval_text(item["price"]["recurring"])
        rows.append(
            (f"{item['description']}, {interval}" if interval else item["description"], item["quantity"], item["amount_subtotal"])
        )
    details, discount = session["total_details"], discounts.of_session(sim, session)
    if discount:
        rows.append((f"Discount {_offer_name(sim, discount)}", 1, -details["amount_discount"]))
    if session["automatic_tax"]["enabled"] and country_of(session):
        rows.append((f"Tax ({country_of(session)})", 1, details["amount_tax"]))
    return items_table(rows, session["amount_total"], session["currency"])


def _offer_name(sim: "Simulator", discount: Json) -> str:
    code, coupon = discounts.code_of(sim, discount), discounts.coupon_of(sim, discount)
    return str(code["code"] if code else (coupon and coupon["name"]) or "")


def _offer(sim: "Simulator", session: Json, fields: dict[str, str]) -> str:
    """A form of its own for the promotion code."""
    if not session["allow_promotion_codes"]:
        return ""
    start = f'<form method="post" action="/c/pay/{escape(session["id"])}">'
    if discounts.of_session(sim, session):
        return start + '<button class="second" name="action" value="remove">Remove promotion code</button></form>'
    return (
        start
        + _input("code", "Add promotion code", fields.get("code", ""), autocomplete="off")
        + '<button class="second" name="action" value="apply">Apply</button></form>'
    )


def _form(session: Json, fields: dict[str, str]) -> str:
    known = session["customer_details"] or {}
    terms = (session["consent_collection"] or {}).get("terms_of_service") == "required"
    box = (
        '<label class="check"><input type="checkbox" name="terms" value="accepted" required> I agree to the terms</label>'
        if terms
        else ""
    )
    verb = f"Pay {dollars(session['amount_total'], session['currency'])}" if session["amount_total"] else "Complete order"
    verb = "Subscribe" if session["mode"] == "subscription" else verb
    email = fields.get("email") or known.get("email") or ""
    name = fields.get("name") or known.get("name") or ""
    return (
        f'<form method="post" action="/c/pay/{escape(session["id"])}">'
        + _input("email", "Email", email, kind="email", autocomplete="email")
        + f'<input type="hidden" name="total" value="{session["amount_total"]}">'
        + (_card_fields(fields) if needs_card(session) else "")
        + _input("name", "Cardholder name" if needs_card(session) else "Name", name, autocomplete="name")
        + _address_fields(session, fields)
        + box
        + f'<button type="submit">{escape(verb)}</button>'
        + (_debit_button() if len(session["payment_method_types"]) > 1 and session["amount_total"] else "")
        + "</form>"
    )


def _debit_button() -> str:
    words = "Pay by bank debit, which takes days"
    return f'<button class="second" name="action" value="debit" formnovalidate>{words}</button>'


def _card_fields(fields: dict[str, str]) -> str:
    return (
        _input("card_number", "Card number", fields.get("card_number", ""), autocomplete="cc-number", mode="numeric")
        + '<p class="hint">4242 4242 4242 4242 pays, 4000 0000 0000 0002 is declined, 4000 0025 0000 3155 asks the bank, '
        "4000 0000 0000 0341 pays now and fails on later charges. Any future date and any code will do.</p>"
        + '<div class="pair"><div>'
        + _input("expiry", "Expiry (MM/YY)", fields.get("expiry", ""), autocomplete="cc-exp", mode="numeric")
        + "</div><div>"
        + _input("cvc", "CVC", fields.get("cvc", ""), autocomplete="cc-csc", mode="numeric")
        + "</div></div>"
    )


def _address_fields(session: Json, fields: dict[str, str]) -> str:
    """Where tax or the shop asks for it."""
    html, collection = "", session["tax_id_collection"] or {"enabled": False}
    if asks_for_address(session):
        known = session["_address"] or {}
        country = fields.get("country") or country_of(session)
        postal_code = fields.get("postal_code") or known.get("postal_code") or ""
        html += _input("country", "Country (two letters, as US or DE)", country, autocomplete="country")
        html += _input("postal_code", "Postal code", postal_code, autocomplete="postal-code", required=False)
    if collection["enabled"]:
        value = fields.get("tax_id") or (session["_tax_id"] or {}).get("value") or ""
        html += _input("tax_id", "Tax ID (for businesses)", value, autocomplete="off", required=False)
    return html


def _input(
    name: str, label: str, value: str, *, kind: str = "text", autocomplete: str, mode: str = "text", required: bool = True
) -> str:
    return (
        f'<label for="{name}">{label}</label><input id="{name}" name="{name}" type="{kind}" value="{escape(value)}" '
        f'autocomplete="{autocomplete}" inputmode="{mode if kind == "text" else "email"}"{" required" if required else ""}>'
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
