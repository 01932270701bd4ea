"""The whole desk on a telephone in the dark: no page has to be scrolled sideways, whatever stands on it, and none is bright."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from redreport import clock
from tests.e2e import desk_stage, every_page, stage
from tests.e2e.conftest import House
from tests.e2e.desk import PHONE, Desk

pytestmark = [pytest.mark.browser, pytest.mark.stack]

SATURDAY = 5
# The color behind a page in `desk-frame.css` and in the site's own stylesheet.
DARK = {"rgb(20, 17, 15)"}
# The innermost of what reaches out of the window.
TOO_WIDE = """[...document.body.querySelectorAll("*")].filter(
  (element) => element.getBoundingClientRect().right > innerWidth && !element.closest(".desk-wide, .desk-scroll, .results")
).slice(-3).map((element) => element.outerHTML.slice(0, 80)).join(" ")"""
# Cells so narrow that each line of them is a piece of a word.
SQUEEZED = """[...document.querySelectorAll(".desk-table :is(td, th)")].filter(
  (cell) => cell.innerText.length > 8 && cell.clientWidth < 50
).slice(0, 3).map((cell) => cell.outerHTML.slice(0, 80)).join(" ")"""


def flaws_of(phone: Desk) -> Iterator[str]:
    """What is wrong with the looks of the page that is open."""
    if phone.width > PHONE["width"]:
        yield f"{phone.path}: {phone.width} pixels wide, by {phone.page.evaluate(TOO_WIDE)}"
    if squeezed := phone.page.evaluate(SQUEEZED):
        yield f"{phone.path}: no room for {squeezed}"
    background = phone.page.evaluate("getComputedStyle(document.body).backgroundColor")
    if background not in DARK:
        yield f"{phone.path}: {background}"


def second_steps(phone: Desk, house: House, slug: str) -> Iterator[None]:
    """The pages behind the forms: what a move, a cancellation, canceled seats and a season would come to."""
    # A Saturday: the season that another journey makes is on Tuesdays.
    soon = clock.now() + timedelta(days=60)
    soon += timedelta(days=(SATURDAY - soon.weekday()) % 7)

    def opens(name: str) -> None:
        phone.visit(house.backstage(desk_stage.page_of, name=name, slug=slug))

    opens("desk_move_session")
    phone.fill(day=f"{soon:%Y-%m-%d}", message="M" * 200, reason="R" * 200)
    phone.looks_first()
    yield
    opens("desk_cancel_session")
    phone.fill(reason="R" * 200)
    phone.looks_first()
    yield
    opens("desk_comp")
    phone.fill(guests=f"{'G' * 120}, {'g' * 60}@{'g' * 60}.example, {'F' * 120}", reason="R" * 200)
    phone.looks_first()
    yield
    phone.press("Do it")
    phone.sees_job_done()
    yield
    opens("desk_roster")
    phone.page.get_by_role("checkbox", name="WWW").first.check()
    phone.press("Cancel…")
    yield
    phone.fill(reason="R" * 200)
    phone.looks_first()
    yield
    phone.visit("/admin/desk/season/")
    phone.fill(title="T" * 120, question="Q" * 120, first_on=f"{soon:%Y-%m-%d}", begins_at="11:00")
    phone.choose(section="Business Matters", hosts="Mira Lindqvist")
    phone.press("See the dates")
    yield
    phone.press("Make the drafts")
    yield
    phone.visit("/admin/desk/books/")
    with phone.page.expect_navigation():
        phone.page.locator(".desk-numbers td a").first.click()
    yield


def test_no_page_of_the_desk_scrolls_sideways_or_is_bright_in_the_dark(open_browser: Callable[..., Desk], house: House) -> None:
    phone, live_session = open_browser(window=PHONE, dark=True), house.open_session(capacity=3)
    slug = live_session.slug
    house.backstage(stage.give_seats, slug=slug, count=1)
    house.backstage(every_page.make_unwieldy, slug=slug)
    flaws = [flaw for _ in second_steps(phone, house, slug) for flaw in flaws_of(phone)]
    house.backstage(desk_stage.join_waitlist, slug=slug, names=["Wen"])
    addresses = house.backstage(every_page.every_page, slug=slug)
    for address in addresses:
        status = phone.visit(address)
        flaws += [f"{address}: {status}"] if status != 200 else flaws_of(phone)
    assert not flaws, "\n".join(flaws)
    assert len(addresses) > 80
