"""Subscriptions in flexible billing mode: the periods stand on the items."""

from typing import TYPE_CHECKING, Any

from ..errors import invalid
from ..identifiers import new_id
from ..jsontypes import Json, list_object
from ..listing import having, listing
from ..periods import period_end
from . import discounts, invoices, taxes
from .common import dollars, fetch, merged_metadata, nullable, refuse_others
from .invoice_amounts import reckoned

if TYPE_CHECKING:
    from ..api import Call
    from ..simulator import Simulator

PAGING = {"created", "limit", "starting_after", "ending_before"}
ANNOUNCED_SECONDS = 7 * 86400
AT_REST = ("canceled", "incomplete_expired", "paused")
"""In these statuses no further period begins."""
UPDATABLE = {
    "cancel_at",
    "cancel_at_period_end",
    "cancellation_details",
    "default_payment_method",
    "description",
    "metadata",
    "pause_collection",
}


def create_active(
    sim: "Simulator",
    *,
    customer: Json,
    prices: list[tuple[Json, int]],
    metadata: Json,
    method: Json | None,
    description: str | None,
) -> Json:
    """A subscription whose first period is already paid; the event is the caller's, once the invoice stands beside it."""
    subscription_id, now = new_id("subscription"), sim.now()
    items = [_item(subscription_id, price, quantity, now) for price, quantity in prices]
    return sim.store.add(
        {
            "id": subscription_id,
            "object": "subscription",
            "application": None,
            "application_fee_percent": None,
            "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
            "billing_cycle_anchor": now,
            "billing_cycle_anchor_config": None,
            "billing_mode": {"flexible": {"proration_discounts": "included"}, "type": "flexible"},
            "billing_schedules": [],
            "billing_thresholds": None,
            "cancel_at": None,
            "cancel_at_period_end": False,
            "canceled_at": None,
            "cancellation_details": {"comment": None, "feedback": None, "reason": None},
            "collection_method": "charge_automatically",
            "created": now,
            "currency": prices[0][0]["currency"],
            "customer": customer["id"],
            "customer_account": None,
            "days_until_due": None,
            "default_payment_method": method["id"] if method else None,
            "default_source": None,
            "default_tax_rates": [],
            "description": description,
            "discounts": [],
            "ended_at": None,
            "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
            "items": list_object(f"/v1/subscription_items?subscription={subscription_id}", items),
            "latest_invoice": None,
            "livemode": False,
            "metadata": metadata,
            "next_pending_invoice_item_invoice": None,
            "on_behalf_of": None,
            "pause_collection": None,
            "payment_settings": {
                "payment_method_options": None,
                "payment_method_types": None,
                "save_default_payment_method": "off",
            },
            "pending_invoice_item_interval": None,
            "pending_setup_intent": None,
            "pending_update": None,
            "schedule": None,
            "start_date": now,
            "status": "active",
            "test_clock": None,
            "transfer_data": None,
            "trial_end": None,
            "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
            "trial_start": None,
        }
    )


def _item(subscription_id: str, price: Json, quantity: int, start: int) -> Json:
    recurring = price["recurring"]
    return {
        "id": new_id("subscription_item"),
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": start,
        "current_period_end": period_end(start, start, recurring["interval"], recurring["interval_count"]),
        "current_period_start": start,
        "discounts": [],
        "metadata": {},
        "plan": _plan(price),
        "price": dict(price),
        "quantity": quantity,
        "subscription": subscription_id,
        "tax_rates": [],
    }


def _plan(price: Json) -> Json:
    """The price once more, in the older form that Stripe still puts beside it."""
    same = ("active", "billing_scheme", "created", "currency", "id", "livemode", "metadata", "nickname", "product", "tiers_mode")
    return {
        **{name: price[name] for name in same},
        **price["recurring"],
        "object": "plan",
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "transform_usage": None,
    }


def current_period(subscription: Json) -> tuple[int, int]:
    item = subscription["items"]["data"][0]
    return item["current_period_start"], item["current_period_end"]


