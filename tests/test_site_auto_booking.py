"""The switch and the way out at a real browser, under the strict policy and on a narrow screen."""

from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.test import Client

from redreport.accounts.models import User
from sessions_live.models import LiveSession, Seat
from sessions_live.seat_links import AUTO_OUT
from tests.auto_booking import auto_booked_seat, make_auto_booker, publish_session, sweep
from tests.factories import make_credits, make_user

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.django_db(transaction=True)


def sign_in(page: "Page", address: str, user: User) -> None:
    client = Client()
    client.force_login(user)
    cookie: Any = {"name": settings.SESSION_COOKIE_NAME, "value": client.cookies[settings.SESSION_COOKIE_NAME].value}
    page.context.add_cookies([{**cookie, "url": address}])


def test_reader_switches_it_on_and_off_again(page: "Page", site: str) -> None:
    reader = make_user()
    make_credits(reader, 4)
    sign_in(page, site, reader)
    page.goto(f"{site}/account/credits/")
    page.get_by_role("button", name="Switch on").click()
    page.get_by_role("button", name="Switch off").wait_for()
    assert page.get_by_role("status").filter(has_text="On.").count() == 1
    page.get_by_role("button", name="Switch off").click()
    page.get_by_role("button", name="Switch on").wait_for()


def test_two_clicks_give_a_seat_back_without_an_account(page: "Page", site: str) -> None:
    seat = auto_booked_seat(make_auto_booker(credits=2))
    page.goto(f"{site}/seats/out/{AUTO_OUT.token(seat)}/")
    page.get_by_role("button", name="Give the seat back").click()
    page.get_by_role("heading", name="This seat is canceled").wait_for()
    assert Seat.objects.get().state == "canceled"


def test_its_pages_break_no_rule_of_the_policy_and_fit_a_narrow_screen(page: "Page", site: str) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    reader = make_auto_booker(credits=2)
    seat = auto_booked_seat(reader)
    LiveSession.objects.update(
        title="A title of the greatest length that a session may have, about semiconductors, sanctions, supply"
    )
    for _ in range(2):
        publish_session()
    sweep()
    sign_in(page, site, reader)
    page.set_viewport_size({"width": 320, "height": 640})
    for path in ("/account/credits/", "/account/", f"/seats/out/{AUTO_OUT.token(seat)}/"):
        page.goto(site + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, path
    assert complaints == []
