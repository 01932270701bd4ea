"""The page to which Stripe sends the reader back confirms by itself."""

import pytest
from playwright.sync_api import expect

from redreport import policy
from tests.e2e import stage
from tests.e2e.conftest import House, Person
from tests.e2e.pages import DECLINED_CARD, Reader
from tests.stack import wait_for
from tests.stripe_simulator.control import SimulatorControl

pytestmark = [pytest.mark.browser, pytest.mark.stack]


def test_without_any_webhook_the_return_page_confirms(
    signed_in: Reader, person: Person, house: House, stripe: SimulatorControl
) -> None:
    live_session = house.open_session()
    stripe.withhold_webhooks()
    signed_in.holds_seat(live_session.slug).pay()
    signed_in.sees("Your seat is confirmed")
    assert [seat.state for seat in house.seats_of(live_session)] == ["confirmed"]
    house.mailbox.wait_for_mail(person.email, f"Seat confirmed: {live_session.title}")


def test_while_stripe_does_not_say_whether_it_was_paid_the_page_waits_and_offers_no_second_payment(
    signed_in: Reader, house: House, stripe: SimulatorControl
) -> None:
    live_session = house.open_session()
    stripe.withhold_webhooks()
    checkout = signed_in.holds_seat(live_session.slug)
    stripe.fault("500", method="GET", path="/v1/checkout/sessions/*", count=2)
    checkout.pay()
    signed_in.sees("Confirming your payment")
    assert "Please do not pay again." in signed_in.words
    expect(signed_in.page.locator("main").get_by_role("button")).to_have_count(0)
    signed_in.sees("Your seat is confirmed")


def test_after_a_declined_card_another_one_pays(signed_in: Reader, person: Person, house: House) -> None:
    live_session = house.open_session()
    checkout = signed_in.holds_seat(live_session.slug)
    checkout.pay(DECLINED_CARD)
    expect(signed_in.page.get_by_role("alert")).to_have_text("Your card has been declined.")
    assert [order.state for order in house.orders_of(person)] == ["pending"]
    checkout.pay()
    signed_in.sees("Your seat is confirmed")
    assert [order.state for order in house.orders_of(person)] == ["paid"]


def test_the_way_back_from_stripe_keeps_the_seat_and_leads_to_the_same_checkout(
    signed_in: Reader, person: Person, house: House
) -> None:
    live_session = house.open_session()
    checkout = signed_in.holds_seat(live_session.slug)
    first_address = checkout.url
    checkout.go_back()
    signed_in.sees("Your seat is held")
    assert signed_in.query == "returned=back"
    assert "No payment has reached us yet." in signed_in.words
    assert [seat.state for seat in house.seats_of(live_session)] == ["held"]
    signed_in.press("Pay on Stripe")
    assert signed_in.at_checkout().url == first_address
    checkout.pay()
    signed_in.sees("Your seat is confirmed")
    assert len(house.orders_of(person)) == 1


def test_a_held_seat_that_is_given_back_is_on_sale_again(signed_in: Reader, person: Person, house: House) -> None:
    live_session = house.open_session(capacity=1)
    checkout = signed_in.holds_seat(live_session.slug)
    checkout_address = checkout.url
    signed_in.visit(f"/sessions/{live_session.slug}/")
    signed_in.sees(live_session.title)
    signed_in.follow("Continue to payment")
    signed_in.sees("Your seat is held")
    signed_in.press("Give the seat back")
    signed_in.sees("You gave this seat back")
    assert "Nothing was charged." in signed_in.words
    assert house.seats_of(live_session) == []
    assert [order.state for order in house.orders_of(person)] == ["expired"]
    signed_in.page.goto(checkout_address)
    expect(signed_in.page.get_by_role("heading", level=1)).to_have_text("Checkout expired")
    signed_in.visit(f"/sessions/{live_session.slug}/")
    assert "1 seat left" in signed_in.words


def test_a_hold_that_nobody_pays_ends_and_says_so(signed_in: Reader, person: Person, house: House) -> None:
    live_session = house.open_session(capacity=1)
    checkout_address = signed_in.holds_seat(live_session.slug).url
    [order] = house.orders_of(person)
    house.backstage(stage.sweep_order, number=order.number, after=policy.HOLD)
    wait_for(lambda: house.seats_of(live_session) == [], "the held seat to be released")
    signed_in.page.goto(checkout_address)
    expect(signed_in.page.get_by_role("heading", level=1)).to_have_text("Checkout expired")
    signed_in.visit(f"/orders/{order.number}/")
    signed_in.sees("This order has expired")
    assert "Nothing was charged." in signed_in.words
    signed_in.follow("See whether a seat is left")
    signed_in.sees(live_session.title)
    assert "1 seat left" in signed_in.words
