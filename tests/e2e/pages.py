"""A reader at the browser: what they do on our pages and on Stripe's, in their words."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from playwright.sync_api import Locator, Page, expect

GOOD_CARD = "4242 4242 4242 4242"
DECLINED_CARD = "4000 0000 0000 0002"

expect.set_options(timeout=10_000)


@dataclass
class Reader:
    """`secret` is what must not stand in the source of any page of ours: the address of the meetings."""

    page: Page
    site: str
    secret: str

    @property
    def path(self) -> str:
        """The address without its host and query."""
        return urlsplit(self.page.url).path

    @property
    def query(self) -> str:
        return urlsplit(self.page.url).query

    @property
    def words(self) -> str:
        """What the page's main part says."""
        return " ".join(self.page.locator("main").inner_text().split())

    def visit(self, path: str) -> int:
        """Type an address; returns the status of the answer."""
        answer = self.page.goto(self.site + path)
        assert answer
        return answer.status

    def follow(self, link: str) -> None:
        """Follow the first link in the page's main part that is called so."""
        self.page.locator("main").get_by_role("link", name=link, exact=True).first.click()

    def press(self, button: str) -> None:
        self.button(button).click()

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def fill(self, **fields: str) -> None:
        """Fields by their names in the form."""
        for name, value in fields.items():
            self.page.locator(f"main form [name={name}]").first.fill(value)

    def sees(self, heading: str) -> None:
        """Wait for the page with that heading; like each of ours it must not tell where meetings are held."""
        expect(self.page.get_by_role("heading", level=1)).to_have_text(heading)
        assert self.secret not in self.page.content()

    def signs_up(self, *, email: str, name: str, firm: str) -> None:
        """From the sign-in page to the question for the code."""
        self.sees("Sign in")
        self.follow("Make an account")
        self.sees("Make an account")
        self.fill(email=email, name=name, firm=firm)
        self.press("Mail me a code")
        self.sees("Type the code")

    def asks_for_code(self, *, email: str) -> None:
        """From the sign-in page to the question for the code."""
        self.sees("Sign in")
        self.fill(login=email)
        self.press("Mail me a code")
        self.sees("Type the code")

    def holds_seat(self, slug: str) -> "Checkout":
        """From anywhere to Stripe's page, with the reader's own name in the form."""
        self.visit(f"/sessions/{slug}/reserve/")
        self.sees("Who will attend?")
        self.press("Hold the seat and pay on Stripe")
        return self.at_checkout()

    def at_checkout(self) -> "Checkout":
        """Stripe's page, on which the reader is by now."""
        expect(self.page.get_by_role("heading", level=1)).to_have_text("Pay with card")
        return Checkout(self.page)


@dataclass
class Checkout:
    """Stripe's hosted page."""

    page: Page

    @property
    def url(self) -> str:
        return self.page.url

    @property
    def total(self) -> str:
        return self.page.locator("tr.total td").last.inner_text()

    def pay(self, card: str = GOOD_CARD) -> None:
        fields = {"card_number": card, "expiry": "12/34", "cvc": "123", "name": "Ada Marsh"}
        for name, value in fields.items():
            self.page.locator(f"[name={name}]").fill(value)
        self.page.get_by_role("button", name=re.compile("^(Pay|Subscribe)")).click()

    def go_back(self) -> None:
        self.page.get_by_role("link", name="Back to the shop").click()
