"""The simulator's events and webhooks: signed, retried, withheld, doubled, reordered, and alive after a crash."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stripe

from tests.fixtures_stripe import StripeAccount
from tests.simulator_steps import refusal
from tests.stripe_simulator.process import SimulatorProcess
from tests.webhook_receiver import WebhookReceiver

VERSION = "2026-10-28.endive"


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    receiver = WebhookReceiver()
    yield receiver
    receiver.close()


def endpoint(account: StripeAccount, receiver: WebhookReceiver, *types: Any) -> stripe.WebhookEndpoint:
    """An endpoint for these types, or for everything."""
    made: stripe.WebhookEndpoint = account.client.v1.webhook_endpoints.create(
        {"url": receiver.url, "enabled_events": list(types) or ["*"], "api_version": VERSION}
    )
    return made


def types_of(receiver: WebhookReceiver, count: int) -> list[str]:
    return [json.loads(received.payload)["type"] for received in receiver.wait_for(count)]


def test_the_secret_is_told_once(stripe_account: StripeAccount, receiver: WebhookReceiver) -> None:
    endpoints = stripe_account.client.v1.webhook_endpoints
    made = endpoint(stripe_account, receiver)
    assert made.secret
    assert made.secret.startswith("whsec_")
    assert "secret" not in endpoints.retrieve(made.id).to_dict()
    assert "secret" not in endpoints.list().data[0].to_dict()


def test_a_webhook_is_signed_so_that_the_sdk_accepts_it(stripe_account: StripeAccount, receiver: WebhookReceiver) -> None:
    made = endpoint(stripe_account, receiver, "customer.created")
    assert made.secret
    customer = stripe_account.customer()
    (received,) = receiver.wait_for(1)
    event = stripe_account.client.construct_event(received.payload, received.signature, made.secret)
    assert (event.type, event.api_version, event.livemode) == ("customer.created", VERSION, False)
    assert event.data.object["id"] == customer.id
    assert event.request
    assert event.request.id
    assert stripe_account.client.v1.events.retrieve(event.id).type == "customer.created"
    with pytest.raises(stripe.SignatureVerificationError):
        stripe_account.client.construct_event(received.payload + " ", received.signature, made.secret)


def test_the_signature_goes_by_real_time_however_the_clock_was_moved(
    stripe_account: StripeAccount, receiver: WebhookReceiver
) -> None:
    made = endpoint(stripe_account, receiver, "customer.created")
    assert made.secret
    stripe_account.control.advance(400 * 86400)
    stripe_account.customer()
    (received,) = receiver.wait_for(1)
    assert stripe_account.client.construct_event(received.payload, received.signature, made.secret)


def test_only_what_was_asked_for_is_sent(stripe_account: StripeAccount, receiver: WebhookReceiver) -> None:
    endpoint(stripe_account, receiver, "checkout.session.completed")
    stripe_account.paid_seat()
    stripe_account.control.wait_for_deliveries()
    assert types_of(receiver, 1) == ["checkout.session.completed"]


def test_a_disabled_endpoint_is_left_alone(stripe_account: StripeAccount, receiver: WebhookReceiver) -> None:
    made = endpoint(stripe_account, receiver)
    changed = stripe_account.client.v1.webhook_endpoints.update(made.id, {"disabled": True})
    assert changed.status == "disabled"
    stripe_account.customer()
    assert stripe_account.control.deliveries() == []
    assert stripe_account.client.v1.webhook_endpoints.delete(made.id).deleted is True
    assert refusal(lambda: stripe_account.client.v1.webhook_endpoints.retrieve(made.id)).http_status == 404


def test_an_unknown_event_type_is_refused(stripe_account: StripeAccount, receiver: WebhookReceiver) -> None:
    assert refusal(lambda: endpoint(stripe_account, receiver, "customer.born")).param == "enabled_events[0]"


def test_what_fails_is_retried_with_a_fresh_signature(stripe_account: StripeAccount, receiver: WebhookReceiver) -> None:
    endpoint(stripe_account, receiver, "customer.created")
    stripe_account.control.webhooks(retry_seconds=0.05)
    receiver.answers = [500, 302]
    stripe_account.customer()
    assert len({received.payload for received in receiver.wait_for(3)}) == 1
    stripe_account.control.wait_for_deliveries()
    (delivery,) = stripe_account.control.deliveries()
    assert delivery["state"] == "succeeded"
    assert [attempt["status"] for attempt in delivery["attempts"]] == [500, 302, 200]


def test_the_events_list_tells_what_was_not_delivered(stripe_account: StripeAccount, receiver: WebhookReceiver) -> None:
    endpoint(stripe_account, receiver, "customer.created")
    stripe_account.control.webhooks(attempts=1)
    events = stripe_account.client.v1.events
    receiver.answers = [500]
    stripe_account.customer()
    stripe_account.control.wait_for_deliveries()
    (missed,) = events.list({"delivery_success": False}).data
    assert (missed.type, missed.pending_webhooks) == ("customer.created", 1)
    stripe_account.customer()
    stripe_account.control.wait_for_deliveries()
    assert [event.id for event in events.list({"delivery_success": False}).data] == [missed.id]
    assert events.list({"types": ["customer.created"], "delivery_success": True}).data[0].pending_webhooks == 0


def test_events_are_listed_by_type_and_reach_back_30_days(stripe_account: StripeAccount) -> None:
    stripe_account.customer()
    assert stripe_account.event_types(types=["customer.created", "price.created"]).count("price.created") == 2
    assert set(stripe_account.event_types(type="product.*")) == {"product.created"}
    stripe_account.control.advance(31 * 86400)
    assert stripe_account.event_types() == []


def test_withheld_webhooks_come_when_released_in_the_order_wished_for(
    stripe_account: StripeAccount, receiver: WebhookReceiver
) -> None:
    endpoint(stripe_account, receiver, "payment_intent.succeeded", "charge.succeeded", "checkout.session.completed")
    stripe_account.control.withhold_webhooks()
    stripe_account.paid_seat()
    assert [row["attempts"] for row in stripe_account.control.deliveries()] == [[], [], []]
    assert receiver.received == []
    stripe_account.control.release_webhooks("reversed")
    assert types_of(receiver, 3) == ["checkout.session.completed", "payment_intent.succeeded", "charge.succeeded"]


def test_everything_can_be_delivered_twice(stripe_account: StripeAccount, receiver: WebhookReceiver) -> None:
    endpoint(stripe_account, receiver, "checkout.session.completed")
    stripe_account.control.webhooks(copies=2)
    stripe_account.paid_seat()
    first, second = receiver.wait_for(2)
    assert json.loads(first.payload)["id"] == json.loads(second.payload)["id"]


def test_chosen_events_can_be_delivered_again_in_a_chosen_order(stripe_account: StripeAccount, receiver: WebhookReceiver) -> None:
    endpoint(stripe_account, receiver, "customer.created", "customer.updated")
    stripe_account.control.withhold_webhooks()
    customer = stripe_account.customer()
    stripe_account.client.v1.customers.update(customer.id, {"name": "Sam Reader"})
    created, updated = (event["id"] for event in stripe_account.control.objects("event")[-2:])
    results = stripe_account.control.deliver([updated, created, updated])
    assert [result["status"] for result in results] == [200, 200, 200]
    assert types_of(receiver, 3) == ["customer.updated", "customer.created", "customer.updated"]
    data = stripe_account.client.v1.events.retrieve(updated).data.to_dict()
    assert data["previous_attributes"] == {"name": "Avery Reader"}


def test_everything_survives_kill_9(tmp_path: Path, receiver: WebhookReceiver) -> None:
    simulator = SimulatorProcess(state_dir=tmp_path).start()
    account = StripeAccount(simulator)
    made = endpoint(account, receiver, "checkout.session.completed")
    account.control.withhold_webhooks()
    account.control.advance(86400)
    first = account.client.v1.customers.create({"email": "a@example.com"}, {"idempotency_key": "one"})
    paid, still_open = account.paid_seat(), account.checkout()
    before = account.control.state()
    simulator.kill()
    with simulator:
        after = account.control.state()
        assert after["objects"] == before["objects"]
        assert abs(after["now"] - before["now"]) < 60
        again = account.client.v1.customers.create({"email": "a@example.com"}, {"idempotency_key": "one"})
        assert again.id == first.id
        account.control.release_webhooks()
        (received,) = receiver.wait_for(1)
        assert made.secret
        event = account.client.construct_event(received.payload, received.signature, made.secret)
        assert event.data.object["id"] == paid.id
        account.control.advance(86400)
        assert account.retrieve_checkout(still_open.id).status == "expired"