def retrieve(sim: "Simulator", call: "Call") -> Json:
    return fetch(sim, "subscription", call.id, "subscription")


def list_subscriptions(sim: "Simulator", call: "Call") -> Json:
    """Without `status`, all that are not canceled."""
    refuse_others(call.params, PAGING | {"customer", "price", "status"})
    status = call.params.get("status")
    rows: Any = sim.store.newest_first("subscription")
    if status == "ended":
        rows = (row for row in rows if row["status"] in ("canceled", "incomplete_expired"))
    elif status != "all":
        rows = (row for row in rows if (row["status"] == status if status else row["status"] != "canceled"))
    if "price" in call.params:
        rows = [row for row in rows if any(item["price"]["id"] == call.params["price"] for item in row["items"]["data"])]
    return listing("/v1/subscriptions", call.params, having(rows, call.params, "customer"))


def update(sim: "Simulator", call: "Call") -> Json:
    params = call.params
    refuse_others(params, UPDATABLE)
    subscription = fetch(sim, "subscription", call.id, "subscription")
    if subscription["status"] in ("canceled", "incomplete_expired"):
        raise invalid("A canceled subscription can only update its cancellation_details and metadata.")
    values = _cancellation(sim, subscription, params)
    if "default_payment_method" in params:
        method = nullable(params["default_payment_method"])
        if method:
            fetch(sim, "payment_method", method, "PaymentMethod", "default_payment_method")
        values["default_payment_method"] = method
    if "description" in params:
        values["description"] = nullable(params["description"])
    if "metadata" in params:
        values["metadata"] = merged_metadata(subscription["metadata"], params["metadata"])
    if "pause_collection" in params:
        pause = nullable(params["pause_collection"])
        values["pause_collection"] = pause and {"behavior": pause["behavior"], "resumes_at": pause.get("resumes_at")}
    sim.update(subscription, "customer.subscription.updated", **values)
    schedule(sim, subscription)
    return subscription


def _cancellation(sim: "Simulator", subscription: Json, params: Json) -> Json:
    """`cancel_at_period_end` sets both fields; `cancel_at` alone leaves the flag off."""
    if "cancel_at" in params and "cancel_at_period_end" in params:
        raise invalid("You may only specify one of these parameters: cancel_at, cancel_at_period_end.", "cancel_at")
    values: Json = {}
    if "cancel_at_period_end" in params:
        flag = params["cancel_at_period_end"]
        values = scheduled_cancel(sim, current_period(subscription)[1] if flag else None, flag=flag)
    elif "cancel_at" in params:
        moment = nullable(params["cancel_at"])
        if moment in ("min_period_end", "max_period_end"):
            moment = current_period(subscription)[1]
        if moment is not None and moment <= sim.now():
            raise invalid("`cancel_at` must be in the future.", "cancel_at")
        values = scheduled_cancel(sim, moment, flag=False)
    if "cancellation_details" in params:
        details: Json = values.get("cancellation_details") or subscription["cancellation_details"]
        given = {name: nullable(value) for name, value in params["cancellation_details"].items()}
        values["cancellation_details"] = {**details, **given}
    return values


def scheduled_cancel(sim: "Simulator", moment: int | None, *, flag: bool) -> Json:
    """The fields of a cancel at that moment; None takes it back."""
    reason = "cancellation_requested" if moment else None
    return {
        "cancel_at": moment,
        "cancel_at_period_end": flag,
        "canceled_at": sim.now() if moment else None,
        "cancellation_details": {"comment": None, "feedback": None, "reason": reason},
    }


