"""What becomes of a seat whose attendee cannot come: handed over until the start, or given up too late for money."""

import re
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import House, Person
from tests.e2e.pages import Reader

pytestmark = [pytest.mark.browser, pytest.mark.stack]

DOOR = re.compile(r"http\S+/door/\S+")
CANT_COME = re.compile(r"http\S+/seats/cant-come/\S+")


def test_a_seat_is_handed_over_its_old_door_dies_and_the_colleague_can_say_no(
    signed_in: Reader, person: Person, house: House
) -> None:
    reader, live_session = signed_in, house.open_session()
    colleague = f"bo.{person.email}"
    reader.holds_seat(live_session.slug).pay()
    reader.sees("Your seat is confirmed")
    old_door = DOOR.findall(house.mailbox.wait_for_mail(person.email, "Seat confirmed").text)[0]

    reader.visit("/account/")
    reader.follow("hand it over")
    reader.sees("Hand over this seat")
    reader.press("Hand over the seat")
    assert "There is a problem" in reader.words
    reader.fill(attendee_name="Bo Chen", attendee_email=colleague)
    reader.press("Hand over the seat")
    expect(reader.page.locator(".notice-title").first).to_have_text("Bo Chen has this seat.")

    taken_back = house.mailbox.wait_for_mail(person.email, "Your seat was handed over")
    given = house.mailbox.wait_for_mail(colleague, "has given you their seat")
    methods = [
        {str(part.get_param("method")) for part in mail.message.walk() if part.get_content_type() == "text/calendar"}
        for mail in (taken_back, given)
    ]
    assert methods == [{"CANCEL"}, {"REQUEST"}]
    assert reader.visit(urlsplit(old_door).path) == 404
    reader.sees("This link is no longer valid")
    assert reader.visit(urlsplit(DOOR.findall(given.text)[0]).path) == 200
    reader.sees(live_session.title)

    reader.visit(urlsplit(CANT_COME.findall(given.text)[0]).path)
    reader.press("I can’t come")
    house.mailbox.wait_for_mail(person.email, "Bo Chen can't come")
    reader.visit("/account/")
    assert "can’t come" in reader.words.lower()
    assert [(seat.state, seat.attendee_email) for seat in house.seats_of(live_session)] == [("confirmed", colleague)]


def test_after_the_cutoff_nothing_comes_back_and_the_page_says_so_first(signed_in: Reader, person: Person, house: House) -> None:
    reader, live_session = signed_in, house.open_session(starts_in=timedelta(hours=20))
    reader.holds_seat(live_session.slug).pay()
    reader.sees("Your seat is confirmed")
    reader.follow("Cancel the seat")
    reader.sees("Cancel this seat?")
    assert "Nothing is returned: the start is less than 24 hours away." in reader.words
    assert "hand it" in reader.words
    reader.press("Cancel the seat")
    reader.sees("This seat is canceled")
    assert [order.state for order in house.orders_of(person)] == ["paid"]
