"""The personal door: looking changes nothing, entering is recorded, and it dies with the seat."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from redreport import clock
from sessions_live.models import DoorEntry, LiveSession, Seat
from sessions_live.seat_links import DOOR
from subscriptions.operations.booking import book_with_credit
from tests.factories import make_credits, make_guest_seat, make_live_session, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def seat() -> Seat:
    """A seat in a session whose door is open: it starts in ten minutes."""
    return make_guest_seat(make_live_session(starts_in=timedelta(minutes=10)))


def at_the_door(seat: Seat, method: str = "get", token: str = "") -> Any:
    return getattr(Client(), method)(f"/door/{token or DOOR.token(seat)}/")


@pytest.mark.parametrize("method", ["get", "head"])
def test_a_mail_scanners_look_changes_nothing(seat: Seat, method: str) -> None:
    answer = at_the_door(seat, method)
    seat.refresh_from_db()
    assert (answer.status_code, seat.state, seat.entered_at) == (200, "confirmed", None)
    assert seat.live_session.meeting_url not in answer.content.decode()


def test_entering_is_recorded_and_leads_to_the_meeting_without_a_referrer(seat: Seat) -> None:
    answer = at_the_door(seat, "post")
    seat.refresh_from_db()
    assert (answer.status_code, answer["Location"]) == (303, "https://meet.example.com/plenum")
    assert (answer["Referrer-Policy"], seat.state) == ("no-referrer", "attended")
    assert seat.entered_at is not None


def test_a_browser_without_cookies_that_hides_where_it_comes_from_may_enter(seat: Seat) -> None:
    answer = Client(enforce_csrf_checks=True).post(f"/door/{DOOR.token(seat)}/", headers={"Origin": "null"})
    assert (answer.status_code, Seat.objects.get().state) == (303, "attended")


def test_entering_again_after_a_dropped_line_keeps_the_first_time(seat: Seat) -> None:
    browser = Client()
    browser.post(f"/door/{DOOR.token(seat)}/")
    first = Seat.objects.get().entered_at
    assert browser.post(f"/door/{DOOR.token(seat)}/").status_code == 303
    assert Seat.objects.get().entered_at == first
    assert DoorEntry.objects.count() == 1


@pytest.mark.parametrize(
    ("after_the_start", "status"),
    [
        (timedelta(minutes=-15, seconds=-5), 409),
        (timedelta(minutes=-14), 303),
        (timedelta(minutes=89), 303),
        (timedelta(minutes=91), 409),
    ],
    ids=["too early", "just open", "still open", "closed"],
)
def test_door_keeps_its_hours(seat: Seat, after_the_start: timedelta, status: int) -> None:
    with time_machine.travel(seat.live_session.starts_at + after_the_start, tick=False):
        assert at_the_door(seat, "post").status_code == status


def test_forged_superseded_and_canceled_doors_are_dead(seat: Seat) -> None:
    token = DOOR.token(seat)
    assert at_the_door(seat, "post", token[:-1] + ("A" if token[-1] != "A" else "B")).status_code == 404
    assert at_the_door(seat, "post", "nonsense").status_code == 404
    Seat.objects.update(door_version=1)
    assert at_the_door(seat, "post", token).status_code == 404
    Seat.objects.update(
        door_version=0, state=Seat.State.CANCELED, canceled_at=clock.now(), canceled_by="buyer", restitution="none"
    )
    assert at_the_door(seat, "get", token).status_code == 404
    assert Seat.objects.get().entered_at is None


def test_door_leads_to_a_meeting_address_in_any_script(seat: Seat) -> None:
    LiveSession.objects.update(meeting_url="https://meet.example.com/研究?a=1&b=2")
    assert at_the_door(seat, "post")["Location"] == "https://meet.example.com/%E7%A0%94%E7%A9%B6?a=1&b=2"


@pytest.mark.parametrize(("after_the_end", "shown"), [(timedelta(minutes=29), True), (timedelta(minutes=31), False)])
def test_session_and_account_pages_show_the_door_until_it_closes(after_the_end: timedelta, shown: bool) -> None:
    user, live_session = make_user(), make_live_session()
    make_credits(user)
    coverage = book_with_credit(user=user, live_session_id=live_session.pk, now=clock.now())
    client = Client()
    with time_machine.travel(live_session.ends_at + after_the_end, tick=False):
        client.force_login(user)
        for address in (f"/sessions/{live_session.slug}/", "/account/"):
            page = client.get(address).content.decode()
            assert (DOOR.token(coverage.seat) in page) == shown, address


@pytest.mark.parametrize("page", ["", "{slug}/", "{slug}/calendar.ics"])
def test_public_pages_answer_those_who_only_ask_whether_they_are_there(seat: Seat, page: str) -> None:
    assert Client().head(f"/sessions/{page.format(slug=seat.live_session.slug)}").status_code == 200
