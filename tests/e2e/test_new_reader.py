"""From the landing page to a seat: the journey that everything else stands on."""

from datetime import UTC

import pytest
from icalendar import Calendar
from playwright.sync_api import expect

from redreport.local.demo_accounts import STAFF_EMAIL
from redreport.local.mailbox import CaughtMail
from tests.e2e import stage
from tests.e2e.conftest import House, Person
from tests.e2e.pages import Reader

pytestmark = [pytest.mark.browser, pytest.mark.stack]


def test_a_new_reader_buys_a_seat_and_stands_on_the_roster(reader: Reader, person: Person, house: House) -> None:
    live_session = house.open_session()
    page = f"/sessions/{live_session.slug}/"

    reader.visit("/")
    reader.sees("Question the people who read Beijing for a living.")
    reader.follow("See the sessions")
    reader.sees("Sessions")
    reader.follow(live_session.title)
    reader.sees(live_session.title)
    assert "8 of 8 seats left" in reader.words
    reader.follow("Reserve a seat: $250")
    reader.signs_up(email=person.email, name=person.name, firm=person.firm)
    reader.fill(code=house.mailbox.wait_for_code(person.email))
    reader.press("Confirm")

    reader.sees(live_session.title)
    assert reader.path == page
    reader.follow("Reserve a seat: $250")
    reader.sees("Who will attend?")
    expect(reader.page.locator("[name=attendee_name]")).to_have_value(person.name)
    expect(reader.page.locator("[name=attendee_email]")).to_have_value(person.email)
    reader.press("Hold the seat and pay on Stripe")
    checkout = reader.at_checkout()
    assert checkout.total == "$250.00"
    checkout.pay()

    reader.sees("Your seat is confirmed")
    [order] = house.orders_of(person)
    assert reader.path == f"/orders/{order.number}/"
    assert f"E-mailed to {person.email}" in reader.words
    assert "Pay on Stripe" not in reader.words
    reader.visit("/account/")
    reader.sees(person.name)
    assert live_session.title in reader.words
    assert "The door opens" in reader.words
    reader.visit(page)
    assert "You have a seat." in reader.words

    mail = house.mailbox.wait_for_mail(person.email, f"Seat confirmed: {live_session.title}")
    [seat] = house.seats_of(live_session)
    assert seat.state == "confirmed"
    entry = house.stack.get(f"{page}calendar.ics")[1]
    assert "METHOD:PUBLISH" in entry
    assert house.meeting.url not in entry
    check_confirmation(mail, person, live_session, seat, order, house)
    check_roster(reader, person, live_session, order, house)


def check_confirmation(
    mail: CaughtMail,
    person: Person,
    live_session: stage.SessionRow,
    seat: stage.SeatRow,
    order: stage.OrderRow,
    house: House,
) -> None:
    for body in (mail.text, mail.html):
        assert person.name in body
        assert order.number in body
        assert "$250" in body
        assert f"{house.stack.url}/door/" in body
    [event] = Calendar.from_ical(mail.calendar).walk("VEVENT")
    assert Calendar.from_ical(mail.calendar)["method"] == "REQUEST"
    assert event["uid"] == f"seat-{seat.public_id}@127.0.0.1"
    assert event["attendee"] == f"MAILTO:{person.email}"
    for name, instant in (("dtstart", live_session.starts_at), ("dtend", live_session.ends_at)):
        assert event[name].to_ical() == instant.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ").encode()
    parts = [(part.get_content_type(), part.get_param("method")) for part in mail.message.walk()]
    assert ("text/plain", None) in parts
    assert ("text/html", None) in parts
    assert ("text/calendar", "REQUEST") in parts
    assert house.meeting.url not in mail.text + mail.html + mail.calendar + mail.message.as_string()


def check_roster(reader: Reader, person: Person, live_session: stage.SessionRow, order: stage.OrderRow, house: House) -> None:
    """Staff find the new row, with everything that they need to know about it."""
    page = reader.page
    page.context.clear_cookies()
    reader.visit("/admin/sessions_live/livesession/")
    reader.sees("Sign in")
    reader.follow("Sign in with it")
    reader.fill(login=STAFF_EMAIL, password=house.demo_password)
    reader.press("Sign in")
    page.get_by_role("row", name=live_session.title).get_by_role("link", name="Roster").click()
    row = page.get_by_role("row", name=person.email)
    for words in (person.name, person.firm, person.email, f"$250, {order.number}", "Confirmed", "1 sent"):
        expect(row).to_contain_text(words, ignore_case=True)
