"""Early fraud warnings: the card's network suspects a fraud; a refund in time may spare the shop a dispute."""

from typing import TYPE_CHECKING

from ..identifiers import new_id
from ..jsontypes import Json
from ..listing import having, listing
from .common import fetch

if TYPE_CHECKING:
    from ..api import Call
    from ..simulator import Simulator

KIND = "radar.early_fraud_warning"


def warn(sim: "Simulator", charge: Json) -> Json:
    """The network warns of this charge, once."""
    if charge["status"] != "succeeded" or any(row["charge"] == charge["id"] for row in sim.store.oldest_first(KIND)):
        raise ValueError(f"nobody can be warned of {charge['id']}, or has been already")
    warning = sim.store.add(
        {
            "id": new_id(KIND),
            "object": KIND,
            "actionable": not charge["refunded"] and not charge["disputed"],
            "charge": charge["id"],
            "created": sim.now(),
            "fraud_type": "made_with_stolen_card",
            "livemode": False,
            "payment_intent": charge["payment_intent"],
        }
    )
    sim.emit(f"{KIND}.created", warning)
    return warning


def no_longer_actionable(sim: "Simulator", charge: Json) -> None:
    """The charge is refunded or disputed: nothing more can be done about the warning."""
    for warning in sim.store.oldest_first(KIND):
        if warning["charge"] == charge["id"]:
            sim.update(warning, f"{KIND}.updated", actionable=False)


def retrieve(sim: "Simulator", call: "Call") -> Json:
    return fetch(sim, KIND, call.id, "early_fraud_warning")


def list_warnings(sim: "Simulator", call: "Call") -> Json:
    rows = having(sim.store.newest_first(KIND), call.params, "charge", "payment_intent")
    return listing("/v1/radar/early_fraud_warnings", call.params, rows)
