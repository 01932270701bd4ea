"""Checking people in on a telephone: one tap for each, taken back for a reason."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from redreport import clock
from redreport.audit.models import AuditEntry
from sessions_live.models import LiveSession, Seat
from subscriptions.operations.cancel import cancel_seat_by_house
from tests.factories import make_guest_seat, make_live_session, make_staff, make_user
from tests.rosters import PLANTED, fill
from tests.staff import desk_of, staff_who_may

pytestmark = pytest.mark.django_db

MAY = "sessions_live.change_seat"


def at_the_door() -> LiveSession:
    """A session whose door is open."""
    return make_live_session(starts_in=timedelta(minutes=5))


def address(live_session: LiveSession, seat: Seat | None = None, undo: bool = False) -> str:
    base = f"/admin/desk/sessions/{live_session.pk}/check-in/"
    return base + (f"{seat.pk}/" if seat else "") + ("undo/" if undo else "")


def page(desk: Client, live_session: LiveSession, query: str = "") -> str:
    return desk.get(address(live_session) + query).content.decode()


def said(answer: Any) -> list[str]:
    """What staff are told after this answer."""
    return [str(message) for message in get_messages(answer.wsgi_request)]


def names(html: str) -> list[str]:
    return re.findall(r"<div><strong>(.*?)</strong>", html)


def test_one_tap_checks_somebody_in_and_leads_back_to_their_row() -> None:
    live_session, desk = at_the_door(), desk_of(staff_who_may(MAY))
    seat, _ = make_guest_seat(live_session, make_user("Ada")), make_guest_seat(live_session, make_user("Bo"))
    assert "<strong>0 of 2 are there.</strong>" in page(desk, live_session)
    answer = desk.post(address(live_session, seat), {"q": "a&b", "page": "2"})
    assert answer.headers["Location"] == f"{address(live_session)}?q=a%26b&page=2#seat-{seat.pk}"
    html = page(desk, live_session)
    assert "<strong>1 of 2 are there.</strong>" in html
    assert f'<li id="seat-{seat.pk}" class="desk-there">' in html
    seat.refresh_from_db()
    assert (seat.state, seat.entered_at is not None) == ("attended", True)


def test_a_second_tap_changes_nothing() -> None:
    live_session, desk = at_the_door(), desk_of()
    seat = make_guest_seat(live_session)
    for _ in range(2):
        assert desk.post(address(live_session, seat)).headers["Location"] == f"{address(live_session)}#seat-{seat.pk}"
    assert AuditEntry.objects.filter(verb="checked_in").count() == 1


def test_a_check_in_is_taken_back_for_a_reason_only() -> None:
    live_session, desk = at_the_door(), desk_of()
    seat = make_guest_seat(live_session, make_user("Ada"))
    desk.post(address(live_session, seat))
    answer = desk.post(address(live_session, seat, undo=True), {"reason": " \x00 "})
    assert said(answer) == ["Nothing was taken back: write why Ada is not there."]
    assert Seat.objects.get().state == "attended"
    desk.post(address(live_session, seat, undo=True), {"reason": "The other Ada"})
    assert Seat.objects.get().state == "confirmed"
    assert AuditEntry.objects.get(verb="check_in_undone").reason == "The other Ada"
    assert said(desk.post(address(live_session, seat, undo=True), {"reason": "Again"}))[-1] == "Ada is not checked in."


def test_nobody_is_checked_in_before_the_door_opens() -> None:
    live_session, desk = make_live_session(), desk_of()
    seat = make_guest_seat(live_session)
    html = page(desk, live_session)
    assert ("Nobody can be checked in before." in html, ">Check in</button>" in html) == (True, False)
    assert said(desk.post(address(live_session, seat))) == ["The door is not open yet: nobody can be checked in before."]
    assert Seat.objects.get().state == "confirmed"


def test_who_gave_the_seat_up_meanwhile_is_not_checked_in() -> None:
    live_session, desk = at_the_door(), desk_of()
    seat = make_guest_seat(live_session, make_user("Ada"))
    cancel_seat_by_house(
        seat_id=seat.pk, actor=make_staff(), reason="They rang", restitution=Seat.Restitution.FULL, now=clock.now()
    )
    assert said(desk.post(address(live_session, seat))) == ["Ada has no seat any more."]
    assert "Nobody has a seat yet." in page(desk, live_session)


def test_people_are_found_by_what_they_say_at_the_door() -> None:
    live_session, desk = at_the_door(), desk_of()
    make_guest_seat(live_session, make_user("Ada", firm="Hill & Co"))
    make_guest_seat(live_session, make_user("bo"))
    assert names(page(desk, live_session)) == ["Ada", "bo"]
    assert names(page(desk, live_session, "?q=hill")) == ["Ada"]
    assert "Nobody with a seat is found" in page(desk, live_session, "?q=zz")


def test_it_is_for_who_may_change_seats_and_by_post_alone() -> None:
    live_session = at_the_door()
    seat, other = make_guest_seat(live_session), make_live_session()
    looker = desk_of(staff_who_may("desk.view_rosterseat"))
    assert [looker.get(address(live_session)).status_code, looker.post(address(live_session, seat)).status_code] == [403, 403]
    assert looker.post(address(live_session, seat, undo=True), {"reason": "x"}).status_code == 403
    desk = desk_of(staff_who_may(MAY))
    assert desk.get(address(live_session, seat)).status_code == 405
    assert desk.post(address(other, seat)).status_code == 404
    assert Seat.objects.get().state == "confirmed"


def test_the_page_asks_few_questions_however_many_have_a_seat() -> None:
    live_session, staff = at_the_door(), staff_who_may(MAY)
    fill(live_session, 150, booker=staff, now=clock.now())
    desk = desk_of(staff)
    with CaptureQueriesContext(connection) as asked:
        html = page(desk, live_session, "?page=2")
    assert len(asked) <= 8
    assert (len(names(html)), "Page 2 of 2" in html) == (50, True)


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_name_comes_out_harmless(name: str) -> None:
    live_session = at_the_door()
    make_guest_seat(live_session, make_user(name, firm=name))
    html = page(desk_of(), live_session)
    assert "<script>alert" not in html
    assert name.replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;") in html
