"""The outbox in the admin: found, filtered, told in words, and tried again where that makes sense."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from redreport import clock
from redreport.audit.models import AuditEntry
from redreport.outbox.deliver import deliver_mail
from redreport.outbox.errors import ContentGone, NotFailed
from redreport.outbox.kinds import Verdict
from redreport.outbox.models import OutgoingMail
from redreport.outbox.retry import retry_mail
from redreport.outbox.why import why_not_sent
from sessions_live.models import Seat
from tests.factories import make_guest_seat, make_live_session, make_staff, make_user
from tests.fixtures_mail import MailServer
from tests.outbox_helpers import owe_mail, register_test_kind
from tests.staff import desk_of

LIST = "/admin/outbox/outgoingmail/"


def failed(smtp_server: MailServer, code: int = 550, **options: Any) -> OutgoingMail:
    """A mail that the relay refused for good."""
    register_test_kind("test_plain")
    mail = owe_mail(**options)
    smtp_server.answer(code, "no", stage="recipient")
    assert deliver_mail(mail.pk, clock.now()) == "failed"
    smtp_server.accept()
    mail.refresh_from_db()
    return mail


@pytest.mark.django_db(transaction=True)
def test_failed_mail_is_tried_again_with_the_same_message_id(smtp_server: MailServer) -> None:
    mail, staff = failed(smtp_server), make_staff()
    assert '<input type="submit" value="Try again">' in desk_of(staff).get(f"{LIST}{mail.pk}/change/").content.decode()
    page = desk_of(staff).post(f"{LIST}{mail.pk}/try-again/", follow=True).content.decode()
    assert "1 mail will be tried again within a minute." in page
    assert deliver_mail(mail.pk, clock.now()) == "sent"
    [received] = smtp_server.mails
    assert received.message["Message-ID"] == mail.message_id
    entry = AuditEntry.objects.get(verb="retried")
    assert (entry.actor, entry.target_id, entry.detail) == (staff, str(mail.pk), {"reason": "refused for good", "smtp_code": 550})


@pytest.mark.django_db(transaction=True)
def test_trying_twice_is_trying_once_and_what_was_sent_is_left_alone(smtp_server: MailServer) -> None:
    mail, staff, now = failed(smtp_server), make_staff(), clock.now()
    assert [retry_mail(mail_id=mail.pk, actor=staff, now=now) for _ in range(2)] == [True, False]
    assert AuditEntry.objects.filter(verb="retried").count() == 1
    deliver_mail(mail.pk, now)
    with pytest.raises(NotFailed):
        retry_mail(mail_id=mail.pk, actor=staff, now=now)
    assert len(smtp_server.mails) == 1
    mail.refresh_from_db()
    assert (mail.state, mail.attempts, mail.reason) == ("sent", 2, "")


@pytest.mark.django_db(transaction=True)
def test_mail_that_is_no_longer_true_is_withheld_when_it_is_tried_again(smtp_server: MailServer) -> None:
    mail = failed(smtp_server)
    register_test_kind("test_plain", guard=lambda mail, now: Verdict.withhold("the seat is canceled"))
    retry_mail(mail_id=mail.pk, actor=make_staff(), now=clock.now())
    assert deliver_mail(mail.pk, clock.now()) == "withheld"
    assert smtp_server.mails == []


@pytest.mark.django_db(transaction=True)
def test_code_is_never_sent_again(smtp_server: MailServer) -> None:
    reader = make_user()
    Client().post("/accounts/login/", {"login": reader.email})
    code = OutgoingMail.objects.get(kind="account_mail")
    smtp_server.answer(550, "no", stage="recipient")
    deliver_mail(code.pk, clock.now())
    with pytest.raises(ContentGone):
        retry_mail(mail_id=code.pk, actor=make_staff(), now=clock.now())
    client = desk_of()
    assert 'value="Try again"' not in client.get(f"{LIST}{code.pk}/change/").content.decode()
    page = client.post(f"{LIST}{code.pk}/try-again/", follow=True).content.decode()
    assert "said something that is gone, such as a code" in page
    code.refresh_from_db()
    assert code.state == "failed"


@pytest.mark.django_db(transaction=True)
def test_action_tries_the_failed_ones_among_the_ticked_again(smtp_server: MailServer) -> None:
    one, two = failed(smtp_server), failed(smtp_server, key="test_plain:2")
    sent = owe_mail(key="test_plain:3")
    deliver_mail(sent.pk, clock.now())
    form = {"action": "try_again", "_selected_action": [one.pk, two.pk, sent.pk]}
    page = desk_of().post(LIST, form, follow=True).content.decode()
    assert "2 mails will be tried again within a minute." in page
    assert "Test_plain to reader@example.com had not failed. It was left as it is." in page


@pytest.mark.django_db
def test_another_try_needs_the_permission_a_post_and_a_token(transactional_db: None, smtp_server: MailServer) -> None:
    mail, looker = failed(smtp_server), make_user(is_staff=True)
    looker.user_permissions.add(Permission.objects.get(codename="view_outgoingmail"))
    address = f"{LIST}{mail.pk}/try-again/"
    assert 'value="Try again"' not in desk_of(looker).get(f"{LIST}{mail.pk}/change/").content.decode()
    assert [desk_of(looker).post(address).status_code, desk_of().get(address).status_code] == [403, 405]
    assert "Try again" not in desk_of(looker).get(LIST).content.decode()
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(make_staff())
    assert strict.post(address).status_code == 403
    assert desk_of().post(f"{LIST}{mail.pk + 99}/try-again/").status_code == 404
    mail.refresh_from_db()
    assert mail.state == "failed"


@pytest.mark.parametrize(
    ("state", "reason", "code", "words"),
    [
        ("queued", "", None, ""),
        ("sent", "", 250, ""),
        ("queued", "relay: ConnectionRefusedError", None, "our own mail server cannot be reached"),
        ("queued", "refused for now", 451, "451: their server had a fault"),
        ("failed", "refused for good", 550, "Refused for good (550: there is no such address"),
        ("failed", "refused for good", 571, "571: their server refuses it for good"),
        ("failed", "refused for now", 452, "put off for four days (452: their server or mailbox is full)"),
        ("failed", "never_finished", None, "a fault of the program"),
        ("failed", "fault: KeyError", None, "could not be made (fault: KeyError)"),
        ("withheld", "not wanted", None, "does not want mails of this kind"),
        ("withheld", "the seat was handed over", None, "It was no longer true: the seat was handed over."),
        ("withheld", "code_expired", None, "can ask for a new one"),
        ("missed", "too late to be of use", None, "could not be sent in time"),
        ("missed", "the session is over", None, "Its moment had gone: the session is over."),
        ("bounced", "sent back: 550 no", None, "A server took it, and it came to nothing: sent back: 550 no."),
    ],
)
def test_why_a_mail_was_not_sent_is_said_in_words(state: str, reason: str, code: int | None, words: str) -> None:
    said = why_not_sent(OutgoingMail(state=state, reason=reason, smtp_code=code))
    assert words in said
    assert bool(said) == bool(words)


def test_mail_that_was_only_put_off_says_so() -> None:
    assert why_not_sent(OutgoingMail(state="sent", returned="put off: mailbox full")) == "Sent, but put off: mailbox full."


@pytest.mark.django_db(transaction=True)
def test_doors_and_codes_are_shown_to_nobody(smtp_server: MailServer) -> None:
    seat = make_guest_seat(make_live_session())
    mail = OutgoingMail.objects.get(kind="seat_confirmed")
    deliver_mail(mail.pk, clock.now())
    door = next(word for word in smtp_server.mails[0].part("text/plain").split() if "/door/" in word)
    Client().post("/accounts/login/", {"login": seat.attendee_email})
    code = OutgoingMail.objects.get(kind="account_mail")
    for row in (mail, code):
        page = desk_of().get(f"{LIST}{row.pk}/change/").content.decode()
        assert "Not kept: it held a code or a personal link." in page
        assert (door in page, "(private)" in page, "ciphertext" in page) == (False, True, False)
    assert door not in desk_of().get(LIST, {"q": seat.attendee_email}).content.decode()


@pytest.mark.django_db
def test_mails_are_found_by_recipient_and_key_and_filtered_by_state_and_kind() -> None:
    register_test_kind("test_plain")
    register_test_kind("test_other")
    owe_mail(recipient="ada@example.com")
    owe_mail("test_other", "test_other:7", recipient="bo@example.com")
    OutgoingMail.objects.filter(kind="test_other").update(state="missed", reason="the session is over")
    client = desk_of()

    def shown(**query: str) -> list[bool]:
        page = client.get(LIST, query).content.decode()
        return ["ada@example.com" in page, "bo@example.com" in page]

    assert shown(q="ADA@") == [True, False]
    assert shown(q="test_other:7") == [False, True]
    assert shown(state__exact="missed") == [False, True]
    assert shown(kind="test_plain") == [True, False]
    assert "Its moment had gone: the session is over." in client.get(LIST).content.decode()


@pytest.mark.django_db
def test_list_asks_the_same_number_of_questions_however_many_mails_there_are() -> None:
    register_test_kind("test_plain")
    client = desk_of()
    counts = []
    for number in (3, 40):
        for index in range(number):
            owe_mail(key=f"test_plain:{number}:{index}", context={"seat_id": index}, now=clock.now() - timedelta(days=index))
        client.get(LIST)
        with CaptureQueriesContext(connection) as captured:
            client.get(LIST)
        counts.append(len(captured))
    assert counts[0] == counts[1]
    assert Seat.objects.count() == 0
