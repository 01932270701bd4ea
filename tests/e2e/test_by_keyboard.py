"""The main journeys without a mouse: whoever has only a keyboard gets a seat, gets rid of it, and always sees where they are."""

import pytest
from playwright.sync_api import expect

from tests.e2e import stage
from tests.e2e.conftest import House, Person
from tests.e2e.keyboard import Keyboard
from tests.e2e.pages import GOOD_CARD, Reader

pytestmark = [
    pytest.mark.browser,
    pytest.mark.stack,
    pytest.mark.parametrize("reader", [True], ids=["with JavaScript"], indirect=True),
]


def test_from_the_first_page_to_a_seat_to_its_door_and_to_its_cancellation(reader: Reader, person: Person, house: House) -> None:
    live_session, hands = house.open_session(), Keyboard(reader.page)
    here = f"/sessions/{live_session.slug}/"

    reader.visit("/")
    hands.skips_to_the_content()
    hands.follows("main a[href='/sessions/']")
    reader.sees("Sessions")
    hands.follows(f"main a[href='{here}']")
    reader.sees(live_session.title)
    hands.follows("main a.button")
    reader.sees("Sign in")
    hands.follows("main a[href^='/accounts/signup/']")
    reader.sees("Make an account")
    hands.follows("main form button[type=submit]")
    hands.hears_of_mistakes("email")
    hands.page.keyboard.type(person.email)
    hands.types(name=person.name, firm=person.firm)
    hands.presses("Enter")
    reader.sees("Type the code")
    hands.types(code=house.mailbox.wait_for_code(person.email))
    with reader.page.expect_navigation():
        hands.presses("Enter")

    reader.sees(live_session.title)
    hands.follows("main a.button")
    reader.sees("Who will attend?")
    chooses_two_seats_and_one_after_all(hands)
    hands.goes_to("main form button[type=submit]")
    hands.presses("Space")
    reader.at_checkout()
    pays(reader)

    reader.sees("Your seat is confirmed")
    hands.skips_to_the_content()
    hands.follows("main a[href*='/door/']")
    reader.sees(live_session.title)
    reader.visit(f"/orders/{house.orders_of(person)[0].number}/")
    hands.follows("main a[href$='/cancel/']")
    reader.sees("Cancel this seat?")
    hands.goes_to("main form button[type=submit]")
    hands.presses("Space")
    reader.sees("This seat is canceled")
    assert house.seats_of(live_session) == []


def chooses_two_seats_and_one_after_all(hands: Keyboard) -> None:
    """The list of numbers answers to the arrows, and fields come and go with it."""
    hands.goes_to("select[name=seats]")
    hands.presses("ArrowDown")
    hands.goes_to("[name=attendee_name_2]")
    hands.goes_back_to("select[name=seats]")
    hands.presses("ArrowUp")
    expect(hands.page.locator("[name=attendee_name_2]")).to_be_hidden()


def pays(reader: Reader) -> None:
    """On Stripe's page, which is not ours: how it shows the focus is its own affair."""
    keyboard = reader.page.keyboard
    for name, words in (("card_number", GOOD_CARD), ("expiry", "12/34"), ("cvc", "123"), ("name", "Ada Marsh")):
        while not reader.page.evaluate("(name) => document.activeElement.name === name", name):
            keyboard.press("Tab")
        keyboard.type(words)
    keyboard.press("Enter")


def test_from_a_credit_to_a_seat_to_a_colleague_who_gets_it(signed_in: Reader, person: Person, house: House) -> None:
    reader, live_session, hands = signed_in, house.open_session(), Keyboard(signed_in.page)
    house.backstage(stage.give_credits, email=person.email, count=2)

    reader.visit(f"/sessions/{live_session.slug}/")
    hands.skips_to_the_content()
    hands.follows("main form button[type=submit]")
    expect(reader.page.locator("main")).to_contain_text("You have a seat.")
    hands.follows("main a[href$='/hand-over/']")
    reader.sees("Hand over this seat")
    hands.follows("main form button[type=submit]")
    hands.hears_of_mistakes("attendee_name")
    hands.page.keyboard.type("Bo Chen")
    hands.types(attendee_email=f"bo.{person.email}")
    hands.goes_to("main form button[type=submit]")
    with reader.page.expect_navigation():
        hands.presses("Space")
    expect(reader.page.locator(".notice-title").first).to_have_text("Bo Chen has this seat.")
    [seat] = house.seats_of(live_session)
    assert seat.attendee_email == f"bo.{person.email}"


def test_a_focus_that_nobody_sees_is_noticed(reader: Reader) -> None:
    """The eyes of these journeys are no blind ones."""
    hands = Keyboard(reader.page)
    reader.visit("/sessions/")
    reader.page.evaluate("() => { for (const link of document.querySelectorAll('nav a')) link.style.outline = 'none'; }")
    with pytest.raises(AssertionError, match='isMarked is not so: <a href="/sessions/"'):
        hands.goes_to("main a")
