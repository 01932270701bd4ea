"""Stripe is down or slow: the reader is told to try again, and there is no ghost seat and no ghost charge."""

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from tests.e2e import stage
from tests.e2e.conftest import House, Person
from tests.e2e.pages import Reader
from tests.stack import wait_for
from tests.stripe_simulator.control import FaultKind, SimulatorControl

pytestmark = [pytest.mark.browser, pytest.mark.stack]


# `drop_after` is the mean one: Stripe does it and nobody hears of it.
@pytest.mark.parametrize("trouble", ["500", "drop_after"])
def test_trying_again_leads_to_one_seat_and_one_payment(
    trouble: FaultKind, signed_in: Reader, person: Person, house: House, stripe: SimulatorControl
) -> None:
    live_session = house.open_session()
    fail_to_hold(signed_in, live_session, stripe, trouble)
    stripe.clear_faults()
    signed_in.follow("Try again")
    signed_in.sees("Who will attend?")
    signed_in.press("Hold the seat and pay on Stripe")
    signed_in.at_checkout().pay()
    signed_in.sees("Your seat is confirmed")
    assert [seat.state for seat in house.seats_of(live_session)] == ["confirmed"]
    [order] = house.orders_of(person)
    checkouts = [c for c in stripe.objects("checkout.session") if c["client_reference_id"] == order.number]
    assert [checkout["payment_status"] for checkout in checkouts] == ["paid"]


@pytest.mark.parametrize(
    ("trouble", "state", "heading"),
    [("500", "failed", "We could not open the payment page"), ("drop_after", "expired", "This order has expired")],
)
def test_without_another_try_the_seat_is_soon_on_sale_again(
    trouble: FaultKind, state: str, heading: str, signed_in: Reader, person: Person, house: House, stripe: SimulatorControl
) -> None:
    live_session = house.open_session(capacity=1)
    fail_to_hold(signed_in, live_session, stripe, trouble)
    stripe.clear_faults()
    [order] = house.orders_of(person)
    house.backstage(stage.sweep_order, number=order.number, after=timedelta(minutes=4))
    wait_for(lambda: house.seats_of(live_session) == [], "the held seat to be released")
    assert [order.state for order in house.orders_of(person)] == [state]
    checkouts = [c for c in stripe.objects("checkout.session") if c["client_reference_id"] == order.number]
    assert all(checkout["status"] == "expired" for checkout in checkouts)
    signed_in.visit(f"/orders/{order.number}/")
    signed_in.sees(heading)
    assert "Nothing was charged." in signed_in.words


# What a browser does is no part of this one, and it takes Stripe's whole time-out: once is enough.
@pytest.mark.parametrize("reader", [False], indirect=True, ids=["without JavaScript"])
def test_stripe_that_hangs_is_not_waited_for(signed_in: Reader, person: Person, house: House, stripe: SimulatorControl) -> None:
    live_session = house.open_session()
    stripe.fault("hang", path="/v1/*", count=2)
    signed_in.visit(f"/sessions/{live_session.slug}/reserve/")
    signed_in.button("Hold the seat and pay on Stripe").click(timeout=20_000)
    expect(signed_in.page.get_by_role("heading", level=1)).to_contain_text("We cannot reach", timeout=20_000)
    assert "This attempt charged nothing." in signed_in.words
    assert [order.state for order in house.orders_of(person)] == ["pending"]


def fail_to_hold(reader: Reader, live_session: stage.SessionRow, stripe: SimulatorControl, trouble: FaultKind) -> None:
    stripe.fault(trouble, method="POST", path="/v1/checkout/sessions", count=2)
    reader.visit(f"/sessions/{live_session.slug}/reserve/")
    reader.press("Hold the seat and pay on Stripe")
    reader.sees("We cannot reach the payment service just now")
    assert "This attempt charged nothing." in reader.words
