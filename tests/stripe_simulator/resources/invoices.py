"""Invoices, their lines, and how they are settled."""

from typing import TYPE_CHECKING, Any

from ..identifiers import new_id, random_text
from ..jsontypes import Json, list_object
from ..listing import having, listing
from .common import fetch, refuse_others
from .invoice_payments import record_payment

if TYPE_CHECKING:
    from ..api import Call
    from ..simulator import Simulator

PAGING = {"created", "limit", "starting_after", "ending_before"}


def line(
    *, invoice_id: str, price: Json, quantity: int, description: str, period: tuple[int, int], parent: Json, metadata: Json
) -> Json:
    """One line of an invoice, in the shape without `price`, `plan` and `proration`."""
    amount = price["unit_amount"] * quantity
    return {
        "id": new_id("line_item"),
        "object": "line_item",
        "amount": amount,
        "currency": price["currency"],
        "description": description,
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "invoice": invoice_id,
        "livemode": False,
        "metadata": metadata,
        "parent": parent,
        "period": {"end": period[1], "start": period[0]},
        "pretax_credit_amounts": [],
        "pricing": {
            "price_details": {"price": price["id"], "product": price["product"]},
            "type": "price_details",
            "unit_amount_decimal": price["unit_amount_decimal"],
        },
        "quantity": quantity,
        "quantity_decimal": str(quantity),
        "subtotal": amount,
        "taxes": [],
    }


def invoice_item_parent() -> Json:
    """For a line of a one-off payment."""
    return {
        "invoice_item_details": {
            "invoice_item": f"ii_1{random_text(23)}",
            "proration": False,
            "proration_details": {"credited_items": None},
            "subscription": None,
        },
        "subscription_item_details": None,
        "type": "invoice_item_details",
    }


def subscription_item_parent(subscription_id: str, item_id: str) -> Json:
    """For a line of a subscription's period."""
    return {
        "invoice_item_details": None,
        "subscription_item_details": {
            "invoice_item": None,
            "proration": False,
            "proration_details": {"credited_items": None},
            "subscription": subscription_id,
            "subscription_item": item_id,
        },
        "type": "subscription_item_details",
    }


def subscription_parent(subscription: Json) -> Json:
    return {
        "quote_details": None,
        "subscription_details": {"metadata": subscription["metadata"], "subscription": subscription["id"]},
        "type": "subscription_details",
    }


def draft(
    sim: "Simulator",
    *,
    customer: Json,
    currency: str,
    billing_reason: str,
    invoice_id: str,
    lines: list[Json],
    parent: Json | None,
    metadata: Json,
    period: tuple[int, int],
    kept: bool = True,
    **values: Any,
) -> Json:
    """A new invoice that may still change. Not `kept`, it is only how such an invoice would look."""
    total = sum(item["amount"] for item in lines)
    invoice: Json = (sim.store.add if kept else dict)(
        {
            "id": invoice_id,
            "object": "invoice",
            "account_country": "US",
            "account_name": "Stripe simulator",
            "account_tax_ids": None,
            "amount_due": total,
            "amount_overpaid": 0,
            "amount_paid": 0,
            "amount_paid_off_stripe": 0,
            "amount_remaining": total,
            "amount_shipping": 0,
            "application": None,
            "attempt_count": 0,
            "attempted": False,
            "auto_advance": True,
            "automatic_tax": {
                "disabled_reason": None,
                "enabled": False,
                "liability": None,
                "provider": None,
                "status": None,
            },
            "automatically_finalizes_at": None,
            "billing_reason": billing_reason,
            "collection_method": "charge_automatically",
            "created": sim.now(),
            "currency": currency,
            "custom_fields": None,
            "customer": customer["id"],
            "customer_account": None,
            "customer_address": customer["address"],
            "customer_email": customer["email"],
            "customer_name": customer["name"],
            "customer_phone": customer["phone"],
            "customer_shipping": None,
            "customer_tax_exempt": customer["tax_exempt"],
            "customer_tax_ids": [],
            "default_payment_method": None,
            "default_source": None,
            "default_tax_rates": [],
            "description": None,
            "discounts": [],
            "due_date": None,
            "effective_at": None,
            "ending_balance": None,
            "footer": None,
            "from_invoice": None,
            "hosted_invoice_url": None,
            "invoice_pdf": None,
            "issuer": {"type": "self"},
            "last_finalization_error": None,
            "latest_revision": None,
            "lines": list_object(f"/v1/invoices/{invoice_id}/lines", lines),
            "livemode": False,
            "metadata": metadata,
            "next_payment_attempt": None,
            "number": None,
            "on_behalf_of": None,
            "parent": parent,
            "payment_settings": {
                "default_mandate": None,
                "payment_method_options": None,
                "payment_method_types": None,
            },
            "period_end": period[1],
            "period_start": period[0],
            "post_payment_credit_notes_amount": 0,
            "pre_payment_credit_notes_amount": 0,
            "receipt_number": None,
            "rendering": None,
            "shipping_cost": None,
            "shipping_details": None,
            "starting_balance": 0,
            "statement_descriptor": None,
            "status": "draft",
            "status_transitions": {
                "finalized_at": None,
                "marked_uncollectible_at": None,
                "paid_at": None,
                "voided_at": None,
            },
            "subtotal": total,
            "subtotal_excluding_tax": total,
            "test_clock": None,
            "total": total,
            "total_discount_amounts": [],
            "total_excluding_tax": total,
            "total_pretax_credit_amounts": [],
            "total_taxes": [],
            "webhooks_delivered_at": None,
            **values,
        }
    )
    if kept:
        sim.emit("invoice.created", invoice)
    return invoice


