"""The simulator finds its own mistakes: what it sends is held against the SDK's classes, and a wrong reply does not go unseen."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures_stripe import StripeAccount
from tests.stripe_simulator.control import ControlError
from tests.stripe_simulator.process import SimulatorProcess
from tests.webhook_receiver import WebhookReceiver


@pytest.fixture
def account() -> Iterator[StripeAccount]:
    """In a simulator of its own: what is planted here must not spoil the run's."""
    with SimulatorProcess() as simulator:
        yield StripeAccount(simulator)


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    receiver = WebhookReceiver()
    yield receiver
    receiver.close()


def test_replies_as_they_should_be_leave_nothing(account: StripeAccount) -> None:
    account.paid_seat()
    account.year()
    assert len(account.event_types()) > 10
    assert account.control.differences() == []


@pytest.mark.parametrize(
    ("values", "difference"),
    [
        ({"current_period_end": 1}, "subscription.current_period_end: unknown to Subscription"),
        ({"status": "dormant"}, "subscription.status: 'dormant' is no "),
        ({"created": None}, "subscription.created: null, but <class 'int'> was promised"),
    ],
)
def test_a_wrong_reply_is_found(account: StripeAccount, values: dict[str, object], difference: str) -> None:
    year = account.year()
    account.control.plant(year.id, **values)
    account.client.v1.subscriptions.retrieve(year.id)
    (found,) = account.control.differences()
    assert found.startswith(f"GET /v1/subscriptions/{year.id}: {difference}")


def test_a_wrong_object_inside_a_list_or_another_object_is_found(account: StripeAccount) -> None:
    year = account.year()
    account.control.plant(str(year.latest_invoice), paid=True)
    account.client.v1.subscriptions.list({"expand": ["data.latest_invoice"]})
    account.client.v1.invoices.list()
    assert account.control.differences() == [
        "GET /v1/subscriptions: subscription.latest_invoice.paid: unknown to Invoice",
        "GET /v1/invoices: invoice.paid: unknown to Invoice",
    ]


def test_a_wrong_webhook_is_found_and_not_forgotten(account: StripeAccount, receiver: WebhookReceiver) -> None:
    account.client.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["customer.updated"]})
    customer = account.customer()
    account.control.plant(customer.id, account_balance=0)
    account.client.v1.customers.update(customer.id, {"name": "Sam Reader"})
    receiver.wait_for(1)
    account.control.reset()
    assert "webhook customer.updated: customer.account_balance: unknown to Customer" in account.control.differences()


def test_replies_are_checked_only_where_asked(tmp_path: Path) -> None:
    with SimulatorProcess(state_dir=tmp_path, check_replies=False) as simulator:
        StripeAccount(simulator).customer()
        with pytest.raises(ControlError, match="--check-replies"):
            simulator.control.differences()
