"""Webhook endpoints. The signing secret is told once, in the answer to `create`."""

from typing import TYPE_CHECKING

from ..identifiers import new_id, random_text
from ..jsontypes import Json
from ..listing import listing
from .common import check_url, fetch, merged_metadata, nullable, refuse_others

if TYPE_CHECKING:
    from ..api import Call
    from ..simulator import Simulator


def create(sim: "Simulator", call: "Call") -> Json:
    params = call.params
    refuse_others(params, {"url", "enabled_events", "api_version", "description", "metadata"})
    check_url(params["url"], "url")
    endpoint = sim.store.add(
        {
            "id": new_id("webhook_endpoint"),
            "object": "webhook_endpoint",
            "api_version": params.get("api_version"),
            "application": None,
            "created": sim.now(),
            "description": nullable(params.get("description")),
            "enabled_events": params["enabled_events"],
            "livemode": False,
            "metadata": merged_metadata(None, params.get("metadata")),
            "status": "enabled",
            "url": params["url"],
            "_secret": new_secret(),
            "_former_secret": None,
        }
    )
    return {**endpoint, "secret": endpoint["_secret"]}


def new_secret() -> str:
    return f"whsec_{random_text(32)}"


def roll_secret(sim: "Simulator", endpoint: Json, *, keep_former: bool) -> str:
    """As in the dashboard: a new secret, and the former one valid beside it; without `keep_former`, the former one ends now.

    Returns the secret that is valid from now on.
    """
    if keep_former:
        sim.store.change(endpoint, _secret=new_secret(), _former_secret=endpoint["_secret"])
    elif endpoint.get("_former_secret"):
        sim.store.change(endpoint, _former_secret=None)
    else:
        sim.store.change(endpoint, _secret=new_secret())
    secret: str = endpoint["_secret"]
    return secret


def retrieve(sim: "Simulator", call: "Call") -> Json:
    return fetch(sim, "webhook_endpoint", call.id, "webhook endpoint")


def update(sim: "Simulator", call: "Call") -> Json:
    params = call.params
    refuse_others(params, {"url", "enabled_events", "description", "disabled", "metadata"})
    endpoint = fetch(sim, "webhook_endpoint", call.id, "webhook endpoint")
    values: Json = {}
    if "url" in params:
        check_url(params["url"], "url")
        values["url"] = params["url"]
    if "enabled_events" in params:
        values["enabled_events"] = params["enabled_events"]
    if "description" in params:
        values["description"] = nullable(params["description"])
    if "disabled" in params:
        values["status"] = "disabled" if params["disabled"] else "enabled"
    if "metadata" in params:
        values["metadata"] = merged_metadata(endpoint["metadata"], params["metadata"])
    return sim.update(endpoint, **values)


def delete(sim: "Simulator", call: "Call") -> Json:
    endpoint = fetch(sim, "webhook_endpoint", call.id, "webhook endpoint")
    sim.store.remove(endpoint)
    return {"id": call.id, "object": "webhook_endpoint", "deleted": True}


def list_endpoints(sim: "Simulator", call: "Call") -> Json:
    return listing("/v1/webhook_endpoints", call.params, sim.store.newest_first("webhook_endpoint"))
