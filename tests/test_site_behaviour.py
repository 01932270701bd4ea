"""What the script adds beside the reader's time and the guard on forms: copying, countdowns, the focus on a result, waiting."""

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.templatetags.static import static
from django.test import Client
from django.urls import reverse
from playwright.sync_api import expect

from redreport import clock
from redreport.accounts.models import User
from sessions_live.models import LiveSession
from subscriptions.models import Order, Plan
from subscriptions.operations.booking import book_with_credit, start_seat_order
from subscriptions.selectors import current_price
from tests.e2e.watch import REPORT_VIOLATIONS
from tests.factories import attendee_of, make_credits, make_live_session, make_price, make_user

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

pytestmark = pytest.mark.django_db(transaction=True)

VOICE = "footer [aria-live=polite]"


@pytest.fixture
def reader() -> User:
    make_price()
    return make_user("Ada Reader", email="ada@example.com")


@pytest.fixture
def signed_in(page: "Page", site: str, reader: User) -> "Page":
    """The reader's browser."""
    client = Client()
    client.force_login(reader)
    page.context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": site}])
    return page


def test_address_of_the_calendar_is_copied_and_that_is_said(page: "Page", site: str) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{site}/sessions/")
    button = page.get_by_role("button", name="Copy the address of the calendar")
    button.click()
    expect(button).to_have_text("Copied")
    expect(page.locator(VOICE)).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == f"{settings.SITE_URL}/calendar.ics"
    box = button.bounding_box()
    assert box
    assert min(box["width"], box["height"]) >= 44


def test_where_nothing_can_be_copied_nothing_offers_it(page: "Page", site: str) -> None:
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.goto(f"{site}/sessions/")
    assert page.locator(VOICE).count() == 1
    assert page.locator("button.copy").count() == 0


@pytest.fixture
def order(reader: User) -> Order:
    """A seat held for the reader, to be paid."""
    price, live_session = current_price(Plan.SINGLE_SEAT), make_live_session()
    return start_seat_order(
        user=reader, live_session_id=live_session.pk, attendees=[attendee_of(reader)], price_id=price.pk, now=clock.now()
    )


def test_hold_counts_down_by_our_clock_whatever_the_readers_says(signed_in: "Page", site: str, order: Order) -> None:
    signed_in.clock.install(time=clock.now() + timedelta(hours=9))
    signed_in.goto(f"{site}{reverse('subscriptions:order', args=[order.number])}")
    left = signed_in.locator("[data-ends-in]")
    expect(left).to_have_text("33 minutes left")
    signed_in.clock.run_for("32:30")
    expect(left).to_have_text("less than a minute left")
    signed_in.clock.run_for("01:30")
    expect(left).to_have_text("time is up")


def test_next_session_in_the_account_says_how_far_its_door_is(signed_in: "Page", site: str, reader: User) -> None:
    make_credits(reader)
    live_session = make_live_session(starts_in=timedelta(days=3, hours=1))
    book_with_credit(user=reader, live_session_id=live_session.pk, now=clock.now())
    signed_in.clock.install()
    signed_in.goto(f"{site}/account/")
    left = signed_in.locator("[data-opens-in]")
    expect(left).to_have_text(", in 3 days")
    signed_in.clock.fast_forward("49:00:00")
    expect(left).to_have_text(", in 23 hours")
    signed_in.clock.fast_forward("23:00:00")
    expect(left).to_have_text(", in 44:59")
    # The door opens: the page is fetched anew.
    with signed_in.expect_navigation():
        signed_in.clock.fast_forward("45:10")


def test_result_of_a_step_takes_the_focus(signed_in: "Page", site: str) -> None:
    signed_in.goto(f"{site}/account/mails/")
    signed_in.get_by_role("button", name="Save").click()
    expect(signed_in.locator(":focus")).to_contain_text("Your choice is saved.")
    assert signed_in.evaluate("document.activeElement.matches('main > div')")


def test_busy_button_says_so_and_is_itself_again_when_the_reader_comes_back(page: "Page", site: str) -> None:
    page.goto(f"{site}/accounts/login/")
    page.locator("[name=login]").fill("ada@example.com")
    page.evaluate("document.addEventListener('submit', (event) => event.preventDefault())")
    page.get_by_role("button", name="Mail me a code").click()
    expect(page.locator(VOICE)).to_have_text("Mailing a code…")
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    expect(page.get_by_role("button", name="Mail me a code")).not_to_have_attribute("aria-disabled", "true")


class Waiting:
    """A page that waits until `is_done`; counts how often it was asked for."""

    def __init__(self, page: "Page", site: str) -> None:
        self.asked = 0
        self.is_done = False
        self.sent = 0
        self.script = f'<script type="module" src="{site}{static("site.js")}"></script>'
        page.route("**/waiting/", self._fulfil)

    def _fulfil(self, route: "Route") -> None:
        self.asked += 1
        mark = f'data-look-again="4" data-seen="{self.sent}"'
        waiting = f"<!doctype html><title>{self.sent} sent</title><main {mark}>{self.script}</main>"
        body = "<!doctype html><title>Done</title><main>Confirmed</main>" if self.is_done else waiting
        route.fulfill(body=body, content_type="text/html")


def test_page_that_waits_is_not_torn_from_under_its_reader_before_there_is_news(page: "Page", site: str) -> None:
    waiting = Waiting(page, site)
    page.clock.install()
    page.goto(f"{site}/waiting/")
    page.evaluate("window.isTheSame = true")
    with page.expect_response("**/waiting/"):
        page.clock.run_for(4000)
    assert (waiting.asked, page.evaluate("window.isTheSame")) == (2, True)
    waiting.sent = 3
    with page.expect_navigation():
        page.clock.run_for(4000)
    assert (waiting.asked, page.title()) == (4, "3 sent")
    waiting.is_done = True
    with page.expect_navigation():
        page.clock.run_for(4000)
    assert (waiting.asked, page.title()) == (6, "Done")


def test_structured_data_passes_the_policy_and_can_be_read(page: "Page", site: str, reader: User) -> None:
    live_session = make_live_session()
    LiveSession.objects.update(title="</script><script>document.title = 'broken'</script> & more")
    page.add_init_script(REPORT_VIOLATIONS)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(f"{site}/sessions/{live_session.slug}/")
    data = "JSON.parse(document.querySelector('script[type=\"application/ld+json\"]').textContent)"
    event = page.evaluate(data)
    live_session.refresh_from_db()
    assert (event["@type"], event["name"]) == ("Event", live_session.title)
    assert page.title().startswith("</script>")
    page.goto(f"{site}/")
    assert page.evaluate(f"{data}['@graph'].map((thing) => thing['@type'])") == ["Organization", "WebSite"]
    assert complaints == []


def test_policy_takes_no_html_from_a_script(page: "Page", site: str) -> None:
    page.goto(f"{site}/")
    refused = page.evaluate(
        "() => { try { document.body.innerHTML = '<p>x</p>'; return ''; } catch (error) { return error.name; } }"
    )
    assert refused == "TypeError"
