"""The mails of auto-booking: you are in, with invitation, door and way out; not booked, and why; each true when it is sent."""

from datetime import timedelta

import pytest
from icalendar import Calendar

from redreport import clock
from redreport.accounts.models import User
from redreport.outbox import kinds
from redreport.outbox.deliver import deliver_mail
from redreport.outbox.models import OutgoingMail
from sessions_live.models import LiveSession, Seat
from sessions_live.seat_links import AUTO_OUT, DOOR
from subscriptions.operations.auto_booking import switch_off_auto_booking
from subscriptions.operations.cancel import cancel_live_session_and_settle
from subscriptions.operations.granting import give_credits
from tests.auto_booking import auto_booked_seat, make_auto_booker, publish_session, sweep
from tests.canceling import book, cancel
from tests.factories import make_guest_seat, make_staff
from tests.fixtures_mail import MailServer, ReceivedMail

pytestmark = pytest.mark.django_db


def deliver(kind: str) -> OutgoingMail:
    """The worker comes to the one mail of this kind."""
    mail = OutgoingMail.objects.get(kind=kind)
    deliver_mail(mail.pk, clock.now())
    mail.refresh_from_db()
    return mail


def sent(server: MailServer) -> ReceivedMail:
    return server.mails[-1]


def sold_out_for(reader: User) -> LiveSession:
    live_session = publish_session(capacity=1)
    make_guest_seat(live_session)
    sweep()
    return live_session


def test_you_are_in_carries_invitation_door_and_the_way_out_in_both_texts(smtp_server: MailServer) -> None:
    seat = auto_booked_seat(make_auto_booker(credits=3))
    assert deliver("auto_booked").state == "sent"
    mail = sent(smtp_server)
    assert mail.subject == f"You are in: {seat.live_session.title}"
    for part in (mail.part("text/plain"), mail.part("text/html")):
        assert [link in part for link in (DOOR.url(seat), AUTO_OUT.url(seat), "http://testserver/account/credits/")] == [True] * 3
        assert "1 credit; 2 left" in part
    [event] = Calendar.from_ical(mail.part("text/calendar")).walk("VEVENT")
    assert (str(event["SUMMARY"]), event["SEQUENCE"]) == (f"Red Report Live: {seat.live_session.title}", 0)
    assert AUTO_OUT.token(seat) not in mail.part("text/calendar")
    invitation = next(part for part in mail.message.walk() if part.get_content_type() == "text/calendar")
    assert invitation.get_param("method") == "REQUEST"


def test_its_text_is_not_kept_and_staff_never_see_it(smtp_server: MailServer) -> None:
    auto_booked_seat()
    mail = deliver("auto_booked")
    assert (mail.sent_bytes, kinds.is_private("auto_booked")) == (None, True)


def test_last_credit_used_leaves_none(smtp_server: MailServer) -> None:
    auto_booked_seat(make_auto_booker(credits=1))
    deliver("auto_booked")
    assert "1 credit; none left" in sent(smtp_server).part("text/plain")


def test_it_is_withheld_once_the_seat_is_given_back(smtp_server: MailServer) -> None:
    cancel(auto_booked_seat())
    mail = deliver("auto_booked")
    assert (mail.state, mail.reason, smtp_server.mails) == ("withheld", "the seat is canceled", [])


def test_it_is_withheld_once_the_session_was_moved_or_the_seat_handed_over(smtp_server: MailServer) -> None:
    seat = auto_booked_seat()
    LiveSession.objects.update(schedule_version=1)
    assert deliver("auto_booked").reason == "the session was moved"
    LiveSession.objects.update(schedule_version=0)
    OutgoingMail.objects.update(state="queued")
    Seat.objects.filter(pk=seat.pk).update(attendee_email="colleague@example.com")
    assert deliver("auto_booked").reason == "the seat was handed over"
    assert smtp_server.mails == []


@pytest.mark.parametrize("outcome", ["sold_out", "no_credit", "too_soon"])
def test_not_booked_says_why_and_what_to_do(smtp_server: MailServer, outcome: str) -> None:
    reader = make_auto_booker(credits=0 if outcome == "no_credit" else 2)
    live_session = (
        sold_out_for(reader)
        if outcome == "sold_out"
        else publish_session(starts_in=timedelta(hours=30 if outcome == "too_soon" else 240))
    )
    sweep()
    assert deliver("not_booked").state == "sent"
    mail = sent(smtp_server)
    assert mail.subject == f"Not booked: {live_session.title}"
    why = {
        "sold_out": "no seat was free",
        "no_credit": "you have no credit that is good for its date",
        "too_soon": "in less than 48 hours, which leaves you too little time to give a seat back",
    }[outcome]
    links = (f"http://testserver/sessions/{live_session.slug}/", "http://testserver/account/credits/")
    for part in (mail.part("text/plain"), mail.part("text/html")):
        assert why in part
        assert all(link in part for link in links)
        assert ("When new credits come" in part) == (outcome == "no_credit")


def test_not_booked_is_withheld_once_it_is_no_longer_true(smtp_server: MailServer) -> None:
    reader = make_auto_booker(credits=1)
    live_session = sold_out_for(reader)
    LiveSession.objects.update(capacity=2)
    book(reader, live_session)
    mail = deliver("not_booked")
    assert (mail.state, mail.reason) == ("withheld", "there is a seat by now")
    assert smtp_server.mails == []


def test_not_booked_is_withheld_once_the_switch_is_off_or_the_session_canceled(smtp_server: MailServer) -> None:
    reader = make_auto_booker(credits=1)
    live_session = sold_out_for(reader)
    cancel_live_session_and_settle(live_session_id=live_session.pk, actor=make_staff(), reason="Ill", now=clock.now())
    assert deliver("not_booked").reason == "the session is canceled"
    OutgoingMail.objects.update(state="queued")
    switch_off_auto_booking(user=reader, now=clock.now())
    assert deliver("not_booked").reason == "auto-booking is switched off"


def test_not_booked_is_withheld_while_new_credits_have_it_tried_again(smtp_server: MailServer) -> None:
    reader, now = make_auto_booker(credits=0), clock.now()
    publish_session()
    sweep()
    give_credits(user=reader, credits=1, expires_at=now + timedelta(90), actor=make_staff(), reason="Wire", now=now)
    assert deliver("not_booked").state == "withheld"
    sweep()
    assert deliver("auto_booked").state == "sent"


def test_not_booked_after_the_start_is_missed(smtp_server: MailServer) -> None:
    sold_out_for(make_auto_booker())
    LiveSession.objects.update(starts_at=clock.now() - timedelta(minutes=1))
    assert deliver("not_booked").state == "missed"
