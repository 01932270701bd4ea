"""Events: what happened, frozen as it was at that moment."""

from typing import TYPE_CHECKING

from . import API_VERSION
from .identifiers import new_id
from .jsontypes import Json, public

if TYPE_CHECKING:
    from .simulator import Simulator


def record_event(sim: "Simulator", type: str, obj: Json, previous: Json | None = None) -> Json:
    """Store the event and queue it for every enabled endpoint that asked for its type."""
    data: Json = {"object": public(obj)}
    if previous is not None:
        data["previous_attributes"] = public(previous)
    endpoints = [endpoint for endpoint in sim.store.oldest_first("webhook_endpoint") if wants(endpoint, type)]
    event = sim.store.add(
        {
            "id": new_id("event"),
            "object": "event",
            "api_version": API_VERSION,
            "created": sim.now(),
            "data": data,
            "livemode": False,
            "pending_webhooks": len(endpoints),
            "request": {"id": sim.request.id, "idempotency_key": sim.request.idempotency_key},
            "type": type,
            "_waiting": [endpoint["id"] for endpoint in endpoints],
        }
    )
    for endpoint in endpoints:
        sim.webhooks.queue(event, endpoint)
    return event


def wants(endpoint: Json, event_type: str) -> bool:
    enabled = endpoint["enabled_events"]
    return endpoint["status"] == "enabled" and ("*" in enabled or event_type in enabled)
