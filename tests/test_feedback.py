"""A rating and a comment by who came, one for each seat, changeable for a while; the hosts never see from whom."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from redreport import clock, policy
from sessions_live.errors import FeedbackClosed
from sessions_live.models import Feedback, Seat
from sessions_live.operations.feedback import give_feedback
from sessions_live.seat_links import REPLAY
from tests.afterwards import seat_in_past_hour
from tests.factories import make_guest_seat, make_live_session, make_staff
from tests.racing import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def path_of(seat: Seat) -> str:
    return REPLAY.url(seat).removeprefix("http://testserver")


def given() -> list[tuple[int, str]]:
    return list(Feedback.objects.values_list("rating", "comment"))


def test_who_came_rates_the_hour_without_an_account_or_cookies() -> None:
    seat = seat_in_past_hour()
    client = Client(enforce_csrf_checks=True)

    answer = client.post(path_of(seat), {"rating": "4", "comment": "More on the provinces."})

    assert (answer.status_code, answer["Location"]) == (303, path_of(seat))
    assert given() == [(4, "More on the provinces.")]
    html = client.get(path_of(seat)).content.decode()
    assert "You gave it 4 of 5" in html
    assert "More on the provinces." in html


def test_given_again_it_replaces_what_was_said(client: Client) -> None:
    seat = seat_in_past_hour()
    for rating in ("2", "5"):
        client.post(path_of(seat), {"rating": rating, "comment": ""})
    assert given() == [(5, "")]


def test_opening_the_page_says_nothing(client: Client) -> None:
    client.get(path_of(seat_in_past_hour()))
    assert given() == []


@pytest.mark.parametrize("rating", ["", "0", "6", "4.5", "many"])
def test_what_is_no_rating_is_refused_in_words_and_the_comment_is_kept(client: Client, rating: str) -> None:
    html = client.post(path_of(seat_in_past_hour()), {"rating": rating, "comment": "Kept"}).content.decode()

    assert "There is a problem" in html
    assert "<title>Error:" in html
    assert ">Kept</textarea>" in html.replace("\n", "")
    assert given() == []


def test_who_missed_the_hour_is_not_asked_and_cannot_rate_it(client: Client) -> None:
    seat = seat_in_past_hour(came=False)

    assert "How was it?" not in client.get(path_of(seat)).content.decode()
    assert client.post(path_of(seat), {"rating": "1"}).status_code == 409
    assert given() == []


def test_before_the_end_nobody_can() -> None:
    live_session = make_live_session()
    seat = make_guest_seat(live_session)
    Seat.objects.filter(pk=seat.pk).update(state=Seat.State.ATTENDED)

    with pytest.raises(FeedbackClosed):
        give_feedback(seat_id=seat.pk, rating=5, comment="", now=live_session.ends_at - timedelta(seconds=1))
    give_feedback(seat_id=seat.pk, rating=5, comment="", now=live_session.ends_at)


def test_after_a_month_it_stays_as_it_is(client: Client) -> None:
    seat = seat_in_past_hour()
    client.post(path_of(seat), {"rating": "4"})

    with time_machine.travel(seat.live_session.ends_at + policy.FEEDBACK_OPEN_FOR + timedelta(seconds=1), tick=False):
        assert client.post(path_of(seat), {"rating": "1"}).status_code == 409
        assert "How was it?" not in client.get(path_of(seat)).content.decode()
    assert given() == [(4, "")]


def test_a_double_click_makes_one_row() -> None:
    seat = seat_in_past_hour()
    now = clock.now()

    outcomes = at_once([lambda: give_feedback(seat_id=seat.pk, rating=3, comment="", now=now)] * 4)

    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert given() == [(3, "")]


def test_staff_read_it_without_the_name(client: Client) -> None:
    seat = seat_in_past_hour()
    give_feedback(seat_id=seat.pk, rating=3, comment="Too short.", now=clock.now())
    client.force_login(make_staff())

    feedback = Feedback.objects.get()
    for page in ("", f"{feedback.pk}/change/"):
        html = client.get(f"/admin/sessions_live/feedback/{page}").content.decode()
        assert "Too short." in html
        assert seat.live_session.title in html
        assert seat.attendee_email not in html
        assert seat.attendee_name not in html
