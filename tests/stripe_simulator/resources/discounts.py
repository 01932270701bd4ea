"""Discounts: a coupon given to one Checkout Session, and to the subscription or the invoice that comes of it."""

from typing import TYPE_CHECKING

from ..identifiers import new_id
from ..jsontypes import Json
from ..periods import period_end
from . import promotions

if TYPE_CHECKING:
    from ..simulator import Simulator


def attach(sim: "Simulator", session: Json, coupon: Json, code: Json | None) -> None:
    """The session is to have this offer; it counts as redeemed only when the session is completed."""
    detach(sim, session)
    discount = sim.store.add(
        {
            "id": new_id("discount"),
            "object": "discount",
            "checkout_session": session["id"],
            "customer": session["customer"],
            "customer_account": None,
            "end": None,
            "invoice": None,
            "invoice_item": None,
            "promotion_code": code["id"] if code else None,
            "source": {"coupon": coupon["id"], "type": "coupon"},
            "start": sim.now(),
            "subscription": None,
            "subscription_item": None,
        }
    )
    given = {"coupon": None if code else coupon["id"], "promotion_code": code["id"] if code else None}
    sim.store.change(session, discounts=[given], _discount=discount["id"])


def detach(sim: "Simulator", session: Json) -> None:
    discount = of_session(sim, session)
    if discount:
        sim.store.remove(discount)
        sim.store.change(session, discounts=[], _discount=None)


def of_session(sim: "Simulator", session: Json) -> Json | None:
    return sim.store.get("discount", session["_discount"] or "")


def coupon_of(sim: "Simulator", discount: Json | None) -> Json | None:
    return sim.store.get("coupon", discount["source"]["coupon"]) if discount else None


def code_of(sim: "Simulator", discount: Json) -> Json | None:
    return sim.store.get("promotion_code", discount["promotion_code"] or "")


def why_not(sim: "Simulator", session: Json, coupon: Json, code: Json | None) -> str:
    """Why this session cannot have that offer, in the reader's words; empty if it can."""
    return promotions.why_not(
        sim,
        coupon,
        code,
        customer=session["customer"],
        subtotal=session["amount_subtotal"],
        currency=session["currency"],
    )


def redeem(sim: "Simulator", discount: Json, *, customer: str | None, invoice: str | None, subscription: str | None) -> None:
    """The session is completed: from now on the discount belongs to what was bought."""
    coupon = coupon_of(sim, discount)
    assert coupon
    promotions.count_redemption(sim, coupon, code_of(sim, discount))
    start, months = sim.now(), coupon["duration_in_months"]
    sim.store.change(
        discount,
        customer=customer,
        end=period_end(start, start, "month", months) if months and subscription else None,
        invoice=invoice,
        start=start,
        subscription=subscription,
    )


def stay_with(sim: "Simulator", subscription: Json, discount: Json) -> None:
    """Renewals get it too, as long as its coupon says; a coupon for one time is spent with the first invoice."""
    coupon = coupon_of(sim, discount)
    if not coupon or coupon["duration"] == "once":
        return
    sim.store.change(subscription, discounts=[discount["id"]])
    sim.emit("customer.discount.created", discount)
    if discount["end"]:
        sim.timers.set("end_discount", discount["id"], discount["end"])


def standing(sim: "Simulator", subscription: Json) -> Json | None:
    """The discount that the invoice of this subscription's period gets: one that has not ended when the period begins."""
    starts_at = subscription["items"]["data"][0]["current_period_start"]
    for discount_id in subscription["discounts"]:
        discount = sim.store.get("discount", discount_id)
        if discount and (discount["end"] is None or starts_at < discount["end"]):
            return discount
    return None


def end_when_due(sim: "Simulator", discount_id: str) -> None:
    """Its months are over."""
    discount = sim.store.get("discount", discount_id)
    subscription = sim.store.get("subscription", discount["subscription"] or "") if discount else None
    if not discount or not subscription:
        return
    left = [other for other in subscription["discounts"] if other != discount_id]
    sim.emit("customer.discount.deleted", discount)
    sim.update(subscription, "customer.subscription.updated", discounts=left)
