"""After an hour everybody who had a seat is written to once, in other words when they came than when they missed it."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from redreport import clock, policy
from redreport.outbox.deliver import deliver_mail
from redreport.outbox.models import OutgoingMail
from redreport.outbox.wishes import say_wish
from sessions_live.errors import NothingToRelease
from sessions_live.mails.follow_ups import FOLLOW_UPS
from sessions_live.models import LiveSession, Seat
from sessions_live.operations.follow_ups import LOOK_BACK, send_follow_ups
from sessions_live.operations.materials import release_materials
from sessions_live.seat_links import REPLAY
from tests.afterwards import add_file, release, seat_in_past_hour
from tests.factories import make_guest_seat, make_live_session, make_staff
from tests.fixtures_mail import MailServer, ReceivedMail
from tests.racing import at_once

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime.fromisoformat("2027-01-06T19:00:00+00:00")


@pytest.fixture(autouse=True)
def after_the_hour() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def follow_ups() -> list[tuple[str, str]]:
    return sorted(OutgoingMail.objects.filter(kind="follow_up").values_list("recipient", "state"))


def sent_to(seat: Seat, smtp_server: MailServer) -> ReceivedMail:
    send_follow_ups(now=clock.now())
    deliver_mail(OutgoingMail.objects.get(kind="follow_up", recipient=seat.attendee_email).pk, clock.now())
    return smtp_server.mails[-1]


class TestWhen:
    def test_a_release_is_followed_up_at_once_and_once(self) -> None:
        seat = seat_in_past_hour()
        add_file(seat.live_session)
        assert send_follow_ups(now=clock.now()) == 0

        release(seat.live_session)

        assert [send_follow_ups(now=clock.now()) for _ in range(2)] == [1, 0]
        assert follow_ups() == [(seat.attendee_email, "queued")]

    def test_without_a_release_it_goes_out_a_day_after_the_start(self, after_the_hour: time_machine.Traveller) -> None:
        seat = seat_in_past_hour()
        latest = seat.live_session.starts_at + policy.FOLLOW_UP_LATEST_AFTER

        assert [send_follow_ups(now=moment) for moment in (latest - timedelta(seconds=1), latest)] == [0, 1]

    def test_a_release_after_that_sends_no_second_mail(self, after_the_hour: time_machine.Traveller) -> None:
        seat = seat_in_past_hour()
        after_the_hour.shift(timedelta(days=2))
        send_follow_ups(now=clock.now())
        add_file(seat.live_session)
        release(seat.live_session)

        assert send_follow_ups(now=clock.now()) == 0
        assert len(follow_ups()) == 1

    def test_hours_of_long_ago_are_left_alone_until_they_are_released(self, after_the_hour: time_machine.Traveller) -> None:
        seat = seat_in_past_hour()
        after_the_hour.shift(LOOK_BACK)
        assert send_follow_ups(now=clock.now()) == 0

        add_file(seat.live_session)
        release(seat.live_session)
        assert send_follow_ups(now=clock.now()) == 1

    def test_two_sweeps_at_once_owe_each_mail_once(self) -> None:
        seat = seat_in_past_hour()
        add_file(seat.live_session)
        release(seat.live_session)

        assert sorted(at_once([lambda: send_follow_ups(now=NOW)] * 3), key=str) == [0, 0, 1]
        assert len(follow_ups()) == 1


class TestWhoGetsIt:
    def test_every_seat_that_was_somebodys_and_no_other(self) -> None:
        came = seat_in_past_hour()
        missed = seat_in_past_hour(came=False, live_session=came.live_session)
        canceled = seat_in_past_hour(live_session=came.live_session)
        Seat.objects.filter(pk=canceled.pk).update(
            state=Seat.State.CANCELED, canceled_at=NOW, canceled_by="house", restitution="none"
        )
        add_file(came.live_session)
        release(came.live_session)
        send_follow_ups(now=NOW)

        assert follow_ups() == sorted((seat.attendee_email, "queued") for seat in (came, missed))

    def test_a_seat_canceled_meanwhile_gets_none(self) -> None:
        seat = seat_in_past_hour()
        add_file(seat.live_session)
        release(seat.live_session)
        send_follow_ups(now=NOW)
        Seat.objects.update(state=Seat.State.CANCELED, canceled_at=NOW, canceled_by="house", restitution="none")

        deliver_mail(OutgoingMail.objects.get(kind="follow_up").pk, NOW)

        assert follow_ups() == [(seat.attendee_email, "withheld")]

    def test_who_does_not_want_it_is_spared(self) -> None:
        seat = seat_in_past_hour()
        add_file(seat.live_session)
        release(seat.live_session)
        send_follow_ups(now=NOW)
        say_wish(email=seat.attendee_email, topic=FOLLOW_UPS, is_wanted=False, now=NOW)

        deliver_mail(OutgoingMail.objects.get(kind="follow_up").pk, NOW)

        assert follow_ups() == [(seat.attendee_email, "withheld")]

    def test_many_seats_take_no_more_statements_than_few(self) -> None:
        counts = []
        for others in (0, 11):
            first = seat_in_past_hour()
            for _ in range(others):
                seat_in_past_hour(live_session=first.live_session)
            add_file(first.live_session)
            release(first.live_session)
            with CaptureQueriesContext(connection) as queries:
                assert send_follow_ups(now=NOW) == 1
            counts.append(len(queries))
        assert counts[0] == counts[1]
        assert len(follow_ups()) == 13


class TestWhatItSays:
    def test_who_came_gets_the_notes_and_is_asked_how_it_was(self, smtp_server: MailServer) -> None:
        seat = seat_in_past_hour()
        add_file(seat.live_session)
        release(seat.live_session)
        mail = sent_to(seat, smtp_server)

        assert mail.subject == f"Notes from {seat.live_session.title}"
        for part in (mail.part("text/plain"), mail.part("text/html")):
            assert "Thank you for coming" in part
            assert "Notes on the plenum" in part
            assert "How was it?" in part
            assert REPLAY.url(seat) in part
            assert "Red Report Live, 1 Example Street, New York, NY 10001" in part
            assert "/mail/unsubscribe/" in part
            assert "http://testserver/account/mails/" in part
        assert mail.message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"

    def test_who_missed_it_is_told_so_and_not_asked(self, smtp_server: MailServer) -> None:
        seat = seat_in_past_hour(came=False)
        add_file(seat.live_session)
        release(seat.live_session)
        mail = sent_to(seat, smtp_server)

        assert mail.subject == f"Notes from {seat.live_session.title}"
        for part in (mail.part("text/plain"), mail.part("text/html")):
            assert "We missed you" in part
            assert "stayed empty on Wed 6 Jan" in part
            assert "How was it?" not in part
            assert REPLAY.url(seat) in part

    def test_without_materials_it_promises_none_that_are_there(
        self, smtp_server: MailServer, after_the_hour: time_machine.Traveller
    ) -> None:
        seat = seat_in_past_hour()
        add_file(seat.live_session)  # Added, but not released.
        after_the_hour.shift(timedelta(days=1))
        mail = sent_to(seat, smtp_server)

        assert mail.subject == f"How was it? {seat.live_session.title}"
        assert "Notes and replay are not ready yet." in mail.part("text/plain")
        assert "Notes on the plenum" not in mail.part("text/plain")

    def test_attendance_put_right_before_the_sending_counts(self, smtp_server: MailServer) -> None:
        seat = seat_in_past_hour(came=False)
        add_file(seat.live_session)
        release(seat.live_session)
        send_follow_ups(now=NOW)
        Seat.objects.update(state=Seat.State.ATTENDED, entered_at=NOW)

        assert "Thank you for coming" in sent_to(seat, smtp_server).part("text/plain")

    def test_its_link_is_not_kept(self, smtp_server: MailServer) -> None:
        seat = seat_in_past_hour()
        add_file(seat.live_session)
        release(seat.live_session)
        sent_to(seat, smtp_server)
        assert OutgoingMail.objects.get(kind="follow_up").sent_bytes is None


class TestRelease:
    def test_it_needs_something_to_release_and_an_hour_that_is_over(self) -> None:
        over, to_come = seat_in_past_hour().live_session, make_live_session(now=NOW)
        make_guest_seat(to_come)
        add_file(to_come)
        for live_session, reason in ((over, "It has no materials."), (to_come, "It is not over.")):
            with pytest.raises(NothingToRelease, match=reason):
                release_materials(live_session_id=live_session.pk, actor=make_staff(), now=NOW)

    def test_staff_release_it_in_the_list_of_sessions(self, client: Client) -> None:
        seat = seat_in_past_hour()
        client.force_login(make_staff())
        release_it = {"action": "release", "_selected_action": [seat.live_session_id]}

        refused = client.post("/admin/sessions_live/livesession/", release_it, follow=True).content.decode()
        assert "was not released. It has no materials." in refused
        add_file(seat.live_session)
        assert "Released: 1." in client.post("/admin/sessions_live/livesession/", release_it, follow=True).content.decode()
        assert (
            "was released before." in client.post("/admin/sessions_live/livesession/", release_it, follow=True).content.decode()
        )
        assert LiveSession.objects.get().materials_released_at == NOW

    def test_staff_are_told_when_readers_were_written_to_before(
        self, client: Client, after_the_hour: time_machine.Traveller
    ) -> None:
        seat = seat_in_past_hour()
        after_the_hour.shift(timedelta(days=1))
        send_follow_ups(now=clock.now())
        add_file(seat.live_session)
        client.force_login(make_staff())

        release_it = {"action": "release", "_selected_action": [seat.live_session_id]}
        html = client.post("/admin/sessions_live/livesession/", release_it, follow=True).content.decode()
        assert "its readers were written to before, and get no second mail" in html
