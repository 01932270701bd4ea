"""Staff move a session on a telephone: form, preview, the mail itself, the session's name, and the page that follows it."""

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from redreport.local.demo_accounts import STAFF_EMAIL
from redreport.policy import HOUSE_ZONE
from redreport.wording import house_time
from tests.e2e import stage
from tests.e2e.conftest import House
from tests.e2e.pages import Reader

pytestmark = [pytest.mark.browser, pytest.mark.stack]

PHONE = {"width": 390, "height": 844}


@pytest.fixture
def staff(reader: Reader, house: House) -> Reader:
    """A member of staff with a telephone, signed in."""
    cookie = house.backstage(stage.session_cookie, email=STAFF_EMAIL)
    reader.page.context.add_cookies([{"name": "sessionid", "value": cookie, "url": house.stack.url}])
    reader.page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    return reader


def fits_the_telephone(staff: Reader) -> bool:
    """Whether nothing of the page has to be reached by scrolling sideways."""
    return bool(staff.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def test_staff_move_a_session_on_a_telephone_and_see_it_done(staff: Reader, house: House) -> None:
    live_session = house.open_session()
    house.backstage(stage.give_seats, slug=live_session.slug, count=2)
    new_start = (
        (live_session.starts_at + timedelta(days=3)).astimezone(HOUSE_ZONE).replace(hour=14, minute=30, second=0, microsecond=0)
    )

    staff.visit(house.backstage(stage.desk_page, slug=live_session.slug))
    staff.follow("Move it to another time")
    staff.sees(f"Move “{live_session.title}”")
    assert fits_the_telephone(staff)
    staff.fill(day=f"{new_start:%Y-%m-%d}", clock=f"{new_start:%H:%M}", message="The host is traveling.")
    staff.press("See what will happen")
    assert "There is a problem Fill in: Reason" in staff.words
    staff.fill(reason="She asked for it")
    staff.press("See what will happen")

    expect(staff.page.get_by_role("heading", name="What will happen")).to_be_visible()
    assert house_time(new_start) in staff.words
    assert "2 attendees with a new invitation" in staff.words
    assert "The host is traveling." in staff.words
    assert fits_the_telephone(staff)
    with staff.page.expect_popup() as opened:
        staff.press("See it as HTML in a new tab")
    mail = opened.value
    expect(mail.get_by_role("heading", name="A new time for your session")).to_be_visible()
    mail.close()

    staff.fill(typed_name="Another one")
    staff.press("Move the session")
    assert "“Another one” is not the session’s name. Nothing was done." in staff.words
    staff.fill(typed_name=f" {live_session.title.lower()}")
    staff.press("Move the session")
    staff.sees(f"Moved: {live_session.title}")
    expect(staff.page.get_by_role("status")).to_have_text("All of it is done.", timeout=30_000)
    assert fits_the_telephone(staff)
    told = house.mailbox.wait_for_mail(f"guest0.{live_session.slug}@example.com", "New time")
    assert house_time(new_start) in told.text

    staff.visit(house.backstage(stage.desk_page, slug=live_session.slug))
    staff.follow("Move it to another time")
    staff.fill(reason="Once more")
    staff.press("See what will happen")
    assert "It stands at this time already." in staff.words
