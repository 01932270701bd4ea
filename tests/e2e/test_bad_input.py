"""Bad input and bad luck: a plain page says what happened and whether money moved, and nothing is lost."""

import pytest
from playwright.sync_api import expect

from tests.e2e import stage
from tests.e2e.conftest import House, Person
from tests.e2e.pages import Reader

pytestmark = [pytest.mark.browser, pytest.mark.stack]


def test_a_sold_out_session_says_so_before_and_after_the_form(signed_in: Reader, person: Person, house: House) -> None:
    live_session = house.open_session(capacity=2)
    signed_in.visit(f"/sessions/{live_session.slug}/")
    signed_in.follow("Reserve a seat: $250")
    signed_in.sees("Who will attend?")
    house.backstage(stage.give_seats, slug=live_session.slug, count=2)
    signed_in.press("Hold the seat and pay on Stripe")
    signed_in.sees("This session is sold out")
    assert "Nothing was charged." in signed_in.words
    assert house.orders_of(person) == []
    signed_in.follow("See whether a seat is left")
    signed_in.sees(live_session.title)
    assert "Sold out Join the waitlist" in signed_in.words


def test_a_double_click_makes_one_order_and_holds_one_seat(signed_in: Reader, person: Person, house: House) -> None:
    live_session = house.open_session()
    signed_in.visit(f"/sessions/{live_session.slug}/reserve/")
    signed_in.button("Hold the seat and pay on Stripe").dblclick()
    signed_in.at_checkout()
    assert [order.state for order in house.orders_of(person)] == ["pending"]
    assert [seat.state for seat in house.seats_of(live_session)] == ["held"]


def test_two_tabs_end_at_one_checkout(signed_in: Reader, person: Person, house: House) -> None:
    live_session = house.open_session()
    second = Reader(signed_in.page.context.new_page(), signed_in.site, signed_in.secret)
    second.visit(f"/sessions/{live_session.slug}/reserve/")
    first_checkout = signed_in.holds_seat(live_session.slug)
    second.press("Hold the seat and pay on Stripe")
    assert second.at_checkout().url == first_checkout.url
    assert len(house.orders_of(person)) == len(house.seats_of(live_session)) == 1


def test_a_tampered_price_is_refused(signed_in: Reader, person: Person, house: House) -> None:
    live_session = house.open_session()
    signed_in.visit(f"/sessions/{live_session.slug}/reserve/")
    signed_in.page.locator("[name=price_id]").evaluate("field => field.value = '999999'")
    signed_in.press("Hold the seat and pay on Stripe")
    signed_in.sees("The price has changed")
    assert "Nothing was charged." in signed_in.words
    assert house.orders_of(person) == []
    assert house.seats_of(live_session) == []


def test_a_form_with_mistakes_says_where(signed_in: Reader, person: Person, house: House) -> None:
    live_session = house.open_session()
    signed_in.visit(f"/sessions/{live_session.slug}/reserve/")
    signed_in.fill(attendee_name="", attendee_email="nobody@", attendee_firm="Kept & Sons")
    signed_in.press("Hold the seat and pay on Stripe")
    summary = signed_in.page.get_by_role("alert")
    expect(summary).to_contain_text("There is a problem")
    expect(summary).to_contain_text("Enter the name of the person who will attend.")
    expect(summary).to_contain_text("Enter an e-mail address like name@example.com.")
    expect(signed_in.page.locator("[name=attendee_firm]")).to_have_value("Kept & Sons")
    assert house.orders_of(person) == []


def test_the_order_of_another_reader_is_unknown(signed_in: Reader, house: House) -> None:
    other = Person("Ben Okoro", f"ben.{signed_in.page.context.cookies()[0]['value'][:8]}@example.com")
    house.backstage(stage.open_account, email=other.email, name=other.name, firm=other.firm)
    number = house.backstage(stage.hold_seat_for, email=other.email, slug=house.open_session().slug)
    assert signed_in.visit(f"/orders/{number}/") == 404
    signed_in.sees("Page not found")
    assert "No money moved." in signed_in.words


def test_a_broken_session_cookie_leads_to_the_sign_in_and_nowhere_worse(reader: Reader, house: House) -> None:
    broken = {"name": "sessionid", "value": "broken", "url": reader.site}
    reader.page.context.add_cookies([broken])  # type: ignore[list-item]
    reader.visit("/account/")
    reader.sees("Sign in")
    assert reader.query == "next=/account/"


def test_a_lost_form_cookie_is_explained(signed_in: Reader, person: Person, house: House) -> None:
    live_session = house.open_session()
    signed_in.visit(f"/sessions/{live_session.slug}/reserve/")
    signed_in.page.context.clear_cookies(name="csrftoken")
    signed_in.press("Hold the seat and pay on Stripe")
    signed_in.sees("This form could not be accepted")
    assert "Nothing was changed and no money moved." in signed_in.words
    assert house.orders_of(person) == []


def test_an_unknown_address_has_a_page(reader: Reader) -> None:
    assert reader.visit("/sessions/no-such-session/") == 404
    reader.sees("Page not found")
    assert "No money moved." in reader.words
