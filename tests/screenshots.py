"""`make screenshots`: the pictures of the documentation, taken anew from a running stack with its demo data.

They are committed, so take them only when the pages have changed.
"""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from redreport.local.demo_accounts import READER_EMAIL, STAFF_EMAIL, SUBSCRIBER_EMAIL
from redreport.local.supervisor import REPOSITORY
from tests.fixtures_browser import FLAGS, MISSING, find_chromium
from tests.stack import Stack

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

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
        self._keep(self._open_roster(), "roster")

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

    def _open_roster(self) -> "Page":
        visit = self._visit(STAFF_EMAIL, width=1440, height=980)
        visit.add_init_script("localStorage.setItem('django.admin.navSidebarIsOpen', 'false')")
        page = visit.new_page()
        page.goto(f"{self.stack.url}/admin/sessions_live/livesession/?q=chip")
        page.get_by_role("link", name="Roster", exact=True).click()
        page.wait_for_load_state()
        return page

    def _visit(self, email: str = "", *, width: int = 1200, height: int = 900) -> "BrowserContext":
        """A browser of one person; signed in, if an address is given."""
        visit = self.browser.new_context(
            viewport={"width": width, "height": height}, locale="en-US", timezone_id="Europe/London", reduced_motion="reduce"
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

    def _keep(self, page: "Page", name: str) -> None:
        page.evaluate("document.fonts.ready")
        picture = IMAGES / f"{name}.png"
        page.screenshot(path=picture)
        size = picture.stat().st_size
        print(f"{picture.relative_to(REPOSITORY)}: {size:,} bytes")
        if size > MOST_BYTES:
            raise SystemExit(f"{picture.name} is larger than {MOST_BYTES:,} bytes")


def main() -> None:
    executable = find_chromium()
    if executable is None:
        raise SystemExit(f"{MISSING} (on Debian: apt-get install chromium)")
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
