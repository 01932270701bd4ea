"""'4 credits, 3 sessions left': once, 60 days before they expire, while a session is there for them and the mail is wanted."""

from datetime import timedelta
from functools import partial
from urllib.parse import urlsplit

import pytest
import time_machine
from django.test import Client

from redreport import clock, policy
from redreport.accounts.models import User
from redreport.outbox.deliver import deliver_mail
from redreport.outbox.models import OutgoingMail
from redreport.outbox.wishes import say_wish, unsubscribe_url
from sessions_live.models import LiveSession, Seat
from subscriptions.mails.unused_credits import CREDIT_REMINDERS
from subscriptions.models import CreditGrant
from subscriptions.operations.credit_reminders import queue_credit_reminders
from subscriptions.tasks import BATCH, remind_of_credits_task
from tests.canceling import book, cancel
from tests.factories import make_credits, make_guest_seat, make_live_session, make_user
from tests.fixtures_mail import MailServer
from tests.racing import at_once

pytestmark = pytest.mark.django_db

SOON = timedelta(days=30)


def reader_with(credits: int, *, expire_in: timedelta = SOON) -> User:
    """A reader whose credits expire soon."""
    reader = make_user()
    expire(make_credits(reader, credits), expire_in)
    return reader


def expire(grant: CreditGrant, span: timedelta) -> CreditGrant:
    grant.expires_at = clock.now() + span
    grant.save(update_fields=["expires_at"])
    return grant


def remind() -> int:
    return queue_credit_reminders(now=clock.now(), limit=BATCH)


def deliver(server: MailServer) -> OutgoingMail:
    """The worker comes to the one reminder."""
    mail = OutgoingMail.objects.get(kind="credits_left")
    deliver_mail(mail.pk, clock.now())
    mail.refresh_from_db()
    return mail


def test_reader_is_reminded_once(smtp_server: MailServer) -> None:
    reader, sessions = reader_with(4), [make_live_session(starts_in=timedelta(days=days)) for days in (3, 5, 9)]
    make_live_session(starts_in=SOON + timedelta(days=1))
    assert [remind(), remind()] == [1, 0]
    assert deliver(smtp_server).state == "sent"
    [mail] = smtp_server.mails
    assert (mail.subject, mail.recipients) == ("4 credits, 3 sessions left", [reader.email])
    for part in (mail.part("text/plain"), mail.part("text/html")):
        assert [f"http://testserver/sessions/{session.slug}/" in part for session in sessions] == [True] * 3
        assert "3 sessions before then still have a seat for you" in part
        assert "http://testserver/sessions/" in part


def test_more_sessions_than_credits_says_for_how_many_they_last(smtp_server: MailServer) -> None:
    with time_machine.travel("2027-01-04 15:00Z", tick=True):
        reader_with(1, expire_in=timedelta(days=58))
        for _ in range(2):
            make_live_session()
        remind()
        deliver(smtp_server)
    [mail] = smtp_server.mails
    assert mail.subject == "1 session left, to 3 March 2027"
    assert "It is good for sessions that start before 3 March 2027." in mail.part("text/plain")


@pytest.mark.parametrize(("sooner", "owed"), [(timedelta(seconds=1), 1), (-timedelta(minutes=1), 0)])
def test_it_is_due_sixty_days_before_they_expire(sooner: timedelta, owed: int) -> None:
    reader_with(2, expire_in=policy.CREDIT_REMINDER_BEFORE - sooner)
    make_live_session()
    assert remind() == owed


def test_without_a_session_to_book_nothing_is_said_until_there_is_one() -> None:
    reader = reader_with(2)
    make_live_session(starts_in=SOON + timedelta(days=1))
    make_guest_seat(make_live_session(capacity=1))
    book(reader, make_live_session())
    make_live_session(published=False)
    assert remind() == 0
    make_live_session()
    assert remind() == 1


def test_without_credits_nothing_is_said() -> None:
    reader = reader_with(1)
    book(reader, make_live_session())
    make_live_session()
    assert remind() == 0


def test_closed_account_and_expired_credits_are_left_alone() -> None:
    User.objects.filter(pk=reader_with(2).pk).update(is_active=False)
    reader = make_user()
    grant = make_credits(reader, 2)
    CreditGrant.objects.filter(pk=grant.pk).update(
        valid_from=clock.now() - timedelta(days=2), expires_at=clock.now() - timedelta(days=1)
    )
    make_live_session()
    assert remind() == 0


