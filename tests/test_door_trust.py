"""What a reader at the door must not be told or lose: no false alarm, no lost words, nobody else's questions."""

import re
from datetime import timedelta
from html import unescape

import pytest
import time_machine
from django.test import Client

from redreport import clock
from sessions_live.models import DoorEntry, HandOver, LiveSession, Question, Seat
from sessions_live.seat_links import DOOR
from sessions_live.selectors import questions_for_hosts
from tests.factories import make_guest_seat, make_live_session, make_user

pytestmark = pytest.mark.django_db

DEVICE = re.compile(r'name="device" value="([0-9a-f-]{36})"')


@pytest.fixture
def seat() -> Seat:
    """A seat in a session whose door is open: it starts in ten minutes."""
    return make_guest_seat(make_live_session(starts_in=timedelta(minutes=10)))


def door_of(seat: Seat) -> str:
    return f"/door/{DOOR.token(seat)}/"


def test_a_second_click_whose_first_answer_was_lost_is_no_other_device(seat: Seat) -> None:
    browser = Client()
    browser.get(door_of(seat))
    named = browser.cookies["door_device"].value
    browser.post(door_of(seat))
    # As if the browser had dropped the answer to the first click, with its cookie.
    browser.cookies["door_device"] = named
    assert browser.post(door_of(seat)).status_code == 303
    assert DoorEntry.objects.count() == 1


def test_a_browser_that_keeps_no_cookie_is_known_by_the_page_it_has_open(seat: Seat) -> None:
    page = Client().get(door_of(seat)).content.decode()
    form = {"device": DEVICE.findall(page)[0]}
    assert [Client().post(door_of(seat), form).status_code for _ in range(2)] == [303, 303]
    assert Client().post(door_of(seat)).status_code == 409


@pytest.mark.parametrize("device", ["", "nonsense", "0"])
def test_a_device_that_was_tampered_with_is_simply_another_one(seat: Seat, device: str) -> None:
    assert Client().post(door_of(seat), {"device": device}).status_code == 303


def test_the_page_counts_by_our_clock_and_looks_again_by_itself_without_scripts(seat: Seat) -> None:
    opens_at = seat.live_session.door_opens_at
    with time_machine.travel(opens_at - timedelta(seconds=125), tick=False):
        page = Client().get(door_of(seat)).content.decode()
    assert '<span data-opens-in="125"></span>' in page
    assert f'<noscript><meta http-equiv="refresh" content="125; url={door_of(seat)}"></noscript>' in page
    with time_machine.travel(opens_at - timedelta(days=30), tick=False):
        assert "http-equiv" not in Client().get(door_of(seat)).content.decode()
    with time_machine.travel(opens_at, tick=False):
        page = Client().get(door_of(seat)).content.decode()
    assert "http-equiv" not in page
    assert ">Enter</button>" in page


def test_the_page_of_a_refused_question_leads_through_the_door_all_the_same(seat: Seat) -> None:
    browser = Client()
    answer = browser.post(f"{door_of(seat)}question/", {"text": " "})
    page = answer.content.decode()
    assert answer.status_code == 400
    assert "<title>Error: Your door" in page
    assert f'<form method="post" action="{door_of(seat)}">' in unescape(page)
    # Reloaded, or kept as a bookmark, it is the door.
    again = browser.get(f"{door_of(seat)}question/")
    assert (again.status_code, again["Location"], again["Referrer-Policy"]) == (303, door_of(seat), "no-referrer")


def test_a_door_that_leads_nowhere_says_so_and_records_nothing(seat: Seat) -> None:
    LiveSession.objects.update(meeting_url="")
    answer = Client().post(door_of(seat))
    assert answer.status_code == 409
    assert "The meeting cannot be entered just now." in answer.content.decode()
    assert (DoorEntry.objects.count(), Seat.objects.get().entered_at) == (0, None)


def handed_over(seat: Seat) -> Seat:
    """The seat as it is once Ada Reader has given it to Bo Chen."""
    HandOver.objects.create(
        seat=seat,
        from_name=seat.attendee_name,
        from_email=seat.attendee_email,
        to_name="Bo Chen",
        to_email="bo@example.com",
        cancel_sequence=1,
        made_by=seat.booked_by,
        made_at=clock.now(),
    )
    seat.attendee_name, seat.attendee_email, seat.attendee_firm = "Bo Chen", "bo@example.com", "Chen & Co"
    seat.handed_over_at, seat.door_version = clock.now(), seat.door_version + 1
    seat.save()
    return seat


def test_who_is_given_a_seat_sees_none_of_its_former_questions_and_may_ask_as_many(seat: Seat) -> None:
    for number in range(3):
        Question.objects.create(seat=seat, text=f"Adas question {number}", asked_at=clock.now())
    handed_over(seat)
    page = Client().get(door_of(seat)).content.decode()
    assert "Adas question" not in page
    assert Client().post(f"{door_of(seat)}question/", {"text": "Bos question"}).status_code == 303
    assert "Bos question" in Client().get(door_of(seat)).content.decode()


def test_hosts_see_under_each_question_who_asked_it_though_the_seat_changed_hands() -> None:
    seat = make_guest_seat(make_live_session(), make_user("Ada Reader", firm="Reader Ltd"))
    Question.objects.create(seat=seat, text="Asked early?", asked_at=clock.now())
    handed_over(seat)
    Question.objects.create(seat=seat, text="Asked late?", asked_at=clock.now())
    asked = [(question.text, question.name, question.firm) for question in questions_for_hosts(seat.live_session)]
    assert asked == [("Asked early?", "Ada Reader", ""), ("Asked late?", "Bo Chen", "Chen & Co")]
