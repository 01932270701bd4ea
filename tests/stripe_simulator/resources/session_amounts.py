"""A Checkout Session's amounts: by its line items, its discount, and the tax where the reader lives."""

from typing import TYPE_CHECKING

from ..jsontypes import Json
from ..reckoning import Taxation, reckon
from . import discounts, taxes

if TYPE_CHECKING:
    from ..simulator import Simulator


def reprice(sim: "Simulator", session: Json) -> None:
    """To be called whenever one of these has changed; an attempt at paying that is under way gets the new amount."""
    items = session["_line_items"]
    lines = [(item["amount_subtotal"], taxes.is_inclusive(item["price"])) for item in items]
    coupon = discounts.coupon_of(sim, discounts.of_session(sim, session))
    shares = reckon(lines, coupon, taxation_of(sim, session))
    sim.store.change(
        session,
        amount_total=sum(share.total for share in shares),
        total_details={
            "amount_discount": sum(share.discount for share in shares),
            "amount_shipping": 0,
            "amount_tax": sum(share.tax for share in shares),
        },
        automatic_tax={**session["automatic_tax"], "status": _tax_status(sim, session)},
        _line_items=[
            {**item, "amount_discount": share.discount, "amount_tax": share.tax, "amount_total": share.total}
            for item, share in zip(items, shares, strict=True)
        ],
    )
    intent = sim.store.get("payment_intent", session["payment_intent"] or "")
    if not intent or intent["amount"] == session["amount_total"]:
        return
    if session["amount_total"]:
        sim.store.change(intent, amount=session["amount_total"])
    else:
        sim.update(intent, "payment_intent.canceled", status="canceled", canceled_at=sim.now(), cancellation_reason="automatic")
        sim.store.change(session, payment_intent=None)


def _tax_status(sim: "Simulator", session: Json) -> str | None:
    if not session["automatic_tax"]["enabled"]:
        return None
    return "complete" if (tax_address(sim, session) or {}).get("country") else "requires_location_inputs"


def taxation_of(sim: "Simulator", session: Json) -> Taxation | None:
    if not session["automatic_tax"]["enabled"]:
        return None
    customer = sim.store.get("customer", session["customer"] or "")
    return taxes.taxation(sim, tax_address(sim, session), customer["tax_exempt"] if customer else "none")


def tax_address(sim: "Simulator", session: Json) -> Json | None:
    """What the reader filled in; for a customer whose address Checkout may not change, that address."""
    customer = sim.store.get("customer", session["customer"] or "")
    if customer and session["_customer_update"].get("address") != "auto":
        return customer["address"] if customer.get("address") else None
    return session["_address"] or (customer["address"] if customer else None)
