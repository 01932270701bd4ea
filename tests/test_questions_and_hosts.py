"""Questions before the hour, the hosts' own door with its brief, and who came."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from redreport import clock
from redreport.audit.models import AuditEntry
from sessions_live.errors import DoorClosed, NotCheckedIn
from sessions_live.host_links import host_door_url, host_token
from sessions_live.models import Feedback, Host, LiveSession, Question, Seat
from sessions_live.operations.attendance import check_in_seat, undo_check_in
from sessions_live.operations.schedule import end_past_live_sessions
from sessions_live.seat_links import DOOR
from subscriptions.operations.cancel import cancel_seat_by_house
from tests.factories import make_guest_seat, make_live_session, make_staff, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def seat() -> Seat:
    return make_guest_seat(make_live_session(), make_user("Bo Chen", firm="Marsh & Partners"))


def host_of(live_session: LiveSession) -> Host:
    return live_session.hosts.get()


def host_page(live_session: LiveSession) -> str:
    return f"/host/{host_token(live_session, host_of(live_session))}/"


def ask(seat: Seat, text: str) -> int:
    return Client(enforce_csrf_checks=True).post(f"/door/{DOOR.token(seat)}/question/", {"text": text}).status_code


class TestQuestions:
    def test_the_hosts_see_who_asked_what(self, seat: Seat) -> None:
        assert ask(seat, "Who signs for <b>the ministry</b>?") == 303
        page = Client().get(host_page(seat.live_session)).content.decode()
        assert "Who signs for &lt;b&gt;the ministry&lt;/b&gt;?" in page
        assert "Bo Chen, Marsh &amp; Partners" in page

    def test_a_double_click_asks_once(self, seat: Seat) -> None:
        assert [ask(seat, "Why now?"), ask(seat, "Why now?")] == [303, 303]
        assert Question.objects.count() == 1

    def test_the_fourth_question_is_refused_in_words(self, seat: Seat) -> None:
        for number in range(3):
            assert ask(seat, f"Question {number}?") == 303
        answer = Client().post(f"/door/{DOOR.token(seat)}/question/", {"text": "And one more?"})
        assert answer.status_code == 409
        assert "You have asked 3 questions already." in answer.content.decode()
        assert Question.objects.count() == 3

    @pytest.mark.parametrize("text", ["", "   ", "x" * 501])
    def test_an_empty_or_endless_question_is_refused_in_words(self, seat: Seat, text: str) -> None:
        assert ask(seat, text) == 400
        assert not Question.objects.exists()

    def test_line_breaks_become_blanks(self, seat: Seat) -> None:
        ask(seat, "One\r\nBcc: x@example.com")
        assert Question.objects.get().text == "One Bcc: x@example.com"

    def test_nothing_is_asked_after_the_end_or_with_a_dead_link(self, seat: Seat) -> None:
        with time_machine.travel(seat.live_session.ends_at, tick=False):
            assert ask(seat, "Too late?") == 409
        cancel_seat_by_house(
            seat_id=seat.pk, actor=make_staff(), reason="cannot come", restitution=Seat.Restitution.FULL, now=clock.now()
        )
        assert ask(seat, "Still there?") == 404
        assert not Question.objects.exists()


class TestHostsDoor:
    def test_it_counts_the_roster_and_names_nobody_who_did_not_ask(self, seat: Seat) -> None:
        other = make_guest_seat(seat.live_session, make_user("Una Named"))
        Seat.objects.filter(pk=other.pk).update(declined_at=clock.now())
        page = Client().get(host_page(seat.live_session)).content.decode()
        assert "1, and 1 who cannot come" in page
        assert "Una Named" not in page
        assert "Bo Chen" not in page

    @pytest.mark.parametrize(
        ("before_the_start", "status"),
        [(timedelta(minutes=61), 409), (timedelta(minutes=60), 303), (timedelta(minutes=-91), 409)],
    )
    def test_it_opens_an_hour_before_and_leads_to_the_meeting(self, seat: Seat, before_the_start: timedelta, status: int) -> None:
        with time_machine.travel(seat.live_session.starts_at - before_the_start, tick=False):
            answer = Client(enforce_csrf_checks=True).post(host_page(seat.live_session))
        assert answer.status_code == status
        assert answer.get("Location") == ("https://meet.example.com/plenum" if status == 303 else None)
        assert answer["Referrer-Policy"] == "no-referrer"

    def test_it_is_dead_once_the_host_is_taken_off_or_the_session_canceled(self, seat: Seat) -> None:
        live_session = seat.live_session
        page, host = host_page(live_session), host_of(live_session)
        live_session.hosts.clear()
        assert Client().get(page).status_code == 404
        live_session.hosts.add(host)
        assert Client().get(page).status_code == 200
        LiveSession.objects.update(state="canceled")
        assert Client().get(page).status_code == 404

    def test_no_token_of_one_kind_opens_the_door_of_the_other(self, seat: Seat) -> None:
        host = host_token(seat.live_session, host_of(seat.live_session))
        assert Client().get(f"/door/{host}/").status_code == 404
        assert Client().get(f"/host/{DOOR.token(seat)}/").status_code == 404
        assert host_door_url(seat.live_session, host_of(seat.live_session)).endswith(f"/host/{host}/")

    def test_afterwards_it_shows_ratings_and_comments_without_names(self, seat: Seat) -> None:
        Feedback.objects.create(seat=seat, rating=4, comment="Crisp.", given_at=clock.now())
        page = Client().get(host_page(seat.live_session)).content.decode()
        assert "4.0 of 5, by 1 attendee" in page
        assert "4 of 5: Crisp." in page
        assert "Bo Chen" not in page


class TestAttendance:
    def test_who_did_not_come_in_is_a_no_show_once_the_door_has_closed(self, seat: Seat) -> None:
        came = make_guest_seat(seat.live_session)
        with time_machine.travel(seat.live_session.starts_at, tick=False):
            Client().post(f"/door/{DOOR.token(came)}/")
        closes_at = seat.live_session.door_closes_at
        assert end_past_live_sessions(now=closes_at) == 0
        assert end_past_live_sessions(now=closes_at + timedelta(seconds=1)) == 1
        states = dict(Seat.objects.values_list("pk", "state"))
        assert states == {seat.pk: "no_show", came.pk: "attended"}

    def test_staff_check_somebody_in_and_take_it_back_with_a_trace(self, seat: Seat) -> None:
        staff, now = make_staff(), seat.live_session.starts_at
        check_in_seat(seat_id=seat.pk, actor=staff, now=now)
        check_in_seat(seat_id=seat.pk, actor=staff, now=now + timedelta(minutes=5))
        seat.refresh_from_db()
        assert (seat.state, seat.entered_at) == ("attended", now)
        undo_check_in(seat_id=seat.pk, actor=staff, reason="wrong row", now=now)
        seat.refresh_from_db()
        assert (seat.state, seat.entered_at) == ("confirmed", None)
        with pytest.raises(NotCheckedIn):
            undo_check_in(seat_id=seat.pk, actor=staff, reason="wrong row", now=now)
        trace = AuditEntry.objects.filter(target_id=str(seat.pk), actor=staff).order_by("id").values_list("verb", flat=True)
        assert list(trace) == ["checked_in", "check_in_undone"]

    def test_a_no_show_who_was_there_after_all_is_checked_in_late(self, seat: Seat) -> None:
        end_past_live_sessions(now=seat.live_session.door_closes_at + timedelta(seconds=1))
        check_in_seat(seat_id=seat.pk, actor=make_staff(), now=seat.live_session.door_closes_at + timedelta(hours=1))
        seat.refresh_from_db()
        assert seat.state == "attended"
        undo_check_in(seat_id=seat.pk, actor=make_staff(), reason="not them", now=clock.now())
        seat.refresh_from_db()
        assert seat.state == "no_show"

    def test_nobody_is_checked_in_before_the_door_opens(self, seat: Seat) -> None:
        with pytest.raises(DoorClosed):
            check_in_seat(seat_id=seat.pk, actor=make_staff(), now=seat.live_session.door_opens_at - timedelta(seconds=1))