def refuse_to_finalize(sim: "Simulator", invoice: Json) -> None:
    """It stays a draft, since tax cannot be reckoned for want of the customer's address."""
    error = {
        "code": "customer_tax_location_invalid",
        "message": "The customer's location isn't recognized.",
        "type": "invalid_request_error",
    }
    sim.update(invoice, "invoice.updated", last_finalization_error=error)
    sim.emit("invoice.finalization_failed", invoice)


def finalize(sim: "Simulator", invoice: Json, customer: Json) -> None:
    """From here on it cannot change: it gets its number and its pages."""
    sequence = customer["next_invoice_sequence"]
    sim.store.change(customer, next_invoice_sequence=sequence + 1)
    page = f"{sim.base_url}/i/{invoice['id']}"
    sim.store.change(
        invoice,
        status="open",
        last_finalization_error=None,
        number=f"{customer['invoice_prefix']}-{sequence:04}",
        effective_at=sim.now(),
        ending_balance=0,
        automatically_finalizes_at=None,
        hosted_invoice_url=page,
        invoice_pdf=f"{page}/pdf",
        status_transitions={**invoice["status_transitions"], "finalized_at": sim.now()},
    )
    sim.emit("invoice.finalized", invoice)


def mark_paid(sim: "Simulator", invoice: Json, intent: Json | None) -> None:
    """Settled by this payment, or by nothing if nothing was due."""
    previous = sim.store.change(
        invoice,
        status="paid",
        attempted=True,
        attempt_count=invoice["attempt_count"] + (1 if intent else 0),
        auto_advance=False,
        amount_paid=invoice["amount_due"],
        amount_remaining=0,
        next_payment_attempt=None,
        status_transitions={**invoice["status_transitions"], "paid_at": sim.now()},
    )
    sim.emit("invoice.updated", invoice, previous)
    if intent:
        payment = record_payment(sim, invoice, intent)
        sim.update(
            payment,
            "invoice_payment.paid",
            amount_paid=invoice["amount_due"],
            status="paid",
            status_transitions={"canceled_at": None, "paid_at": sim.now()},
        )
    sim.emit("invoice.paid", invoice)
    sim.emit("invoice.payment_succeeded", invoice)


ENDS = {
    "void": ("invoice.voided", "voided_at"),
    "uncollectible": ("invoice.marked_uncollectible", "marked_uncollectible_at"),
}


def close(sim: "Simulator", invoice: Json, status: str) -> None:
    """Not to be collected any more: `void` or `uncollectible`."""
    event, moment = ENDS[status]
    transitions = {**invoice["status_transitions"], moment: sim.now()}
    values = {"auto_advance": False, "automatically_finalizes_at": None, "next_payment_attempt": None}
    sim.update(invoice, "invoice.updated", status=status, status_transitions=transitions, **values)
    sim.emit(event, invoice)


def retrieve(sim: "Simulator", call: "Call") -> Json:
    return fetch(sim, "invoice", call.id, "invoice")


def list_invoices(sim: "Simulator", call: "Call") -> Json:
    refuse_others(call.params, PAGING | {"collection_method", "customer", "status", "subscription"})
    rows: Any = having(sim.store.newest_first("invoice"), call.params, "collection_method", "customer", "status")
    if "subscription" in call.params:
        rows = (row for row in rows if subscription_of(row) == call.params["subscription"])
    return listing("/v1/invoices", call.params, rows)


def subscription_of(invoice: Json) -> str | None:
    details = (invoice["parent"] or {}).get("subscription_details")
    return details["subscription"] if details else None


def list_lines(sim: "Simulator", call: "Call") -> Json:
    invoice = fetch(sim, "invoice", call.id, "invoice")
    return listing(f"/v1/invoices/{call.id}/lines", call.params, invoice["lines"]["data"])
