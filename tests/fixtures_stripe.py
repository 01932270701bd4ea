"""The Stripe simulator of a test run, and an account in it for tests of the simulator itself."""

from collections.abc import Iterator
from typing import Any

import pytest
import stripe

from tests.stripe_simulator.control import SimulatorControl
from tests.stripe_simulator.process import SimulatorProcess

SUCCESS_URL = "https://shop.example/done?checkout={CHECKOUT_SESSION_ID}"
CANCEL_URL = "https://shop.example/back"


def stripe_client(simulator: SimulatorProcess, key: str | None = None) -> stripe.StripeClient:
    """The genuine SDK, pointed at the simulator; it never retries by itself, so that a test sees every answer."""
    return stripe.StripeClient(key or simulator.key, base_addresses={"api": simulator.url}, max_network_retries=0)


class StripeAccount:
    """An empty account with a seat at $250 and a year at $2,500."""

    def __init__(self, simulator: SimulatorProcess) -> None:
        self.url = simulator.url
        # Untyped: the tests also send what the SDK's types forbid, and the simulator checks everything against them.
        self.client: Any = stripe_client(simulator)
        self.control: SimulatorControl = simulator.control
        seat = self.client.v1.products.create({"name": "One live session"})
        year = self.client.v1.products.create({"name": "A year of live sessions"})
        self.seat_price = self.client.v1.prices.create(
            {
                "product": seat.id,
                "currency": "usd",
                "unit_amount": 25000,
                "lookup_key": "seat",
                "tax_behavior": "exclusive",
            }
        )
        self.year_price = self.client.v1.prices.create(
            {
                "product": year.id,
                "currency": "usd",
                "unit_amount": 250000,
                "lookup_key": "year",
                "recurring": {"interval": "year"},
            }
        )

    def customer(self, **params: Any) -> stripe.Customer:
        made: stripe.Customer = self.client.v1.customers.create({"email": "reader@example.com", "name": "Avery Reader", **params})
        return made

    def checkout(self, **params: Any) -> stripe.checkout.Session:
        """A session for one seat."""
        made: stripe.checkout.Session = self.client.v1.checkout.sessions.create(
            {
                "mode": "payment",
                "line_items": [{"price": self.seat_price.id, "quantity": 1}],
                "success_url": SUCCESS_URL,
                "cancel_url": CANCEL_URL,
                **params,
            }
        )
        return made

    def year_checkout(self, **params: Any) -> stripe.checkout.Session:
        return self.checkout(**{"mode": "subscription", "line_items": [{"price": self.year_price.id, "quantity": 1}], **params})

    def retrieve_checkout(self, session_id: str, *expand: str) -> stripe.checkout.Session:
        found: stripe.checkout.Session = self.client.v1.checkout.sessions.retrieve(session_id, {"expand": list(expand)})
        return found

    def paid_seat(self, **params: Any) -> stripe.checkout.Session:
        """A session paid by card 4242."""
        session = self.checkout(**{"customer_email": "reader@example.com", **params})
        assert self.control.pay(session.id)["outcome"] == "paid"
        return self.retrieve_checkout(session.id)

    def year(self, card: str = "4242424242424242", **params: Any) -> stripe.Subscription:
        """A subscription bought in Checkout."""
        session = self.year_checkout(customer=self.customer().id, **params)
        assert self.control.pay(session.id, card=card, authenticate="complete")["outcome"] == "paid"
        found = self.retrieve_checkout(session.id, "subscription").subscription
        assert isinstance(found, stripe.Subscription)
        return found

    def event_types(self, **params: Any) -> list[str]:
        """The types of all events, oldest first."""
        events = self.client.v1.events.list({"limit": 100, **params}).auto_paging_iter()
        return [event.type for event in events][::-1]


@pytest.fixture(scope="session")
def stripe_simulator() -> Iterator[SimulatorProcess]:
    """One simulator for the whole run; a test that uses it starts from `control.reset()`.

    Whatever it sent to anybody was what the SDK's classes say of the pinned version.
    """
    with SimulatorProcess() as simulator:
        yield simulator
        assert simulator.control.differences() == []


@pytest.fixture
def stripe_account(stripe_simulator: SimulatorProcess) -> Iterator[StripeAccount]:
    stripe_simulator.control.reset()
    yield StripeAccount(stripe_simulator)
    stripe_simulator.control.reset()
