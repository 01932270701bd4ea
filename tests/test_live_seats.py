"""The seats of an open page stay up to date: what it asks, what it is told, and what it shows of it."""

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from redreport import clock
from sessions_live.models import LiveSession
from tests.factories import make_guest_seat, make_live_session, make_price, make_user

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route


def address_of(live_session: LiveSession) -> str:
    return reverse("sessions:seats", args=[live_session.slug])


@pytest.mark.django_db
class TestAnswer:
    def test_it_says_what_the_page_says(self, client: Client) -> None:
        make_price()
        live_session = make_live_session(capacity=4)
        make_guest_seat(live_session)
        said = json.loads(client.get(address_of(live_session)).content)
        assert said == {
            "state": "on_sale",
            "starts_at": f"{live_session.starts_at:%Y-%m-%dT%H:%M:%SZ}",
            "seats_left": 3,
            "capacity": 4,
            "words": "3 of 4 seats left",
            "few": True,
        }
        assert f">{said['words']}</span>" in client.get(reverse("sessions:detail", args=[live_session.slug])).text

    def test_it_follows_the_session_to_its_end(self, client: Client) -> None:
        live_session = make_live_session(capacity=1, starts_in=timedelta(days=1))

        def state_in(span: timedelta) -> tuple[str, int]:
            with time_machine.travel(clock.now() + span, tick=False):
                said = json.loads(client.get(address_of(live_session)).content)
            return said["state"], said["seats_left"]

        assert state_in(timedelta()) == ("on_sale", 1)
        assert state_in(timedelta(days=1, minutes=1)) == ("started", 0)
        assert state_in(timedelta(days=1, minutes=61)) == ("ended", 0)
        make_guest_seat(live_session)
        assert state_in(timedelta()) == ("sold_out", 0)
        LiveSession.objects.update(state="canceled")
        assert state_in(timedelta()) == ("canceled", 0)

    def test_draft_and_unknown_session_are_not_there(self, client: Client) -> None:
        assert client.get(address_of(make_live_session(published=False))).status_code == 404
        assert client.get("/api/sessions/nothing/seats.json").status_code == 404

    def test_it_is_cheap_and_the_same_for_everybody(self, client: Client) -> None:
        live_session = make_live_session(capacity=60)
        for _ in range(30):
            make_guest_seat(live_session)
        client.force_login(make_user())
        with CaptureQueriesContext(connection) as captured:
            answer = client.get(address_of(live_session))
        assert len(captured.captured_queries) == 2
        assert answer["Cache-Control"] == "public, max-age=10"
        assert "Cookie" not in answer.get("Vary", "")
        assert answer.cookies == {}

    def test_who_has_it_already_is_told_so_without_the_words(self, client: Client) -> None:
        live_session = make_live_session()
        tag = client.get(address_of(live_session))["ETag"]
        assert client.get(address_of(live_session), headers={"if-none-match": tag}).status_code == 304
        make_guest_seat(live_session)
        assert client.get(address_of(live_session), headers={"if-none-match": tag}).status_code == 200

    def test_only_pages_on_which_a_seat_can_be_had_ask(self, client: Client) -> None:
        live_session, reader = make_live_session(), make_user()
        make_price()
        page = reverse("sessions:detail", args=[live_session.slug])
        assert address_of(live_session) in client.get(page).text
        make_guest_seat(live_session, reader)
        client.force_login(reader)
        assert address_of(live_session) not in client.get(page).text


SOME_SECONDS, HALF_A_MINUTE = 5_000, 30_000


