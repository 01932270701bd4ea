"""The customer portal: its configurations and its sessions. The page itself is in portal_page.py."""

from typing import TYPE_CHECKING

from ..errors import invalid
from ..identifiers import new_id, random_text
from ..jsontypes import Json
from ..listing import having, listing
from .common import check_url, fetch, merged_metadata, nullable, refuse_others

if TYPE_CHECKING:
    from ..api import Call
    from ..simulator import Simulator

DEFAULT_FEATURES: Json = {
    "customer_update": {"allowed_updates": [], "enabled": False},
    "invoice_history": {"enabled": False},
    "payment_method_update": {"enabled": False, "payment_method_configuration": None},
    "subscription_cancel": {
        "cancellation_reason": {"enabled": False, "feedback_options": None, "options": []},
        "enabled": False,
        "mode": "at_period_end",
        "proration_behavior": "none",
    },
    "subscription_pause": {"duration": {"interval_options": [], "type": "indefinite"}, "enabled": False},
    "subscription_update": {
        "billing_cycle_anchor": None,
        "default_allowed_updates": [],
        "enabled": False,
        "products": None,
        "proration_behavior": "none",
        "schedule_at_period_end": {"conditions": []},
        "trial_update_behavior": "end_trial",
    },
}
SETTABLE = {"active", "business_profile", "default_return_url", "features", "metadata", "name"}


def create_configuration(sim: "Simulator", call: "Call") -> Json:
    params = call.params
    refuse_others(params, SETTABLE - {"active"})
    configuration = {
        "id": new_id("billing_portal.configuration"),
        "object": "billing_portal.configuration",
        "active": True,
        "application": None,
        "business_profile": {"headline": None, "privacy_policy_url": None, "terms_of_service_url": None},
        "created": sim.now(),
        "default_return_url": None,
        "features": DEFAULT_FEATURES,
        "is_default": not any(True for _ in sim.store.oldest_first("billing_portal.configuration")),
        "livemode": False,
        "login_page": {"enabled": False, "url": None},
        "metadata": {},
        "name": None,
        "updated": sim.now(),
    }
    configuration.update(_values(configuration, params))
    sim.store.add(configuration)
    sim.emit("billing_portal.configuration.created", configuration)
    return configuration


def _values(configuration: Json, params: Json) -> Json:
    values: Json = {name: nullable(params[name]) for name in ("active", "default_return_url", "name") if name in params}
    if params.get("default_return_url"):
        check_url(params["default_return_url"], "default_return_url")
    if params.get("business_profile"):
        profile = {name: nullable(value) for name, value in params["business_profile"].items()}
        values["business_profile"] = {**configuration["business_profile"], **profile}
    if "metadata" in params:
        values["metadata"] = merged_metadata(configuration["metadata"], params["metadata"])
    if "features" in params:
        values["features"] = _merged(configuration["features"], params["features"])
    return values


def _merged(old: Json, new: Json) -> Json:
    """Nested hashes are merged; what the request leaves out stays as it was."""
    result = dict(old)
    for name, value in new.items():
        nested = isinstance(value, dict) and isinstance(old.get(name), dict)
        result[name] = _merged(old[name], value) if nested else ([] if value == "" else value)
    return result


def retrieve_configuration(sim: "Simulator", call: "Call") -> Json:
    return fetch(sim, "billing_portal.configuration", call.id, "configuration")


def update_configuration(sim: "Simulator", call: "Call") -> Json:
    refuse_others(call.params, SETTABLE)
    configuration = fetch(sim, "billing_portal.configuration", call.id, "configuration")
    values = _values(configuration, call.params)
    if any(configuration[name] != value for name, value in values.items()):
        values["updated"] = sim.now()
    return sim.update(configuration, "billing_portal.configuration.updated", **values)


def list_configurations(sim: "Simulator", call: "Call") -> Json:
    rows = sim.store.newest_first("billing_portal.configuration")
    url = "/v1/billing_portal/configurations"
    return listing(url, call.params, having(rows, call.params, "active", "is_default"))


def create_session(sim: "Simulator", call: "Call") -> Json:
    params = call.params
    refuse_others(params, {"customer", "configuration", "return_url", "locale"})
    if "customer" not in params:
        raise invalid("Missing required param: customer.", "customer", "parameter_missing")
    customer = fetch(sim, "customer", params["customer"], "customer", "customer")
    if "configuration" in params:
        configuration = fetch(sim, "billing_portal.configuration", params["configuration"], "configuration", "configuration")
        if not configuration["active"]:
            raise invalid("This portal configuration is not active.", "configuration")
    else:
        configuration = default_configuration(sim)
    if "return_url" in params:
        check_url(params["return_url"], "return_url")
    secret = random_text(40)
    session = sim.store.add(
        {
            "id": new_id("billing_portal.session"),
            "object": "billing_portal.session",
            "configuration": configuration["id"],
            "created": sim.now(),
            "customer": customer["id"],
            "customer_account": None,
            "flow": None,
            "livemode": False,
            "locale": params.get("locale"),
            "on_behalf_of": None,
            "return_url": params.get("return_url") or configuration["default_return_url"],
            "url": f"{sim.base_url}/p/session/{secret}",
            "_secret": secret,
        }
    )
    sim.emit("billing_portal.session.created", session)
    return session


def default_configuration(sim: "Simulator") -> Json:
    for configuration in sim.store.oldest_first("billing_portal.configuration"):
        if configuration["is_default"] and configuration["active"]:
            return configuration
    raise invalid(
        "No configuration provided and your test mode default configuration has not been created. Provide a configuration or "
        "create your default by saving your customer portal settings in test mode at "
        "https://dashboard.stripe.com/test/settings/billing/portal."
    )
