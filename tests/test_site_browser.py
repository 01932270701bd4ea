"""What the one script adds, in a real browser and under the strict policy."""

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from playwright.sync_api import expect

from redreport import clock
from sessions_live.models import LiveSession
from tests.factories import make_price, make_user

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.django_db(transaction=True)


PAGES = ("/", "/sessions/", "/sessions/after-the-midterms/", "/plans/", "/accounts/login/", "/accounts/signup/")


@pytest.fixture
def live_session() -> LiveSession:
    return LiveSession.objects.create(
        title="After the midterms",
        slug="after-the-midterms",
        section="hill",
        question="What follows?",
        starts_at=(clock.now() + timedelta(days=400)).replace(month=7, day=14, hour=15, minute=0, second=0, microsecond=0),
        state=LiveSession.State.PUBLISHED,
        published_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def test_readers_own_time_is_added_in_the_browsers_zone(page: "Page", site: str, live_session: LiveSession) -> None:
    page.goto(f"{site}/sessions/after-the-midterms/")
    assert "11:00 am ET (15:00 UTC)" in page.locator(".when time").inner_text()
    own = page.locator("[data-your-time]")
    own.get_by_text("Your time:").wait_for()
    assert re.fullmatch(r"Your time: \w{3} 14 Jul, 4:00 pm \(London\)", own.inner_text())


# Counts what the script lets through, and keeps the browser on the page.
COUNT_SUBMISSIONS = """() => {
    window.sent = 0;
    document.addEventListener("submit", (event) => { if (!event.defaultPrevented) window.sent += 1; event.preventDefault(); });
}"""


def test_second_click_on_a_form_sends_nothing(page: "Page", site: str) -> None:
    page.goto(f"{site}/accounts/login/")
    page.locator("[name=login]").fill("ada@example.com")
    page.evaluate(COUNT_SUBMISSIONS)
    page.get_by_role("button", name="Mail me a code").click()
    busy = page.get_by_role("button", name="Mailing a code…")
    assert busy.get_attribute("aria-disabled") == "true"
    busy.dispatch_event("click")
    assert page.evaluate("window.sent") == 1


def test_refused_form_takes_the_focus_to_its_summary(page: "Page", site: str) -> None:
    page.goto(f"{site}/accounts/signup/")
    page.get_by_role("button", name="Mail me a code").click()
    expect(page.locator(".error-summary")).to_be_focused()
    assert page.title().startswith("Error: ")
    page.get_by_role("link", name="Fill in: Name").click()
    assert page.evaluate("document.activeElement.name") == "name"


def test_pages_break_no_rule_of_the_policy(page: "Page", site: str, live_session: LiveSession) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    for path in PAGES:
        page.goto(site + path)
    assert complaints == []


def test_nothing_overflows_a_narrow_screen(page: "Page", site: str, live_session: LiveSession) -> None:
    page.set_viewport_size({"width": 320, "height": 640})
    for path in PAGES:
        page.goto(site + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, path


def test_fields_for_more_attendees_appear_without_asking_the_server(page: "Page", site: str, live_session: LiveSession) -> None:
    make_price()
    signed_in = Client()
    signed_in.force_login(make_user("Ada Reader", email="ada@example.com"))
    page.context.add_cookies([{"name": "sessionid", "value": signed_in.cookies["sessionid"].value, "url": site}])
    page.goto(f"{site}/sessions/after-the-midterms/reserve/")
    assert page.get_by_role("button", name="Show the fields for this number").count() == 0
    assert page.locator("fieldset:visible").count() == 1
    page.get_by_label("Number of seats").select_option("3")
    assert page.locator("fieldset:visible").count() == 3
    assert page.locator(".total").inner_text().split() == ["3", "seats", "$750"]
    page.get_by_label("Name of attendee 3").fill("Cy Doe")
    page.get_by_label("Number of seats").select_option("1")
    assert page.locator("fieldset:visible").count() == 1
    # What is not shown is not sent.
    assert page.evaluate("() => new FormData(document.querySelector('main form')).has('attendee_name_3')") is False
    assert page.get_by_role("button", name="Hold the seat and pay on Stripe").is_visible()
