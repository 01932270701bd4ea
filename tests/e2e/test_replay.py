"""The hour is over: a mail leads to what stays of it, and asks how it was."""

import re
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.e2e import stage
from tests.e2e.conftest import House, Person
from tests.e2e.pages import Reader

pytestmark = [pytest.mark.browser, pytest.mark.stack]


def test_who_came_finds_the_notes_and_says_how_it_was(signed_in: Reader, person: Person, house: House) -> None:
    reader, live_session = signed_in, house.open_session(starts_in=timedelta(minutes=10))
    reader.holds_seat(live_session.slug).pay()
    reader.sees("Your seat is confirmed")
    reader.follow("Your door")
    reader.press("Enter")
    expect(reader.page.get_by_role("heading", level=1)).to_have_text("You are in the meeting")
    house.backstage(stage.let_the_hour_pass, slug=live_session.slug)

    mail = house.mailbox.wait_for_mail(person.email, f"Notes from {live_session.title}")
    assert "Thank you for coming" in mail.text
    assert "1 Example Street" in mail.text
    address = re.search(r"http\S+/replay/\S+", mail.text)
    assert address
    reader.page.context.clear_cookies()
    reader.visit(urlsplit(address[0]).path)
    reader.sees(live_session.title)
    with reader.page.expect_download() as download:
        reader.follow("Notes of the hour")
    assert download.value.suggested_filename == "notes-of-the-hour.pdf"

    reader.press("Send")
    assert "Choose a number." in reader.words
    reader.page.get_by_label("4 – good").check()
    reader.fill(comment="Crisp.")
    reader.press("Send")
    expect(reader.page.get_by_text("You gave it 4 of 5")).to_be_visible()
    reader.visit(house.backstage(stage.host_door, slug=live_session.slug))
    assert "4 of 5: Crisp." in reader.words
    assert person.name not in reader.words
