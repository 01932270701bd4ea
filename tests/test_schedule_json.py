"""The schedule for other people's programs: stable names, UTC, no door, open to any page on the web."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from sessions_live.models import LiveSession
from tests.factories import make_guest_seat, make_live_session, make_user
from tests.waiting import sold_out_session, waits

pytestmark = pytest.mark.django_db

ADDRESS = "/api/sessions.json"
FIELDS = [
    *["id", "title", "section", "section_name", "question", "hosts"],
    *["starts_at", "ends_at", "state", "seats_left", "url"],
]


def read(client: Client | None = None) -> dict[str, Any]:
    """The sessions by their id."""
    answer = (client or Client()).get(ADDRESS)
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
    return {said["id"]: said for said in answer.json()["sessions"]}


def test_session_is_said_in_full_under_names_that_stay() -> None:
    live_session = make_live_session(capacity=12)
    make_guest_seat(live_session)
    LiveSession.objects.filter(pk=live_session.pk).update(
        title="Chips & 深度求索", starts_at=datetime(2099, 7, 1, 15, 0, tzinfo=UTC), duration_minutes=90
    )
    answer = Client().get(ADDRESS)
    assert answer.json()["zone"] == "America/New_York"
    [said] = answer.json()["sessions"]
    assert list(said) == FIELDS
    assert said == {
        "id": live_session.slug,
        "title": "Chips & 深度求索",
        "section": "zhongnanhai",
        "section_name": "From Zhongnanhai",
        "question": "What did the communiqué leave out?",
        "hosts": ["Mei Lin"],
        "starts_at": "2099-07-01T15:00:00Z",
        "ends_at": "2099-07-01T16:30:00Z",
        "state": "on_sale",
        "seats_left": 11,
        "url": f"http://testserver/sessions/{live_session.slug}/",
    }
    for kept_back in (b"meet.example.com", b"/door/", b"mei@example.com"):
        assert kept_back not in answer.content


def test_state_follows_the_clock_and_the_seats() -> None:
    live_session, canceled, full = make_live_session(), make_live_session(), sold_out_session()
    LiveSession.objects.filter(pk=canceled.pk).update(state="canceled")
    said = read()
    assert {key: (one["state"], one["seats_left"]) for key, one in said.items()} == {
        live_session.slug: ("on_sale", 12),
        canceled.slug: ("canceled", 0),
        full.slug: ("sold_out", 0),
    }
    for moment, state in (
        (live_session.starts_at, "started"),
        (live_session.ends_at - timedelta(seconds=1), "started"),
        (live_session.ends_at, "ended"),
    ):
        with time_machine.travel(moment, tick=False):
            said = read()
            assert (said[live_session.slug]["state"], said[live_session.slug]["seats_left"]) == (state, 0)


def test_seat_that_is_kept_for_who_waits_is_not_left() -> None:
    live_session = sold_out_session()
    waits(live_session)
    LiveSession.objects.filter(pk=live_session.pk).update(capacity=2)
    said = read()[live_session.slug]
    assert (said["state"], said["seats_left"]) == ("sold_out", 0)


def test_drafts_are_not_there_and_the_past_is_for_two_months() -> None:
    make_live_session(published=False)
    lately = make_live_session(starts_in=-timedelta(days=59))
    make_live_session(starts_in=-timedelta(days=61))
    soon, later = make_live_session(starts_in=timedelta(days=1)), make_live_session(starts_in=timedelta(days=2))
    assert list(read()) == [lately.slug, soon.slug, later.slug]


@pytest.mark.parametrize("signed_in", [False, True])
def test_any_page_on_the_web_may_read_it_and_it_is_the_same_for_everybody(signed_in: bool) -> None:
    make_live_session()
    client = Client()
    if signed_in:
        client.force_login(make_user())
    first = client.get(ADDRESS, headers={"origin": "https://newsletter.example.com"})
    assert (first["Access-Control-Allow-Origin"], first["Cache-Control"]) == ("*", "public, max-age=60")
    assert "Access-Control-Allow-Credentials" not in first
    assert "Cookie" not in first.get("Vary", "")
    again = client.get(ADDRESS, headers={"if-none-match": first["ETag"]})
    assert (again.status_code, again.content, again["Access-Control-Allow-Origin"]) == (304, b"", "*")
    make_live_session()
    assert client.get(ADDRESS, headers={"if-none-match": first["ETag"]}).status_code == 200


def test_it_is_read_only() -> None:
    assert [Client().post(ADDRESS).status_code, Client().head(ADDRESS).status_code] == [405, 200]


def test_it_asks_no_more_for_many_than_for_few() -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as captured:
            read()
        return len(captured)

    for _ in range(2):
        make_guest_seat(make_live_session())
    for_few = asked()
    for _ in range(8):
        make_guest_seat(make_live_session())
    assert asked() == for_few == 2
