"""A seat is given back, a renewal turned off and on, the card changed: each in sight, each with its consequence said first."""

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import House, Person
from tests.e2e.pages import Reader
from tests.stack import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.stack]


def test_a_seat_is_canceled_after_its_consequence_was_shown_and_the_money_goes_back(
    signed_in: Reader, person: Person, house: House
) -> None:
    reader, live_session = signed_in, house.open_session()
    reader.holds_seat(live_session.slug).pay()
    reader.sees("Your seat is confirmed")
    [order] = house.orders_of(person)

    reader.follow("Cancel the seat")
    reader.sees("Cancel this seat?")
    assert "You get $250 back" in reader.words
    reader.follow("Keep the seat")
    reader.sees(person.name)
    assert [seat.state for seat in house.seats_of(live_session)] == ["confirmed"]

    reader.follow("Cancel this seat")
    reader.press("Cancel the seat")
    reader.sees("This seat is canceled")
    assert "$250" in reader.words
    mail = house.mailbox.wait_for_mail(person.email, f"Canceled: {live_session.title}")
    assert "$250" in mail.text
    parts = [(part.get_content_type(), part.get_param("method")) for part in mail.message.walk()]
    assert ("text/calendar", "CANCEL") in parts
    wait_for(lambda: house.orders_of(person)[0].state == "refunded", "the refund")
    intents = {
        intent["id"] for intent in house.stripe.objects("payment_intent") if intent["metadata"].get("order") == order.number
    }
    refunds = [refund["amount"] for refund in house.stripe.objects("refund") if refund["payment_intent"] in intents]
    assert refunds == [25000]


def test_a_renewal_is_turned_off_and_on_and_the_card_is_changed_at_stripe(
    signed_in: Reader, person: Person, house: House
) -> None:
    reader = signed_in
    reader.visit("/plans/annual/")
    reader.page.get_by_role("checkbox").check()
    reader.press("Continue to payment on Stripe")
    reader.at_checkout().pay()
    reader.sees("Your 12 sessions are ready")

    reader.visit("/account/")
    reader.follow("Turn off auto-renew")
    reader.sees("Turn off auto-renew")
    assert "Nothing is lost until then" in reader.words
    reader.press("Turn off auto-renew")
    reader.sees("Your renewal is off")
    house.mailbox.wait_for_mail(person.email, "renewal is off")
    reader.press("Turn on again")
    reader.sees(person.name)
    assert "Your renewal is on again." in reader.words

    reader.press("Card, address, tax ID, invoices")
    expect(reader.page.get_by_role("heading", level=1)).to_contain_text("Your subscriptions")
    reader.page.get_by_role("link", name="Return to the shop").click()
    reader.sees(person.name)
