"""The pauses of a subscription: of its collection only, and of the whole (status `paused`).

While the whole is paused no period begins, and nothing is invoiced.
"""

from typing import TYPE_CHECKING

from .. import collection
from ..errors import invalid, not_simulated
from ..jsontypes import Json
from ..periods import period_end
from ..store import ABSENT
from . import subscriptions
from .common import fetch, refuse_others
from .upcoming import items_of_next_period

if TYPE_CHECKING:
    from ..api import Call
    from ..simulator import Simulator


def pause(sim: "Simulator", call: "Call") -> Json:
    """Only without a credit for the unused time: the simulator knows no prorations."""
    params = call.params
    refuse_others(params, {"bill_for", "invoicing_behavior", "type"})
    if params.get("bill_for", {}).get("unused_time_from", {}).get("type") != "none":
        raise not_simulated("bill_for[unused_time_from]")
    subscription = fetch(sim, "subscription", call.id, "subscription")
    if subscription["status"] != "active":
        raise invalid(f"This subscription cannot be paused because it is {subscription['status']}.")
    pause_now(sim, subscription)
    return subscription


def pause_now(sim: "Simulator", subscription: Json) -> None:
    reason = {"subscription": {"type": "pause_requested"}, "transitioned_at": sim.now(), "type": "subscription"}
    sim.update(subscription, "customer.subscription.updated", status="paused", status_details={"paused": reason})
    sim.emit("customer.subscription.paused", subscription)
    subscriptions.schedule(sim, subscription)


def resume(sim: "Simulator", call: "Call") -> Json:
    """With a period and an invoice that begin now, or in the old rhythm and without an invoice."""
    params = call.params
    refuse_others(params, {"billing_cycle_anchor", "payment_behavior", "proration_behavior"})
    if params.get("payment_behavior", "resume_on_payment_attempt") != "resume_on_payment_attempt":
        raise not_simulated("payment_behavior")
    subscription = fetch(sim, "subscription", call.id, "subscription")
    if subscription["status"] != "paused":
        raise invalid(f"This subscription cannot be resumed because it is {subscription['status']}.")
    if params.get("billing_cycle_anchor", {}).get("type", "now") == "now":
        _begin_anew(sim, subscription)
    elif params.get("proration_behavior") != "none":
        raise not_simulated("proration_behavior")
    else:
        go_on(sim, subscription)
    return subscription


def go_on(sim: "Simulator", subscription: Json) -> None:
    """In the old rhythm; the periods that passed meanwhile are not asked for."""
    items = subscription["items"]["data"]
    while items[0]["current_period_end"] <= sim.now():
        items = items_of_next_period({**subscription, "items": {"data": items}})
    _wake(sim, subscription, items={**subscription["items"], "data": items})


def _begin_anew(sim: "Simulator", subscription: Json) -> None:
    now, customer = sim.now(), fetch(sim, "customer", subscription["customer"], "customer")
    period, items = subscriptions.current_period(subscription), []
    for item in subscription["items"]["data"]:
        recurring = item["price"]["recurring"]
        end = period_end(now, now, recurring["interval"], recurring["interval_count"])
        items.append({**item, "current_period_start": now, "current_period_end": end})
    anew = {**subscription, "items": {**subscription["items"], "data": items}}
    invoice = subscriptions.invoice_period(sim, anew, customer, billing_reason="subscription_update", period=period)
    _wake(sim, subscription, billing_cycle_anchor=now, items=anew["items"], latest_invoice=invoice["id"])
    collection.attempt_by_schedule(sim, invoice, subscription)


def _wake(sim: "Simulator", subscription: Json, **values: object) -> None:
    sim.update(subscription, "customer.subscription.updated", status="active", status_details=ABSENT, **values)
    sim.emit("customer.subscription.resumed", subscription)
    subscriptions.schedule(sim, subscription)


def resume_collection_when_due(sim: "Simulator", subscription_id: str) -> None:
    """Collection was paused until now."""
    subscription = sim.store.get("subscription", subscription_id)
    if subscription and subscription["status"] != "canceled":
        sim.update(subscription, "customer.subscription.updated", pause_collection=None)
