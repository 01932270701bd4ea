"""What some cards bring upon the shop right after they have paid: a dispute, an inquiry, or a warning of fraud."""

from typing import TYPE_CHECKING

from .cards import CARDS
from .resources import disputes, fraud_warnings

if TYPE_CHECKING:
    from .simulator import Simulator


def follow_when_due(sim: "Simulator", charge_id: str) -> None:
    """The card's trouble, once everything that the payment brought about has been told."""
    charge = sim.store.get("charge", charge_id)
    assert charge
    trouble = CARDS[charge["_number"]].trouble
    if trouble == "fraud_warning":
        fraud_warnings.warn(sim, charge)
    elif trouble:
        disputes.open_dispute(sim, charge, inquiry=trouble == "inquiry", amount=None, reason="fraudulent")
