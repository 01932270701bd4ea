"""What can go wrong on the way of a webhook: endpoints switched off, secrets rolled, everything late, doubled and shuffled."""

import json
from collections.abc import Iterator

import pytest
import stripe

from tests.fixtures_stripe import StripeAccount
from tests.stripe_simulator.control import ControlError
from tests.test_stripe_simulator_webhooks import endpoint
from tests.webhook_receiver import Received, WebhookReceiver


@pytest.fixture
def inbox() -> Iterator[WebhookReceiver]:
    inbox = WebhookReceiver()
    yield inbox
    inbox.close()


def undelivered(account: StripeAccount) -> list[str]:
    """The ids that the Events list knows as undelivered, oldest first."""
    return [event.id for event in account.client.v1.events.list({"delivery_success": False}).data][::-1]


def ids_of(received: list[Received]) -> list[str]:
    return [json.loads(webhook.payload)["id"] for webhook in received]


def is_signed_by(account: StripeAccount, webhook: Received, secret: str | None) -> bool:
    assert secret
    try:
        account.client.construct_event(webhook.payload, webhook.signature, secret)
    except stripe.SignatureVerificationError:
        return False
    return True


def test_what_is_withheld_is_listed_as_undelivered_until_it_came(stripe_account: StripeAccount, inbox: WebhookReceiver) -> None:
    endpoint(stripe_account, inbox, "customer.created")
    stripe_account.control.withhold_webhooks()
    for _ in range(3):
        stripe_account.customer()
    waiting = undelivered(stripe_account)
    assert len(waiting) == 3
    stripe_account.control.release_webhooks("reversed")
    assert ids_of(inbox.wait_for(3)) == waiting[::-1]
    stripe_account.control.wait_for_deliveries()
    assert undelivered(stripe_account) == []


def test_doubled_shuffled_and_failing_everything_arrives(stripe_account: StripeAccount, inbox: WebhookReceiver) -> None:
    endpoint(stripe_account, inbox, "customer.created")
    stripe_account.control.webhooks(withheld=True, copies=2, retry_seconds=0.01)
    for _ in range(4):
        stripe_account.customer()
    expected = undelivered(stripe_account)
    inbox.answers = [500, 503]
    stripe_account.control.release_webhooks("shuffled")
    stripe_account.control.wait_for_deliveries()
    assert len(inbox.received) == 4 * 2 + 2
    assert sorted(set(ids_of(inbox.received))) == sorted(expected)
    assert undelivered(stripe_account) == []


def test_a_disabled_endpoint_gets_nothing_and_what_waited_for_it_stays_undelivered(
    stripe_account: StripeAccount, inbox: WebhookReceiver
) -> None:
    made = endpoint(stripe_account, inbox, "customer.created")
    stripe_account.control.withhold_webhooks()
    stripe_account.customer()
    (missed,) = undelivered(stripe_account)
    stripe_account.control.switch_endpoint(made.id, enabled=False)
    assert stripe_account.client.v1.webhook_endpoints.retrieve(made.id).status == "disabled"
    stripe_account.customer()
    stripe_account.control.release_webhooks()
    stripe_account.control.wait_for_deliveries()
    assert (inbox.received, undelivered(stripe_account)) == ([], [missed])
    stripe_account.control.switch_endpoint(made.id, enabled=True)
    stripe_account.customer()
    stripe_account.control.wait_for_deliveries()
    assert missed not in ids_of(inbox.received)
    assert len(inbox.received) == 1
    assert [result["status"] for result in stripe_account.control.deliver([missed])] == [200]
    with pytest.raises(ControlError):
        stripe_account.control.switch_endpoint("we_1none", enabled=True)


def test_an_endpoint_enabled_again_in_time_still_gets_its_retry(stripe_account: StripeAccount, inbox: WebhookReceiver) -> None:
    made = endpoint(stripe_account, inbox, "customer.created")
    stripe_account.control.withhold_webhooks()
    stripe_account.customer()
    for enabled in (False, True):
        stripe_account.control.switch_endpoint(made.id, enabled=enabled)
    stripe_account.control.release_webhooks()
    assert len(inbox.wait_for(1)) == 1


def test_a_missed_event_that_is_delivered_later_is_no_longer_listed(
    stripe_account: StripeAccount, inbox: WebhookReceiver
) -> None:
    endpoint(stripe_account, inbox, "customer.created")
    stripe_account.control.webhooks(attempts=1)
    inbox.answers = [500]
    stripe_account.customer()
    stripe_account.control.wait_for_deliveries()
    (missed,) = undelivered(stripe_account)
    assert [result["status"] for result in stripe_account.control.deliver([missed])] == [200]
    assert undelivered(stripe_account) == []


def test_while_a_secret_is_rolled_both_are_valid(stripe_account: StripeAccount, inbox: WebhookReceiver) -> None:
    made = endpoint(stripe_account, inbox, "customer.created")
    new = stripe_account.control.roll_secret(made.id)
    assert new.startswith("whsec_")
    stripe_account.customer()
    (both,) = inbox.wait_for(1)
    assert both.signature.count("v1=") == 2
    assert [is_signed_by(stripe_account, both, secret) for secret in (made.secret, new)] == [True, True]
    assert stripe_account.control.roll_secret(made.id, keep_old=False) == new
    stripe_account.customer()
    alone = inbox.wait_for(2)[1]
    assert alone.signature.count("v1=") == 1
    assert [is_signed_by(stripe_account, alone, secret) for secret in (made.secret, new)] == [False, True]


def test_a_secret_can_be_rolled_at_once(stripe_account: StripeAccount, inbox: WebhookReceiver) -> None:
    made = endpoint(stripe_account, inbox, "customer.created")
    new = stripe_account.control.roll_secret(made.id, keep_old=False)
    assert new != made.secret
    stripe_account.customer()
    (received,) = inbox.wait_for(1)
    assert [is_signed_by(stripe_account, received, secret) for secret in (made.secret, new)] == [False, True]
