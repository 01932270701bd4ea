"""The customer portal's page: subscriptions, card, details and invoices of one customer, as far as its settings allow."""

from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from .html import Page, not_found, page, problem
from .jsontypes import Json
from .portal_actions import ADDRESS, act, allowed_updates, tax_id_of
from .resources import subscriptions
from .resources.common import dollars

if TYPE_CHECKING:
    from .simulator import Simulator

OPEN_SECONDS = 3600
LABELS = {
    "name": "Name",
    "email": "Email",
    "phone": "Phone",
    "line1": "Address",
    "city": "City",
    "state": "State",
    "postal_code": "Postal code",
    "country": "Country (two letters, as US or DE)",
    "tax_id": "Tax ID",
    "card_number": "Card number",
    "expiry": "Expiry (MM/YY)",
    "cvc": "CVC",
}
REQUIRED = ("email", "card_number", "expiry", "cvc")


def show_portal(sim: "Simulator", secret: str) -> Page:
    with sim.transaction():
        session = _session(sim, secret)
        return _view(sim, session, "") if session else not_found()


def submit_portal(sim: "Simulator", secret: str, body: str) -> Page:
    """Do what one of the page's forms asks for, and show the page again."""
    fields = {name: values[0] for name, values in parse_qs(body, keep_blank_values=True).items()}
    with sim.transaction():
        session = _session(sim, secret)
        if not session:
            return not_found()
        try:
            wrong = act(sim, _customer(sim, session), _features(sim, session), fields)
        except LookupError:
            return not_found()
        if wrong:
            return _view(sim, session, wrong, status=422)
    return Page(303, "", {"Location": f"/p/session/{secret}"})


def _session(sim: "Simulator", secret: str) -> Json | None:
    for session in sim.store.newest_first("billing_portal.session"):
        if session["_secret"] == secret:
            gone = (sim.store.find(session["customer"]) or {}).get("deleted")
            return session if sim.now() < session["created"] + OPEN_SECONDS and not gone else None
    return None


def _customer(sim: "Simulator", session: Json) -> Json:
    customer = sim.store.get("customer", session["customer"])
    assert customer
    return customer


def _features(sim: "Simulator", session: Json) -> Json:
    configuration = sim.store.get("billing_portal.configuration", session["configuration"])
    assert configuration
    features: Json = configuration["features"]
    return features


def _view(sim: "Simulator", session: Json, message: str, *, status: int = 200) -> Page:
    features, customer = _features(sim, session), _customer(sim, session)
    parts = [problem(message), *_subscriptions(sim, session, can_cancel=features["subscription_cancel"]["enabled"])]
    if features["payment_method_update"]["enabled"]:
        parts.append(_card(sim, session, customer))
    if allowed_updates(features):
        parts.append(_details(sim, session, customer, allowed_updates(features)))
    if features["invoice_history"]["enabled"]:
        parts.append(_invoices(sim, customer))
    if session["return_url"]:
        parts.append(f'<p><a href="{escape(session["return_url"])}">Return to the shop</a></p>')
    return Page(status, page("Your subscriptions", "".join(parts)))


def _subscriptions(sim: "Simulator", session: Json, *, can_cancel: bool) -> list[str]:
    rows = [row for row in sim.store.newest_first("subscription") if row["customer"] == session["customer"]]
    return [_subscription(sim, session, row, can_cancel) for row in rows] or ["<p>There is no subscription.</p>"]


def _subscription(sim: "Simulator", session: Json, subscription: Json, can_cancel: bool) -> str:
    product = sim.store.get("product", subscription["items"]["data"][0]["price"]["product"])
    name = escape(product["name"] if product else subscription["id"])
    canceling = bool(subscription["cancel_at"])
    until = _date(subscription["cancel_at"] or subscriptions.current_period(subscription)[1])
    if subscription["status"] == "canceled":
        return f"<h2>{name}</h2><p>Canceled.</p>"
    text = f"Ends on {until}." if canceling else f"Renews on {until}."
    button = ""
    if can_cancel:
        action, label = ("resume", "Don't cancel subscription") if canceling else ("cancel", "Cancel subscription")
        hidden = f'<input type="hidden" name="subscription" value="{subscription["id"]}">'
        button = _form(session, hidden, action, label)
    return f"<h2>{name}</h2><p>{escape(subscription['status'])}. {text}</p>{button}"


def _card(sim: "Simulator", session: Json, customer: Json) -> str:
    method = sim.store.get("payment_method", _charged_method(sim, customer) or "")
    known = f"<p>Card ending in {method['card']['last4']}.</p>" if method else "<p>There is no card.</p>"
    inputs = "".join(_input(name, "") for name in ("card_number", "expiry", "cvc"))
    return f"<h2>Payment method</h2>{known}{_form(session, inputs, 'card', 'Use this card')}"


def _charged_method(sim: "Simulator", customer: Json) -> str | None:
    """The card of a subscription that goes on, or else the customer's own."""
    for subscription in sim.store.newest_first("subscription"):
        if subscription["customer"] == customer["id"] and subscription["status"] != "canceled":
            return subscription["default_payment_method"] or customer["invoice_settings"]["default_payment_method"]
    found: str | None = customer["invoice_settings"]["default_payment_method"]
    return found


def _details(sim: "Simulator", session: Json, customer: Json, allowed: list[str]) -> str:
    tax_id = tax_id_of(sim, customer)
    values: Json = {name: customer[name] for name in ("name", "email", "phone") if name in allowed}
    if "address" in allowed:
        values |= {name: (customer["address"] or {}).get(name) for name in ADDRESS}
    if "tax_id" in allowed:
        values["tax_id"] = tax_id["value"] if tax_id else None
    inputs = "".join(_input(name, value or "") for name, value in values.items())
    return f"<h2>Billing information</h2>{_form(session, inputs, 'details', 'Save')}"


def _invoices(sim: "Simulator", customer: Json) -> str:
    rows = [row for row in sim.store.newest_first("invoice") if row["customer"] == customer["id"] and row["status"] != "draft"]
    if not rows:
        return "<h2>Invoices</h2><p>There are no invoices.</p>"
    return f"<h2>Invoices</h2><table>{''.join(_invoice(row) for row in rows)}</table>"


def _invoice(invoice: Json) -> str:
    amount = escape(dollars(invoice["total"], invoice["currency"]))
    return (
        f'<tr><td><a href="{escape(invoice["hosted_invoice_url"])}">{escape(invoice["number"])}</a>, '
        f"{_date(invoice['created'])}, {invoice['status']}</td>"
        f'<td>{amount} <a href="{escape(invoice["invoice_pdf"])}">PDF</a></td></tr>'
    )


def _date(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).date().isoformat()


def _input(name: str, value: str) -> str:
    required = " required" if name in REQUIRED else ""
    kind = "email" if name == "email" else "text"
    return (
        f'<label for="{name}">{LABELS[name]}</label>'
        f'<input id="{name}" name="{name}" type="{kind}" value="{escape(value)}"{required}>'
    )


def _form(session: Json, inputs: str, action: str, label: str) -> str:
    return (
        f'<form method="post" action="/p/session/{session["_secret"]}">{inputs}'
        f'<button class="second" name="action" value="{action}">{escape(label)}</button></form>'
    )
