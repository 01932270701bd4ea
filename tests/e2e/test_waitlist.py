"""A session is sold out; a reader waits, is offered the seat that comes free, and has it."""

import pytest

from tests.e2e import stage
from tests.e2e.conftest import House, Person
from tests.e2e.pages import Reader

pytestmark = [pytest.mark.browser, pytest.mark.stack]


def test_from_sold_out_over_the_waitlist_to_a_seat(signed_in: Reader, person: Person, house: House) -> None:
    reader, live_session = signed_in, house.open_session(capacity=1)
    house.backstage(stage.give_seats, slug=live_session.slug, count=1)
    session_page = f"/sessions/{live_session.slug}/"
    reader.visit(session_page)
    assert "Sold out" in reader.words
    reader.press("Join the waitlist: $250")
    reader.sees(live_session.title)
    assert "You are next." in reader.words
    assert house.orders_of(person) == []

    house.backstage(stage.free_a_seat, slug=live_session.slug)
    mail = house.mailbox.wait_for_mail(person.email, f"A seat opened: {live_session.title}")
    assert f"{session_page}offer/" in mail.text
    reader.visit(f"{session_page}offer/")
    reader.sees("Take this seat?")
    reader.press("Take it and pay $250 on Stripe")
    reader.at_checkout().pay()
    reader.sees("Your seat is confirmed")
    house.mailbox.wait_for_mail(person.email, f"Seat confirmed: {live_session.title}")
    assert [(seat.state, seat.attendee_email) for seat in house.seats_of(live_session)] == [("confirmed", person.email)]


def test_a_declined_seat_is_on_sale_when_nobody_waits(signed_in: Reader, person: Person, house: House) -> None:
    reader, live_session = signed_in, house.open_session(capacity=1)
    house.backstage(stage.give_seats, slug=live_session.slug, count=1)
    reader.visit(f"/sessions/{live_session.slug}/")
    reader.press("Join the waitlist: $250")
    reader.sees(live_session.title)
    house.backstage(stage.free_a_seat, slug=live_session.slug)
    house.mailbox.wait_for_mail(person.email, f"A seat opened: {live_session.title}")
    reader.visit("/account/")
    reader.follow("Take it")
    reader.sees("Take this seat?")
    reader.press("No, give it to the next reader")
    reader.sees(live_session.title)
    assert "Reserve a seat: $250" in reader.words