def schedule(sim: "Simulator", subscription: Json) -> None:
    """Set the timers of what comes next: the planned end if it comes first, or else the renewal and its announcement."""
    period_ends_at, ends_at = current_period(subscription)[1], subscription["cancel_at"]
    over = subscription["status"] == "canceled"
    renews = subscription["status"] not in AT_REST and not (ends_at and ends_at <= period_ends_at)
    pause = subscription["pause_collection"]
    planned = {
        "announce_renewal": period_ends_at - ANNOUNCED_SECONDS if renews else None,
        "end_subscription": ends_at if not over else None,
        "renew_subscription": period_ends_at if renews else None,
        "resume_collection": pause["resumes_at"] if pause and not over else None,
    }
    for job, moment in planned.items():
        if moment and moment > sim.now():
            sim.timers.set(job, subscription["id"], moment)
        else:
            sim.timers.cancel(job, subscription["id"])


def end_when_due(sim: "Simulator", subscription_id: str) -> None:
    subscription = sim.store.get("subscription", subscription_id)
    if subscription and subscription["status"] != "canceled":
        end(sim, subscription, reason=subscription["cancellation_details"]["reason"])


def end(sim: "Simulator", subscription: Json, *, reason: str | None) -> None:
    """Over, now and for good. Invoices still open stay so, but nobody collects them by himself any more."""
    sim.store.change(
        subscription,
        status="canceled",
        canceled_at=subscription["canceled_at"] or sim.now(),
        cancellation_details={**subscription["cancellation_details"], "reason": reason},
        ended_at=sim.now(),
    )
    schedule(sim, subscription)
    sim.emit("customer.subscription.deleted", subscription)
    for invoice in sim.store.oldest_first("invoice"):
        if invoices.subscription_of(invoice) == subscription["id"] and invoice["status"] in ("draft", "open"):
            sim.timers.cancel("collect_invoice", invoice["id"])
            values = {"auto_advance": False, "automatically_finalizes_at": None, "next_payment_attempt": None}
            sim.update(invoice, "invoice.updated", **values)


def cancel(sim: "Simulator", call: "Call") -> Json:
    refuse_others(call.params, {"cancellation_details", "invoice_now", "prorate"})
    subscription = fetch(sim, "subscription", call.id, "subscription")
    if subscription["status"] == "canceled":
        raise invalid(f"No such subscription: '{call.id}'", "id", "resource_missing")
    given = {name: nullable(value) for name, value in call.params.get("cancellation_details", {}).items()}
    sim.store.change(subscription, cancellation_details={**subscription["cancellation_details"], **given})
    end(sim, subscription, reason="cancellation_requested")
    return subscription


def invoice_period(
    sim: "Simulator",
    subscription: Json,
    customer: Json,
    *,
    billing_reason: str,
    discount: Json | None = None,
    invoice_id: str | None = None,
    period: tuple[int, int] | None = None,
    **values: Any,
) -> Json:
    """A draft for the current period of every item, with the given discount or else the one that stays with it.

    `period` is the one that ended with it.
    """
    invoice_id = invoice_id or new_id("invoice")
    lines = [
        invoices.line(
            invoice_id=invoice_id,
            price=item["price"],
            quantity=item["quantity"],
            description=_line_text(sim, item),
            period=(item["current_period_start"], item["current_period_end"]),
            parent=invoices.subscription_item_parent(subscription["id"], item["id"]),
            metadata=subscription["metadata"],
        )
        for item in subscription["items"]["data"]
    ]
    return invoices.draft(
        sim,
        customer=customer,
        currency=subscription["currency"],
        billing_reason=billing_reason,
        invoice_id=invoice_id,
        lines=lines,
        parent=invoices.subscription_parent(subscription),
        metadata={},
        period=period or (sim.now(), sim.now()),
        **taxes.invoice_fields(sim, customer, enabled=subscription["automatic_tax"]["enabled"]),
        **reckoned(
            sim,
            lines,
            discount or discounts.standing(sim, subscription),
            taxes.of_subscription(sim, subscription, customer),
        ),
        **values,
    )


def _line_text(sim: "Simulator", item: Json) -> str:
    product = fetch(sim, "product", item["price"]["product"], "product")
    amount = dollars(item["price"]["unit_amount"], item["price"]["currency"])
    return f"{item['quantity']} × {product['name']} (at {amount} / {item['price']['recurring']['interval']})"