class Seats:
    """What the page is told of its seats, and how often it asked; `answer` may be changed, `is_broken` breaks the line."""

    def __init__(self, page: "Page", live_session: LiveSession) -> None:
        self.asked = 0
        self.is_broken = False
        self.answer: dict[str, Any] = {
            "state": "on_sale",
            "starts_at": f"{live_session.starts_at:%Y-%m-%dT%H:%M:%SZ}",
            "seats_left": 12,
            "capacity": 12,
            "words": "12 of 12 seats left",
            "few": False,
        }
        page.route("**/seats.json", self._fulfil)
        page.route("**/asked-last", lambda route: route.fulfill(body="answered"))

    def _fulfil(self, route: "Route") -> None:
        self.asked += 1
        if self.is_broken:
            route.fulfill(status=503)
        else:
            route.fulfill(json=self.answer)


@pytest.mark.django_db(transaction=True)
class TestPage:
    @pytest.fixture
    def live_session(self) -> LiveSession:
        make_price()
        return make_live_session()

    @pytest.fixture
    def seats(self, page: "Page", site: str, live_session: LiveSession) -> Seats:
        """A page of that session, open in a browser whose clock the test moves."""
        seats = Seats(page, live_session)
        page.clock.install()
        page.goto(f"{site}/sessions/{live_session.slug}/")
        return seats

    def pass_time(self, page: "Page", milliseconds: int) -> None:
        page.clock.run_for(milliseconds)
        # What the page asked is answered before this, which it asks last.
        page.evaluate("async () => { await (await fetch('/asked-last')).text(); }")

    def test_it_asks_every_half_minute_and_says_only_changes(self, page: "Page", seats: Seats) -> None:
        news = page.locator("[data-seats-at]")
        self.pass_time(page, HALF_A_MINUTE)
        assert (seats.asked, news.inner_text()) == (1, "")
        seats.answer |= {"seats_left": 2, "words": "2 of 12 seats left", "few": True}
        self.pass_time(page, HALF_A_MINUTE)
        assert page.locator(".seats-few").inner_text() == "2 of 12 seats left"
        assert page.locator("meter").evaluate("meter => meter.value") == 2
        assert news.text_content() == "2 of 12 seats left"
        assert "hidden-words" in (news.get_attribute("class") or "")
        assert news.get_attribute("role") == "status"

    def test_last_seat_gone_is_said_with_a_link_and_the_button_stays_where_it_is(self, page: "Page", seats: Seats) -> None:
        button = page.get_by_role("link", name="Reserve a seat: $250")
        place = button.bounding_box()
        seats.answer |= {"state": "sold_out", "seats_left": 0, "words": "Sold out"}
        self.pass_time(page, HALF_A_MINUTE)
        assert page.locator(".seats").first.inner_text().strip() == "Sold out"
        assert page.locator("[data-seats-at]").inner_text() == "The last seat is taken. Reload this page"
        assert button.bounding_box() == place
        seats.answer |= {"state": "on_sale", "seats_left": 1, "words": "1 seat left", "few": True}
        self.pass_time(page, HALF_A_MINUTE)
        assert page.locator("[data-seats-at] a").count() == 0
        assert page.locator("[data-seats-at]").text_content() == "1 seat left"

    def test_it_asks_nothing_while_nobody_looks(self, page: "Page", seats: Seats) -> None:
        hide = "hidden => { Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });"
        hide += " document.dispatchEvent(new Event('visibilitychange')); }"
        page.evaluate(hide, True)
        self.pass_time(page, 20 * HALF_A_MINUTE)
        assert seats.asked == 0
        page.evaluate(hide, False)
        self.pass_time(page, SOME_SECONDS)
        assert seats.asked == 1

    def test_it_asks_ever_more_rarely_while_no_answer_comes(self, page: "Page", seats: Seats) -> None:
        seats.is_broken = True
        for wait in (1, 2, 4, 8):
            before = seats.asked
            self.pass_time(page, wait * HALF_A_MINUTE - SOME_SECONDS)
            assert seats.asked == before
            self.pass_time(page, SOME_SECONDS)
            assert seats.asked == before + 1
        seats.is_broken = False
        self.pass_time(page, 16 * HALF_A_MINUTE)
        self.pass_time(page, HALF_A_MINUTE)
        assert seats.asked == 6
