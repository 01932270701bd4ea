"""One mail on its way out, against a real SMTP server."""

import hashlib
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from redreport.outbox import deliver, relay
from redreport.outbox.deliver import deliver_mail
from redreport.outbox.kinds import RenderedMail, Verdict
from redreport.outbox.message import OutgoingMessage
from redreport.outbox.models import OutgoingMail
from tests.fixtures_mail import MailServer
from tests.outbox_helpers import CALENDAR, deliver_until_quiet, owe_mail, register_test_kind

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def kinds_of_mail() -> None:
    register_test_kind("test_plain")
    register_test_kind("test_private", private=True)


@pytest.fixture
def now() -> datetime:
    return timezone.now()


def test_mail_carries_both_texts_and_the_calendar_twice(smtp_server: MailServer, now: datetime) -> None:
    mail = owe_mail(context={"calendar": True}, now=now)
    assert deliver_mail(mail.pk, now) == "sent"
    sent = smtp_server.mails[0]
    assert sent.recipients == ["reader@example.com"]
    assert sent.subject == "Café on Wednesday"
    assert sent.message["Reply-To"] == "desk@redreport.example"
    assert sent.message["Auto-Submitted"] == "auto-generated"
    assert sent.message["Message-ID"] == mail.message_id
    assert mail.message_id.endswith("@testserver>")
    assert sent.message["Date"].datetime == now.replace(microsecond=0)
    body, attachment = sent.message.iter_parts()
    assert body.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in body.iter_parts()] == ["text/plain", "text/html", "text/calendar"]
    alternative = list(body.iter_parts())[2]
    assert alternative.get_param("method") == "REQUEST"
    assert alternative.get_payload(decode=True) == CALENDAR
    assert attachment.get_filename() == "invite.ics"
    assert attachment.get_payload(decode=True) == CALENDAR


def test_sent_bytes_are_the_ones_the_server_got(smtp_server: MailServer, now: datetime) -> None:
    mail = owe_mail(now=now)
    deliver_mail(mail.pk, now)
    mail.refresh_from_db()
    assert (mail.state, mail.sent_at, mail.smtp_code, mail.subject) == ("sent", now, 250, "Café on Wednesday")
    assert bytes(mail.sent_bytes or b"") == smtp_server.mails[0].raw
    assert mail.sent_sha256 == hashlib.sha256(smtp_server.mails[0].raw).hexdigest()


def test_private_mail_leaves_no_body_subject_or_secret_behind(smtp_server: MailServer, now: datetime) -> None:
    mail = owe_mail("test_private", secret={"code": "123456"}, now=now)
    assert b"123456" not in bytes(mail.secret or b"")
    assert mail.read_secret() == {"code": "123456"}
    deliver_mail(mail.pk, now)
    mail.refresh_from_db()
    assert (mail.state, mail.secret, mail.sent_bytes, mail.subject) == ("sent", None, None, "")
    assert mail.sent_sha256 == hashlib.sha256(smtp_server.mails[0].raw).hexdigest()


def test_secret_sealed_with_the_old_key_is_still_read(settings: pytest.FixtureRequest, now: datetime) -> None:
    mail = owe_mail("test_private", secret={"code": "123456"}, now=now)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]  # type: ignore[attr-defined]
    settings.SECRET_KEY = "the next key"  # type: ignore[attr-defined]
    assert mail.read_secret() == {"code": "123456"}


def test_a_delivered_mail_is_not_sent_again(smtp_server: MailServer, now: datetime) -> None:
    mail = owe_mail(now=now)
    deliver_mail(mail.pk, now)
    assert deliver_mail(mail.pk, now + timedelta(hours=1)) is None
    assert len(smtp_server.mails) == 1


def test_a_mail_waits_until_it_is_due(smtp_server: MailServer, now: datetime) -> None:
    mail = owe_mail(now=now, due_at=now + timedelta(minutes=5))
    assert deliver_mail(mail.pk, now) is None
    assert deliver_mail(mail.pk, now + timedelta(minutes=5)) == "sent"


def test_server_down_for_hours_loses_nothing_and_drains_soon_after(smtp_server: MailServer, now: datetime) -> None:
    smtp_server.stop()
    owe_mail(now=now)
    owe_mail(key="test_plain:2", now=now)
    mail = deliver_until_quiet(now, hours=9)
    assert (mail.state, mail.reason) == ("queued", "relay: ConnectionRefusedError")
    smtp_server.start()
    deliver_until_quiet(now + timedelta(hours=9), hours=0.2)
    assert set(OutgoingMail.objects.values_list("state", flat=True)) == {"sent"}
    assert len(smtp_server.mails) == 2


