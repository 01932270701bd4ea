"""The customer portal's page: the subscriptions of one customer, and turning their renewal off and on."""

from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from .html import Page, not_found, page, problem
from .jsontypes import Json
from .resources import subscriptions

if TYPE_CHECKING:
    from .simulator import Simulator

OPEN_SECONDS = 3600


def show_portal(sim: "Simulator", secret: str, message: str = "") -> Page:
    with sim.transaction():
        session = _session(sim, secret)
        return _view(sim, session, message) if session else not_found()


def submit_portal(sim: "Simulator", secret: str, body: str) -> Page:
    """Turn a subscription's renewal off (at its period's end, or at once if the settings say so) or on again."""
    fields = {name: values[0] for name, values in parse_qs(body).items()}
    with sim.transaction():
        session = _session(sim, secret)
        subscription = sim.store.get("subscription", fields.get("subscription", ""))
        if not session or not subscription or subscription["customer"] != session["customer"]:
            return not_found()
        feature = _features(sim, session)["subscription_cancel"]
        if not feature["enabled"] or subscription["status"] == "canceled":
            return _view(sim, session, "This subscription cannot be changed here.")
        if fields.get("action") == "resume":
            _change(sim, subscription, None)
        elif feature["mode"] == "immediately":
            subscriptions.end(sim, subscription, reason="cancellation_requested")
        else:
            _change(sim, subscription, subscriptions.current_period(subscription)[1])
    return Page(303, "", {"Location": f"/p/session/{secret}"})


def _change(sim: "Simulator", subscription: Json, moment: int | None) -> None:
    """In flexible billing mode the portal sets `cancel_at` and leaves `cancel_at_period_end` alone."""
    values = subscriptions.scheduled_cancel(sim, moment, flag=False)
    sim.update(subscription, "customer.subscription.updated", **values)
    subscriptions.schedule(sim, subscription)


def _session(sim: "Simulator", secret: str) -> Json | None:
    for session in sim.store.newest_first("billing_portal.session"):
        if session["_secret"] == secret:
            return session if sim.now() < session["created"] + OPEN_SECONDS else None
    return None


def _features(sim: "Simulator", session: Json) -> Json:
    configuration = sim.store.get("billing_portal.configuration", session["configuration"])
    assert configuration
    features: Json = configuration["features"]
    return features


def _view(sim: "Simulator", session: Json, message: str) -> Page:
    can_cancel = _features(sim, session)["subscription_cancel"]["enabled"]
    parts = [problem(message)]
    for subscription in sim.store.newest_first("subscription"):
        if subscription["customer"] == session["customer"]:
            parts.append(_subscription(sim, session, subscription, can_cancel))
    if len(parts) == 1:
        parts.append("<p>There is no subscription.</p>")
    if session["return_url"]:
        parts.append(f'<p><a href="{escape(session["return_url"])}">Return to the shop</a></p>')
    return Page(200, page("Your subscriptions", "".join(parts)))


def _subscription(sim: "Simulator", session: Json, subscription: Json, can_cancel: bool) -> str:
    product = sim.store.get("product", subscription["items"]["data"][0]["price"]["product"])
    name = escape(product["name"] if product else subscription["id"])
    until = datetime.fromtimestamp(subscriptions.current_period(subscription)[1], UTC).date().isoformat()
    canceling = bool(subscription["cancel_at"])
    if subscription["status"] == "canceled":
        return f"<h2>{name}</h2><p>Canceled.</p>"
    text = f"Ends on {until}." if canceling else f"Renews on {until}."
    button = ""
    if can_cancel:
        action, label = ("resume", "Don't cancel subscription") if canceling else ("cancel", "Cancel subscription")
        button = (
            f'<form method="post" action="/p/session/{session["_secret"]}">'
            f'<input type="hidden" name="subscription" value="{subscription["id"]}">'
            f'<button class="second" name="action" value="{action}">{label}</button></form>'
        )
    return f"<h2>{name}</h2><p>{escape(subscription['status'])}. {text}</p>{button}"
