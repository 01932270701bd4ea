"""A year: its terms, its credits, and a seat in one step."""

import pytest
from playwright.sync_api import expect

from tests.e2e import stage
from tests.e2e.conftest import House, Person
from tests.e2e.pages import Reader

pytestmark = [pytest.mark.browser, pytest.mark.stack]


def test_a_year_is_bought_with_consent_and_brings_credits_that_reserve_in_one_step(
    reader: Reader, person: Person, house: House
) -> None:
    live_session = house.open_session()
    house.backstage(stage.open_account, email=person.email, name=person.name, firm=person.firm)

    reader.visit("/plans/")
    reader.sees("One session, or a year of them")
    assert "$208.33 each, saves $500" in reader.words
    reader.follow("Start a year")
    reader.asks_for_code(email=person.email)
    reader.fill(code=house.mailbox.wait_for_code(person.email))
    reader.press("Sign in")

    reader.sees("Start a year")
    assert "renews every year for $2,500" in reader.words
    consent = reader.page.get_by_role("checkbox")
    expect(consent).not_to_be_checked()
    reader.press("Continue to payment on Stripe")
    expect(reader.page.get_by_role("alert")).to_contain_text("Tick the box if you agree that the subscription renews.")
    assert reader.page.title().startswith("Error: ")
    assert house.orders_of(person) == []
    consent.check()
    reader.press("Continue to payment on Stripe")
    checkout = reader.at_checkout()
    assert checkout.total == "$2,500.00"
    checkout.pay()

    reader.sees("Your 12 sessions are ready")
    assert "12 of 12 left" in reader.words
    house.mailbox.wait_for_mail(person.email, "Your 12 sessions are ready")
    reader.visit(f"/sessions/{live_session.slug}/")
    assert "You have 12 credits" in reader.words
    reader.press("Reserve with 1 credit")

    expect(reader.page.locator("main")).to_contain_text("You have a seat.")
    reader.sees(live_session.title)
    [seat] = house.seats_of(live_session)
    assert (seat.state, seat.attendee_email) == ("confirmed", person.email)
    assert [(order.kind, order.state) for order in house.orders_of(person)] == [("year", "paid")]
    mail = house.mailbox.wait_for_mail(person.email, f"Seat confirmed: {live_session.title}")
    assert "Paid: 1 credit" in mail.text

    reader.visit("/account/credits/")
    reader.sees("Your credits")
    assert "Your credits 11 credits left" in reader.words
    statement = reader.page.get_by_role("table", name="Statement")
    spent, granted = statement.locator("tbody tr").all()
    for row, words in (
        (spent, (f"Seat reserved: {live_session.title}", "−1", "11")),
        (granted, ("Your year was paid", "+12", "12")),
    ):
        for part in words:
            expect(row).to_contain_text(part)
