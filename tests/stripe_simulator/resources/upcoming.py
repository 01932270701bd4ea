"""The invoice that a subscription will have next: previewed by the API, and announced by `invoice.upcoming`."""

from typing import TYPE_CHECKING

from ..errors import ApiError, invalid, not_simulated
from ..identifiers import new_id
from ..jsontypes import Json
from ..periods import period_end
from . import subscriptions
from .common import fetch, refuse_others

if TYPE_CHECKING:
    from ..api import Call
    from ..simulator import Simulator

DRAFT_SECONDS = 3600


def items_of_next_period(subscription: Json) -> list[Json]:
    """The subscription's items as they are once the next period has begun."""
    anchor = subscription["billing_cycle_anchor"]
    return [_moved_on(anchor, item) for item in subscription["items"]["data"]]


def _moved_on(anchor: int, item: Json) -> Json:
    start, recurring = item["current_period_end"], item["price"]["recurring"]
    end = period_end(anchor, start, recurring["interval"], recurring["interval_count"])
    return {**item, "current_period_start": start, "current_period_end": end}


def upcoming_invoice(sim: "Simulator", subscription: Json) -> Json:
    """What the renewal will ask for, by what is known today; it is kept nowhere."""
    customer = fetch(sim, "customer", subscription["customer"], "customer")
    period = subscriptions.current_period(subscription)
    items = {**subscription["items"], "data": items_of_next_period(subscription)}
    return subscriptions.invoice_period(
        sim,
        {**subscription, "items": items},
        customer,
        billing_reason="upcoming",
        invoice_id=f"upcoming_{new_id('invoice')}",
        period=period,
        kept=False,
        created=period[1],
        next_payment_attempt=period[1] + DRAFT_SECONDS,
    )


def renews(subscription: Json) -> bool:
    """Whether another period will follow, as things stand."""
    ends_at = subscription["cancel_at"]
    period_ends_at = subscriptions.current_period(subscription)[1]
    return subscription["status"] not in subscriptions.AT_REST and not (ends_at and ends_at <= period_ends_at)


def create_preview(sim: "Simulator", call: "Call") -> Json:
    """The next invoice of a subscription, also as if its renewal were turned off or on."""
    params = call.params
    refuse_others(params, {"customer", "subscription", "subscription_details"})
    refuse_others(params.get("subscription_details", {}), {"cancel_at_period_end"}, "subscription_details")
    if "subscription" not in params:
        raise not_simulated("customer")
    subscription = fetch(sim, "subscription", params["subscription"], "subscription", "subscription")
    if params.get("customer", subscription["customer"]) != subscription["customer"]:
        raise invalid(f"The subscription {subscription['id']} is not of this customer.", "subscription")
    supposed = dict(subscription)
    if "cancel_at_period_end" in params.get("subscription_details", {}):
        off = params["subscription_details"]["cancel_at_period_end"]
        supposed["cancel_at"] = subscriptions.current_period(subscription)[1] if off else None
    if not renews(supposed):
        message = f"No upcoming invoices for customer: {subscription['customer']}"
        raise ApiError(404, "invalid_request_error", message, code="invoice_upcoming_none")
    return upcoming_invoice(sim, subscription)