def test_credits_that_expire_together_are_one_mail_even_after_some_are_used(smtp_server: MailServer) -> None:
    reader = reader_with(2)
    expires_at = CreditGrant.objects.get().expires_at
    CreditGrant.objects.filter(pk=make_credits(reader, 3).pk).update(expires_at=expires_at)
    sessions = [make_live_session() for _ in range(4)]
    assert remind() == 1
    deliver(smtp_server)
    assert smtp_server.mails[0].subject == "5 credits, 4 sessions left"
    for live_session in sessions[:3]:
        book(reader, live_session)
    assert remind() == 0


def test_credit_that_comes_back_later_is_not_brought_to_mind_again() -> None:
    reader = reader_with(1)
    live_session = make_live_session()
    assert remind() == 1
    cancel(book(reader, live_session))
    assert remind() == 0


def test_counts_are_those_of_the_moment_of_sending(smtp_server: MailServer) -> None:
    reader, sessions = reader_with(3), [make_live_session() for _ in range(3)]
    remind()
    book(reader, sessions[0])
    deliver(smtp_server)
    assert smtp_server.mails[0].subject == "2 credits, 2 sessions left"
    assert sessions[0].slug not in smtp_server.mails[0].part("text/plain")


@pytest.mark.parametrize(
    ("meanwhile", "state", "reason"),
    [
        ("credit used", "withheld", "no credit is left"),
        ("sold out", "withheld", "no session is left to book"),
        ("expired", "missed", "the credits have expired"),
        ("not wanted", "withheld", "not wanted"),
    ],
)
def test_it_is_not_sent_once_it_is_no_longer_of_use(smtp_server: MailServer, meanwhile: str, state: str, reason: str) -> None:
    reader, live_session = reader_with(1), make_live_session()
    remind()
    if meanwhile == "credit used":
        book(reader, live_session)
    elif meanwhile == "sold out":
        LiveSession.objects.update(capacity=1)
        make_guest_seat(live_session)
    elif meanwhile == "expired":
        CreditGrant.objects.update(expires_at=clock.now())
    else:
        say_wish(email=reader.email, topic=CREDIT_REMINDERS, is_wanted=False, now=clock.now())
    mail = deliver(smtp_server)
    assert (mail.state, mail.reason, smtp_server.mails) == (state, reason, [])


def test_one_click_ends_it_and_touches_no_other_mail(smtp_server: MailServer) -> None:
    reader = reader_with(2)
    make_live_session()
    remind()
    # The link says when it was made.
    with time_machine.travel(clock.now(), tick=False):
        deliver(smtp_server)
        way_out = unsubscribe_url(email=reader.email, topic=CREDIT_REMINDERS)
    [mail] = smtp_server.mails
    assert mail.message["List-Unsubscribe"].strip() == f"<{way_out}>"
    assert all(way_out in part for part in (mail.part("text/plain"), mail.part("text/html")))
    assert Client().post(urlsplit(way_out).path, {"List-Unsubscribe": "One-Click"}).status_code == 200
    OutgoingMail.objects.update(state="queued", sent_at=None, sent_bytes=None)
    assert deliver(smtp_server).reason == "not wanted"
    book(reader, make_live_session())
    confirmation = OutgoingMail.objects.get(kind="seat_confirmed", recipient=reader.email)
    assert deliver_mail(confirmation.pk, clock.now()) == "sent"


def test_reader_seated_under_another_spelling_is_not_offered_that_session() -> None:
    reader, live_session = reader_with(2), make_live_session()
    seat = make_guest_seat(live_session, reader)
    Seat.objects.filter(pk=seat.pk).update(attendee_email=reader.email.upper())
    assert remind() == 0


def test_full_batch_leaves_the_rest_for_the_next() -> None:
    for _ in range(3):
        reader_with(1)
    make_live_session()
    assert [queue_credit_reminders(now=clock.now(), limit=2) for _ in range(3)] == [2, 1, 0]
    assert remind_of_credits_task() == 0


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_at_once_owe_one_mail() -> None:
    for _ in range(5):
        reader_with(2)
    make_live_session()
    at_once([partial(queue_credit_reminders, now=clock.now(), limit=BATCH)] * 3)
    assert OutgoingMail.objects.filter(kind="credits_left").count() == 5
