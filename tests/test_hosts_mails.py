"""Hosts are reminded, and told of every change, with a door of their own and no attendee's name."""

from datetime import timedelta

import pytest
import time_machine

from redreport import clock
from redreport.outbox import kinds
from redreport.outbox.deliver import deliver_mail
from redreport.outbox.models import OutgoingMail
from redreport.wording import house_time
from sessions_live.models import Host, LiveSession, Question, Seat
from sessions_live.operations.cancellations import preview_cancel
from sessions_live.operations.reminders import queue_due_reminders
from subscriptions.operations.cancel import cancel_live_session_and_settle
from tests.factories import make_guest_seat, make_live_session, make_staff, make_user
from tests.fixtures_mail import MailServer
from tests.moving import move
from tests.outbox_helpers import rendered_mail

pytestmark = pytest.mark.django_db

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.fixture
def live_session() -> LiveSession:
    """With two hosts, of whom one has no address."""
    live_session = make_live_session(starts_in=3 * DAY)
    live_session.hosts.add(Host.objects.create(name="Jo Hart", email="jo@example.com"))
    return live_session


def owed() -> list[str]:
    return list(OutgoingMail.objects.filter(recipient="jo@example.com").order_by("id").values_list("kind", flat=True))


def what_became_of(kind: str) -> tuple[str, str]:
    mail = OutgoingMail.objects.get(kind=kind)
    deliver_mail(mail.pk, max(clock.now(), mail.due_at))
    mail.refresh_from_db()
    return mail.state, mail.reason


def remind(live_session: LiveSession, before: timedelta) -> None:
    queue_due_reminders(now=live_session.starts_at - before)


def test_host_is_reminded_once_at_each_moment_and_one_without_an_address_never(live_session: LiveSession) -> None:
    for before in (DAY + HOUR, DAY, DAY - HOUR, HOUR, HOUR / 2):
        remind(live_session, before)
    assert owed() == ["host_reminder_24h", "host_reminder_1h"]
    assert OutgoingMail.objects.count() == 2


def test_it_says_how_many_come_and_what_they_ask_without_their_names(live_session: LiveSession) -> None:
    seats = [make_guest_seat(live_session, make_user(f"Reader Number{n}")) for n in range(3)]
    Seat.objects.filter(pk=seats[0].pk).update(declined_at=clock.now())
    Question.objects.create(seat=seats[1], text="Who signs <for> the ministry?", asked_at=clock.now())
    remind(live_session, DAY)
    with time_machine.travel(live_session.starts_at - DAY, tick=False):
        mail = rendered_mail("host_reminder_24h")
    assert mail.subject == f"Tomorrow you host: {live_session.title}"
    assert "Attendees: 3, of whom 1 cannot come" in mail.text
    assert "- Who signs <for> the ministry?" in mail.text
    assert "Who signs &lt;for&gt; the ministry?" in mail.html
    for part in (mail.text, mail.html):
        assert "http://testserver/host/" in part
        assert "Reader Number" not in part
        assert "/door/" not in part
        assert live_session.meeting_url not in part


def test_questions_of_seats_that_are_gone_are_left_out_and_a_long_list_is_cut(live_session: LiveSession) -> None:
    gone, seat = make_guest_seat(live_session), make_guest_seat(live_session)
    Question.objects.create(seat=gone, text="Is it still on?", asked_at=clock.now())
    for number in range(22):
        Question.objects.create(seat=seat, text=f"Question number {number}?", asked_at=clock.now())
    Seat.objects.filter(pk=gone.pk).update(
        state="canceled", canceled_at=clock.now(), canceled_by="buyer", restitution="none", door_version=1
    )
    remind(live_session, HOUR)
    text = rendered_mail("host_reminder_1h").text
    assert "Is it still on?" not in text
    assert ("Questions: 22" in text, text.count("- Question number")) == (True, 20)
    assert "The others are behind your door." in text


def test_hour_reminder_begins_with_the_hour(live_session: LiveSession, smtp_server: MailServer) -> None:
    remind(live_session, HOUR)
    with time_machine.travel(live_session.starts_at - HOUR, tick=False):
        assert what_became_of("host_reminder_1h") == ("sent", "")
    [sent] = smtp_server.mails
    assert (sent.subject, sent.recipients) == (f"In one hour you host: {live_session.title}", ["jo@example.com"])
    assert OutgoingMail.objects.get(kind="host_reminder_1h").sent_bytes is None
    assert kinds.is_private("host_reminder_1h")


def test_reminder_that_comes_too_late_is_recorded_as_missed(live_session: LiveSession) -> None:
    remind(live_session, DAY)
    with time_machine.travel(live_session.starts_at - DAY + timedelta(hours=6, seconds=1), tick=False):
        assert what_became_of("host_reminder_24h") == ("missed", "too late to be of use")


def test_who_was_taken_off_or_has_another_address_is_written_to_no_more(live_session: LiveSession) -> None:
    remind(live_session, DAY)
    live_session.hosts.set(Host.objects.filter(email=""))
    assert what_became_of("host_reminder_24h") == ("withheld", "they do not host it any more")


def test_a_move_tells_the_host_both_times_and_takes_the_reminders_along(live_session: LiveSession) -> None:
    remind(live_session, DAY)
    before = live_session.starts_at
    move(live_session, 7 * DAY, message="The host is in Beijing.")
    assert what_became_of("host_reminder_24h") == ("withheld", "the session was moved")
    mail = rendered_mail("host_moved")
    for part in (mail.text, mail.html):
        for said in (house_time(before), house_time(live_session.starts_at), "They read: The host is in Beijing."):
            assert said in part
    remind(live_session, DAY)
    assert owed() == ["host_reminder_24h", "host_moved", "host_reminder_24h"]


def test_news_of_a_move_shortly_before_the_moment_is_reminder_enough(live_session: LiveSession) -> None:
    move(live_session, to=clock.now() + DAY + HOUR / 2)
    remind(live_session, DAY)
    assert owed() == ["host_moved"]


def test_a_cancellation_is_told_once_and_the_new_time_before_it_is_not(live_session: LiveSession) -> None:
    move(live_session)
    assert preview_cancel(live_session=live_session, now=clock.now()).hosts == 1
    for _ in range(2):
        cancel_live_session_and_settle(live_session_id=live_session.pk, actor=make_staff(), reason="Ill", now=clock.now())
    assert owed() == ["host_moved", "host_canceled"]
    assert what_became_of("host_moved") == ("withheld", "the session is canceled")
    mail = rendered_mail("host_canceled")
    assert mail.subject == f"Canceled: {live_session.title}"
    assert "/host/" not in mail.text
    assert "Ill" not in mail.text.split()


def test_a_new_time_that_has_gone_by_is_not_told_when_the_relay_comes_back_days_later(live_session: LiveSession) -> None:
    move(live_session)
    with time_machine.travel(live_session.door_closes_at + HOUR, tick=False):
        assert what_became_of("host_moved") == ("missed", "the session is over")
