"""The Events list, which reaches back 30 days."""

import fnmatch
from typing import TYPE_CHECKING, Any

from ..errors import invalid, no_such
from ..jsontypes import Json
from ..listing import listing

if TYPE_CHECKING:
    from ..api import Call
    from ..simulator import Simulator

KEPT_SECONDS = 30 * 86400
MAX_TYPES = 20


def retrieve(sim: "Simulator", call: "Call") -> Json:
    event = sim.store.get("event", call.id)
    if not event or event["created"] < sim.now() - KEPT_SECONDS:
        raise no_such("event", call.id)
    return event


def list_events(sim: "Simulator", call: "Call") -> Json:
    """`type` may end in `*`; `delivery_success=false` gives those that some endpoint has not had."""
    types = call.params.get("types")
    if types is not None and "type" in call.params:
        raise invalid("You may only specify one of these parameters: type, types.", "type")
    if types is not None and len(types) > MAX_TYPES:
        raise invalid(f"You can pass at most {MAX_TYPES} types.", "types")
    patterns = types if types is not None else [call.params.get("type", "*")]
    kept_since = sim.now() - KEPT_SECONDS
    rows: Any = (
        row
        for row in sim.store.newest_first("event")
        if row["created"] >= kept_since and any(fnmatch.fnmatchcase(row["type"], pattern) for pattern in patterns)
    )
    if "delivery_success" in call.params:
        rows = (row for row in rows if (row["pending_webhooks"] == 0) == call.params["delivery_success"])
    return listing("/v1/events", call.params, rows)