def test_while_the_server_is_down_only_one_mail_a_minute_finds_that_out(smtp_server: MailServer, now: datetime) -> None:
    smtp_server.stop()
    first, second = owe_mail(now=now), owe_mail(key="test_plain:2", now=now)
    assert deliver_mail(first.pk, now) == "queued"
    assert deliver_mail(second.pk, now) is None
    second.refresh_from_db()
    assert second.attempts == 0
    assert relay.is_resting(now + timedelta(seconds=30))
    assert not relay.is_resting(now + timedelta(seconds=60))


def test_refused_for_now_is_tried_again_until_taken(smtp_server: MailServer, now: datetime) -> None:
    smtp_server.answer(451, "greylisted", times=2)
    owe_mail(now=now)
    mail = deliver_until_quiet(now, hours=0.2)
    assert (mail.state, mail.attempts, len(smtp_server.mails)) == ("sent", 3, 1)


def test_waits_grow_but_never_beyond_ten_minutes(smtp_server: MailServer, now: datetime) -> None:
    smtp_server.answer(450, stage="recipient")
    mail = owe_mail(now=now)
    waits = []
    for _ in range(8):
        deliver_mail(mail.pk, now)
        mail.refresh_from_db()
        waits.append((mail.due_at - now).total_seconds())
        now = mail.due_at
    assert waits == [30, 60, 120, 240, 480, 600, 600, 600]
    assert mail.smtp_code == 450


def test_a_recipient_who_is_put_off_for_days_is_given_up(smtp_server: MailServer, now: datetime) -> None:
    smtp_server.answer(452, stage="recipient")
    mail = owe_mail(now=now)
    deliver_mail(mail.pk, now)
    assert deliver_mail(mail.pk, now + timedelta(days=3)) == "queued"
    assert deliver_mail(mail.pk, now + timedelta(days=4)) == "failed"


@pytest.mark.parametrize("stage", ["recipient", "data"])
def test_refused_for_good_fails_at_once_with_the_code(smtp_server: MailServer, now: datetime, stage: str) -> None:
    smtp_server.answer(550, "no such user", stage=stage)  # type: ignore[arg-type]
    mail = owe_mail(now=now, secret={"code": "123456"})
    assert deliver_mail(mail.pk, now) == "failed"
    mail.refresh_from_db()
    assert (mail.smtp_code, mail.reason, mail.secret) == (550, "refused for good", None)
    assert not relay.is_resting(now)
    assert deliver_mail(mail.pk, now + timedelta(days=1)) is None


def test_a_wrong_password_of_ours_is_waited_out(smtp_server: MailServer, now: datetime, settings: pytest.FixtureRequest) -> None:
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "house", "wrong"  # type: ignore[attr-defined]
    mail = owe_mail(now=now)
    assert deliver_mail(mail.pk, now) == "queued"
    mail.refresh_from_db()
    assert mail.reason.startswith("relay: SMTP")
    assert deliver_mail(mail.pk, now + timedelta(days=5)) == "queued"


def test_answer_lost_after_acceptance_sends_again_with_the_same_message_id(smtp_server: MailServer, now: datetime) -> None:
    smtp_server.lose_answers()
    mail = owe_mail(now=now)
    assert deliver_mail(mail.pk, now) == "queued"
    smtp_server.accept()
    assert deliver_mail(mail.pk, now + timedelta(minutes=1)) == "sent"
    assert [sent.message["Message-ID"] for sent in smtp_server.mails] == [mail.message_id] * 2
    mail.refresh_from_db()
    assert mail.duplicate_risk == 1


def test_worker_killed_between_acceptance_and_commit_sends_again_with_the_same_message_id(
    smtp_server: MailServer, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: object) -> bool:
        raise Killed

    mail = owe_mail(now=now)
    with monkeypatch.context() as patched:
        patched.setattr(deliver, "_record", killed)
        with pytest.raises(Killed):
            deliver_mail(mail.pk, now)
    assert deliver_mail(mail.pk, now + timedelta(minutes=1)) is None
    assert deliver_mail(mail.pk, now + deliver.CLAIM) == "sent"
    mail.refresh_from_db()
    assert mail.duplicate_risk == 1
    assert [sent.message["Message-ID"] for sent in smtp_server.mails] == [mail.message_id] * 2


