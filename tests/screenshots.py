"""`make screenshots`: the pictures of the documentation, taken anew from a running stack with its demo data.

They are committed, so take them only when the pages have changed.
"""

import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlencode

from redreport.local.demo_accounts import READER_EMAIL, STAFF_EMAIL, SUBSCRIBER_EMAIL
from redreport.local.supervisor import REPOSITORY
from redreport.policy import HOUSE_ZONE
from tests.fixtures_browser import FLAGS, INSTALL, MISSING, find_chromium
from tests.stack import Stack, wait_for

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

Scheme = Literal["light", "dark"]

IMAGES = REPOSITORY / "docs" / "images"
MOST_BYTES = 200_000
# The session of the pictures: nearly sold out, so that its page has something to say about seats.
SESSION = "/sessions/the-chip-that-was-not-supposed-to-work/"


class Photographer:
    """Goes through the site as its people do, and keeps what they see."""

    def __init__(self, stack: Stack, browser: "Browser") -> None:
        self.stack = stack
        self.browser = browser
        self.password = (stack.run_dir / "secrets" / "demo-password").read_text().strip()

    def take_all(self) -> None:
        visitor = self._visit()
        self._take(visitor, "/", "landing")
        self._take(visitor, SESSION, "session")
        self._take(visitor, "/plans/", "plans")
        self._take(self._visit(width=390, height=844), "/", "landing-phone")
        self._keep(self._buy_seat(), "paid")
        self._take(self._visit(SUBSCRIBER_EMAIL), "/account/", "account")
        self._take_desk()

    def _take_desk(self) -> None:
        staff = self._visit_desk()
        self._keep(self._open_home(staff), "desk-home")
        roster = self._open_roster(staff, "chip")
        for box in roster.locator("input[name=seat]").all()[-3:]:
            box.check()
        self._keep(roster, "roster", whole=True)
        self._keep(self._ask_to_cancel(roster), "desk-cancel-seats", whole=True)
        self._keep(self._ask_to_move(self._open_roster(staff, "chip")), "desk-move-session", whole=True)
        self._take(staff, "/admin/desk/books/", "desk-books")
        self._keep(self._open_case(staff), "desk-case", whole=True)
        phone = self._visit_desk(width=390, height=844)
        check_in = self._open_roster(phone, "noodle")
        check_in.get_by_role("link", name="Check in", exact=True).click()
        self._keep(check_in, "desk-check-in", whole=True)
        self._keep(self._open_home(self._visit_desk(color_scheme="dark")), "desk-dark")

    def _buy_seat(self) -> "Page":
        """A reader buys a seat with the test card that always pays; returns the page that says so."""
        page = self._visit(READER_EMAIL).new_page()
        page.goto(f"{self.stack.url}{SESSION}reserve/")
        page.locator("main form [type=submit]").click()
        page.wait_for_url(f"{self.stack.simulator_url}/**")
        for field, value in (("card_number", "4242 4242 4242 4242"), ("expiry", "12/34"), ("cvc", "123")):
            page.locator(f"[name={field}]").fill(value)
        page.locator("form [type=submit]").first.click()
        page.wait_for_url(f"{self.stack.url}/orders/**")
        page.get_by_text("Add to calendar").first.wait_for()
        return page

    def _visit_desk(self, *, width: int = 1440, height: int = 980, color_scheme: Scheme = "light") -> "BrowserContext":
        return self._visit(STAFF_EMAIL, width=width, height=height, color_scheme=color_scheme)

    def _open_home(self, staff: "BrowserContext") -> "Page":
        """The home of the desk, once Stripe has told of the demo's case and each worker was heard of."""
        page = staff.new_page()
        page.goto(f"{self.stack.url}/admin/")

        def is_settled() -> bool:
            page.reload()
            words = page.locator("#content").inner_text()
            return "suspects fraud" in words and "was never heard of" not in words and "Nothing runs by itself" not in words

        wait_for(is_settled, "a home that says what is so", seconds=120)
        return page

    def _open_roster(self, staff: "BrowserContext", word: str) -> "Page":
        page = staff.new_page()
        page.goto(f"{self.stack.url}/admin/sessions_live/livesession/?q={word}")
        page.get_by_role("link", name="Roster", exact=True).click()
        page.wait_for_load_state()
        return page

    def _ask_to_cancel(self, roster: "Page") -> "Page":
        roster.get_by_role("button", name="Cancel…").click()
        roster.locator("[name=reason]").fill("They asked for it by telephone")
        roster.get_by_role("button", name="See what will happen").click()
        roster.get_by_role("button", name="Do it").wait_for()
        return roster

    def _ask_to_move(self, roster: "Page") -> "Page":
        day = datetime.now(HOUSE_ZONE) + timedelta(days=12)
        roster.get_by_role("link", name="Move this session…").click()
        roster.locator("[name=day]").fill(f"{day:%Y-%m-%d}")
        roster.locator("[name=clock]").fill("14:30")
        roster.locator("[name=message]").fill("Daniel is called to a hearing that day. The session is the same.")
        roster.locator("[name=reason]").fill("Asked for by the host")
        roster.get_by_role("button", name="See what will happen").click()
        roster.get_by_role("heading", name="What will happen").wait_for()
        return roster

    def _open_case(self, staff: "BrowserContext") -> "Page":
        page = staff.new_page()
        page.goto(f"{self.stack.url}/admin/subscriptions/case/")
        page.locator("#result_list tbody th a").first.click()
        page.wait_for_load_state()
        return page

    def _visit(
        self, email: str = "", *, width: int = 1200, height: int = 900, color_scheme: Scheme = "light"
    ) -> "BrowserContext":
        """A browser of one person; signed in, if an address is given."""
        visit = self.browser.new_context(
            viewport={"width": width, "height": height},
            locale="en-US",
            timezone_id="Europe/London",
            reduced_motion="reduce",
            color_scheme=color_scheme,
        )
        visit.set_default_timeout(20_000)
        if email:
            page = visit.new_page()
            page.goto(f"{self.stack.url}/accounts/login/password/?{urlencode({'next': '/account/'})}")
            page.locator("[name=login]").fill(email)
            page.locator("[name=password]").fill(self.password)
            page.get_by_role("button", name="Sign in").click()
            page.wait_for_url(f"{self.stack.url}/account/")
        return visit

    def _take(self, visit: "BrowserContext", path: str, name: str) -> None:
        page = visit.new_page()
        page.goto(self.stack.url + path)
        self._keep(page, name)

    def _keep(self, page: "Page", name: str, *, whole: bool = False) -> None:
        """The part of the page that is in the window, or the whole of it and no more."""
        if whole and page.viewport_size:
            page.set_viewport_size({"width": page.viewport_size["width"], "height": 300})
        page.evaluate("document.fonts.ready")
        picture = IMAGES / f"{name}.png"
        page.screenshot(path=picture, full_page=whole)
        size = picture.stat().st_size
        print(f"{picture.relative_to(REPOSITORY)}: {size:,} bytes")
        if size > MOST_BYTES:
            raise SystemExit(f"{picture.name} is larger than {MOST_BYTES:,} bytes")


def main() -> None:
    executable = find_chromium()
    if executable is None:
        raise SystemExit(f"{MISSING} ({INSTALL})")
    from playwright.sync_api import sync_playwright

    IMAGES.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        Stack(Path(folder) / "run") as stack,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=executable, args=FLAGS) as browser,
    ):
        Photographer(stack, browser).take_all()


if __name__ == "__main__":
    main()
