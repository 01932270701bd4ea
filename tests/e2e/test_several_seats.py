"""A reader reserves for colleagues in a real browser: fields grow with the number, and so does what is to pay."""

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import House, Person
from tests.e2e.pages import Reader

pytestmark = [pytest.mark.browser, pytest.mark.stack]


def asks_for(reader: Reader, seats: int) -> None:
    """Choose the number; without a script the page is asked for its fields."""
    reader.page.get_by_label("Number of seats").select_option(str(seats))
    button = reader.button("Show the fields for this number")
    if button.count():
        button.click()
    expect(reader.page.locator("fieldset:visible")).to_have_count(seats)


def test_fields_and_total_grow_with_the_number_and_three_seats_are_paid_at_once(
    signed_in: Reader, person: Person, house: House
) -> None:
    live_session = house.open_session()
    signed_in.visit(f"/sessions/{live_session.slug}/reserve/")
    asks_for(signed_in, 3)
    expect(signed_in.page.locator(".total")).to_have_text("3 seats $750")
    signed_in.fill(attendee_name_2="Bo Chen", attendee_email_2="bo@example.org")
    signed_in.fill(attendee_name_3="Cy Doe", attendee_email_3="BO@example.org")
    signed_in.press("Hold the seats and pay on Stripe")
    expect(signed_in.page.get_by_role("alert")).to_contain_text("Attendees 2 and 3 have the same e-mail address.")
    assert house.orders_of(person) == []
    signed_in.fill(attendee_email_3="cy@example.org")
    signed_in.press("Hold the seats and pay on Stripe")
    checkout = signed_in.at_checkout()
    assert checkout.total == "$750.00"
    checkout.pay()
    signed_in.sees("Your 3 seats are confirmed")
    assert [seat.state for seat in house.seats_of(live_session)] == ["confirmed"] * 3


def test_fewer_seats_again_send_no_spare_fields(signed_in: Reader, house: House) -> None:
    live_session = house.open_session()
    signed_in.visit(f"/sessions/{live_session.slug}/reserve/")
    asks_for(signed_in, 2)
    signed_in.fill(attendee_name_2="Bo Chen", attendee_email_2="not an address")
    asks_for(signed_in, 1)
    signed_in.press("Hold the seat and pay on Stripe")
    signed_in.at_checkout()
    assert [seat.state for seat in house.seats_of(live_session)] == ["held"]


def test_ten_seats_are_one_order_and_the_eleventh_is_refused(signed_in: Reader, person: Person, house: House) -> None:
    live_session = house.open_session(capacity=12)
    signed_in.visit(f"/sessions/{live_session.slug}/reserve/")
    asks_for(signed_in, 10)
    colleagues = {f"attendee_name_{number}": f"Colleague {number}" for number in range(2, 11)}
    addresses = {f"attendee_email_{number}": f"colleague{number}@example.org" for number in range(2, 11)}
    signed_in.fill(**colleagues, **addresses)
    signed_in.press("Hold the seats and pay on Stripe")
    checkout = signed_in.at_checkout()
    assert checkout.total == "$2,500.00"
    checkout.pay()
    signed_in.sees("Your 10 seats are confirmed")
    assert [seat.state for seat in house.seats_of(live_session)] == ["confirmed"] * 10
    for number in (2, 10):
        mail = house.mailbox.wait_for_mail(f"colleague{number}@example.org", f"Seat confirmed: {live_session.title}")
        assert "Colleague 3" not in mail.text
    signed_in.visit(f"/sessions/{live_session.slug}/reserve/")
    signed_in.fill(attendee_name="Eleventh", attendee_email="eleventh@example.org")
    signed_in.press("Hold the seat and pay on Stripe")
    signed_in.sees("That is more seats than one person can book")