def test_a_mail_that_kills_every_worker_is_set_aside(now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    def killed(mail: OutgoingMail) -> RenderedMail:
        raise Killed

    register_test_kind("test_deadly", render=killed)
    mail = owe_mail("test_deadly", now=now)
    for _ in range(deliver.MAX_LOST_CLAIMS + 1):
        with pytest.raises(Killed):
            deliver_mail(mail.pk, now)
        now += deliver.CLAIM
    assert deliver_mail(mail.pk, now) is None
    mail.refresh_from_db()
    assert (mail.state, mail.reason) == ("failed", "never_finished")


def test_outcome_of_a_worker_that_lost_its_claim_does_not_count(
    smtp_server: MailServer, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The slow worker comes back after its claim ran out and another has sent the mail: its own 'try later' changes nothing."""
    mail = owe_mail(now=now)
    really_send = relay.send

    def overtaken(message: OutgoingMessage, at: datetime) -> relay.Reply:
        monkeypatch.setattr(relay, "send", really_send)
        assert deliver_mail(mail.pk, now + deliver.CLAIM) == "sent"
        return relay.Reply(ours=True, reason="relay: slow")

    monkeypatch.setattr(relay, "send", overtaken)
    assert deliver_mail(mail.pk, now) is None
    mail.refresh_from_db()
    assert (mail.state, mail.attempts) == ("sent", 2)


@pytest.mark.parametrize(
    ("verdict", "state"), [(Verdict.withhold("seat_canceled"), "withheld"), (Verdict.miss("too_late"), "missed")]
)
def test_guard_keeps_back_what_is_no_longer_true(smtp_server: MailServer, now: datetime, verdict: Verdict, state: str) -> None:
    register_test_kind("test_guarded", guard=lambda mail, at: verdict)
    mail = owe_mail("test_guarded", now=now, secret={"code": "123456"})
    assert deliver_mail(mail.pk, now) == state
    mail.refresh_from_db()
    assert (mail.reason, mail.secret, smtp_server.attempts) == (verdict.reason, None, 0)


def test_poison_is_set_aside_after_five_faults_and_names_only_the_error(
    smtp_server: MailServer, now: datetime, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    def poison(mail: OutgoingMail) -> RenderedMail:
        raise ZeroDivisionError("reader@example.com")

    register_test_kind("test_poison", render=poison)
    owe_mail("test_poison", now=now)
    mail = deliver_until_quiet(now, hours=2)
    assert (mail.state, mail.reason, mail.faults) == ("failed", "fault: ZeroDivisionError", 5)
    assert "reader@example.com" not in caplog.text + capsys.readouterr().out


def test_unknown_kind_is_a_fault_not_a_crash(now: datetime) -> None:
    mail = owe_mail("nobody_registered_this", now=now)
    assert deliver_mail(mail.pk, now) == "queued"
    mail.refresh_from_db()
    assert mail.reason == "fault: LookupError"


@pytest.mark.parametrize("recipient", ["reader@example.com\nBcc: all@example.com", "reader@example.com\r\n\r\nhello"])
def test_a_line_break_in_the_recipient_sends_nothing(smtp_server: MailServer, now: datetime, recipient: str) -> None:
    owe_mail(now=now, recipient=recipient)
    assert deliver_until_quiet(now, hours=2).reason == "fault: BadHeaderError"
    assert smtp_server.attempts == 0


def test_a_line_break_in_the_subject_sends_nothing(smtp_server: MailServer, now: datetime) -> None:
    register_test_kind("test_subject", render=lambda mail: RenderedMail("Hello\r\nBcc: all@example.com", "t", "<p>h</p>"))
    owe_mail("test_subject", now=now)
    assert deliver_until_quiet(now, hours=2).reason == "fault: BadHeaderError"
    assert smtp_server.attempts == 0


def test_a_goodbye_that_goes_wrong_does_not_make_a_sent_mail_look_unsent(
    smtp_server: MailServer, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def goodbye(self: object) -> None:
        raise TimeoutError

    monkeypatch.setattr("smtplib.SMTP.quit", goodbye)
    mail = owe_mail(now=now)
    assert deliver_mail(mail.pk, now) == "sent"
    assert len(smtp_server.mails) == 1
