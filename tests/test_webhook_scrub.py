"""What of an event is kept in the inbox: what happened, and nothing about whom it happened to."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from subscriptions.models import Order, StripeEvent
from subscriptions.stripe_gateway import client
from subscriptions.webhooks.scrub import MOST_CHARACTERS, scrub
from tests.factories import make_user
from tests.fixtures_shop import Shop

MARKERS = [
    "jane.doe@example.com",
    "Jane Doe",
    "12 Gower Street, London WC1E 6BT",
    "+44 20 7946 0018",
    "Xt5EWLLDS7FJjR1c",
    "https://pay.stripe.example/receipts/1",
]
YEAR = 365 * 86400


@pytest.fixture
def events(shop: Shop) -> list[dict[str, Any]]:
    """Business of all kinds, so that the simulator emits every kind of event it knows."""
    stripe = client().v1
    for card in ("4242424242424242", "4000000000005126", "4000000000005423", "4000000000000259", "4000000000001976"):
        order = shop.hold_seat(make_user("Jane Doe"))
        shop.pay(order, card)
        if card in ("4242424242424242", "4000000000005126"):
            refund(shop, order)
    assert shop.stripe.pay(str(shop.hold_seat().stripe_checkout_session_id), card="4000000000000002")["outcome"] == "declined"
    stripe.checkout.sessions.expire(str(shop.hold_seat().stripe_checkout_session_id))
    for card in ("4242424242424242", "4000000000000341"):
        shop.pay(shop.order_year(make_user("Jane Doe")), card)
    shop.stripe.advance(YEAR + 86400)
    kept, failing = stripe.subscriptions.list({"limit": 2}).data[::-1]
    [invoice] = [row for row in shop.stripe.objects("invoice") if row["parent"] and row["status"] == "paid"][:1]
    stripe.credit_notes.create({"invoice": invoice["id"], "amount": 1000, "refund_amount": 1000})
    stripe.subscriptions.update(kept.id, {"cancel_at_period_end": True})
    stripe.subscriptions.cancel(failing.id)
    stripe.customers.delete(str(kept.customer))
    found: list[dict[str, Any]] = shop.stripe.objects("event")
    return found


def refund(shop: Shop, order: Order) -> None:
    [session] = [row for row in shop.stripe.objects("checkout.session") if row["id"] == order.stripe_checkout_session_id]
    client().v1.refunds.create({"payment_intent": session["payment_intent"], "reason": "requested_by_customer"})


def with_every_text(value: Any, text: str) -> Any:
    """A copy in which this stands for each string, at every depth."""
    if isinstance(value, dict):
        return {key: with_every_text(member, text) for key, member in value.items()}
    if isinstance(value, list):
        return [with_every_text(item, text) for item in value]
    return text if isinstance(value, str) else value


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for member in value.values() if isinstance(value, dict) else value:
            yield from texts(member)
    elif isinstance(value, str):
        yield value


def test_personal_data_planted_in_any_field_of_any_event_is_not_kept(events: list[dict[str, Any]]) -> None:
    assert len({event["type"] for event in events}) >= 30
    for event in events:
        for marker in MARKERS:
            planted = with_every_text(event["data"]["object"], marker)
            assert list(texts(scrub(planted))) == [], event["type"]


def test_what_the_simulator_says_of_a_person_is_not_kept_either(events: list[dict[str, Any]]) -> None:
    for event in events:
        kept = json.dumps(scrub(event["data"]["object"]))
        for told in ("Jane", "@", "http", "4242", "_secret_", "fingerprint", "exp_month"):
            assert told not in kept, (event["type"], told)


def test_ids_states_amounts_and_our_own_references_are_kept(shop: Shop) -> None:
    order = shop.hold_seat()
    shop.pay(order)
    [event] = shop.events("checkout.session.completed")
    shop.hear(event)
    told, kept = event["data"]["object"], StripeEvent.objects.get().payload
    for name in ("id", "object", "customer", "payment_intent", "invoice", "status", "payment_status", "mode", "currency"):
        assert kept[name] == told[name]
    assert (kept["amount_total"], kept["livemode"], kept["created"]) == (25000, False, told["created"])
    assert order.live_session
    assert kept["metadata"] == {"order": order.number, "session": order.live_session.slug}
    assert "customer_details" not in kept


def test_metadata_of_others_is_not_kept() -> None:
    told = {"id": "cus_abcdefgh12", "metadata": {"order": "Jane Doe", "refund": "jane", "subscriber": "x", "note": "RR-ABCDEFGH"}}
    assert scrub(told) == {"id": "cus_abcdefgh12"}


def test_an_object_of_any_size_and_depth_is_kept_small() -> None:
    deep: dict[str, Any] = {"amount": 1}
    for _ in range(200):
        deep = {"id": "in_abcdefgh12", "status": "paid", "lines": {"data": [deep] * 3}}
    wide = {"id": "in_abcdefgh12", "object": "invoice", **{f"amount_{number}": number for number in range(5000)}}
    assert len(json.dumps(scrub(deep))) <= MOST_CHARACTERS
    assert scrub(wide) == {"id": "in_abcdefgh12", "object": "invoice"}
    assert scrub(deep)["status"] == "paid"
