"""What the fixtures promise to every other test."""

import smtplib
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.db import connection
from kombu.exceptions import OperationalError
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page

from redreport.celery import app
from redreport.local.processes import Process
from tests.fixtures_mail import MailServer
from tests.stack import wait_for


@pytest.mark.django_db
def test_the_database_is_postgresql_in_utf8_with_locale_aware_lowercase() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_encoding'), lower('ÄÉ')")
        assert cursor.fetchone() == ("UTF8", "äé")


def test_mail_goes_over_a_real_socket(smtp_server: MailServer) -> None:
    EmailMessage("Seat confirmed", "Until Wednesday.", "desk@redreport.example", ["reader@example.com"]).send()
    assert [(mail.recipients, mail.subject) for mail in smtp_server.mails] == [(["reader@example.com"], "Seat confirmed")]
    assert smtp_server.mails[0].part("text/plain").strip() == "Until Wednesday."


def test_mail_server_answers_as_told(smtp_server: MailServer) -> None:
    mail = EmailMessage("Subject", "Text", "desk@redreport.example", ["reader@example.com"])
    smtp_server.answer(451, times=1)
    with pytest.raises(smtplib.SMTPDataError) as refused:
        mail.send()
    assert refused.value.smtp_code == 451
    smtp_server.answer(550, stage="recipient")
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        mail.send()
    assert smtp_server.mails == []
    smtp_server.accept()
    smtp_server.lose_answers()
    with pytest.raises(smtplib.SMTPServerDisconnected):
        mail.send()
    assert len(smtp_server.mails) == 1
    smtp_server.stop()
    with pytest.raises(ConnectionRefusedError):
        mail.send()
    smtp_server.accept()
    smtp_server.start()
    assert mail.send() == 1


def test_mail_without_a_server_fails_loudly() -> None:
    with pytest.raises(ConnectionRefusedError):
        EmailMessage("Subject", "Text", "desk@redreport.example", ["reader@example.com"]).send()


def test_publishing_reaches_the_broker(broker: str) -> None:
    app.send_task("redreport.nothing", args=[1])
    with app.connection_for_read() as link:
        assert link.default_channel.queue_declare("celery", passive=True).message_count == 1


def test_publishing_fails_quickly_when_the_broker_is_down(broker_down: None) -> None:
    started = time.monotonic()
    with pytest.raises(OperationalError):
        app.send_task("redreport.nothing", args=[1])
    assert time.monotonic() - started < 5


@pytest.mark.django_db(transaction=True)
def test_a_real_worker_runs_what_was_published(celery_worker_process: Callable[..., Process], smtp_server: MailServer) -> None:
    worker = celery_worker_process(EMAIL_URL=smtp_server.url)
    app.send_task("redreport.outbox.sweep_outbox")
    wait_for(lambda: "succeeded in" in worker.output(), "the task")


def test_the_browser_reaches_this_machine_and_no_other(page: Page, live_server: Any) -> None:
    answer = page.goto(f"{live_server.url}/healthz")
    assert answer is not None
    assert answer.status == 200
    with pytest.raises(PlaywrightError, match="ERR_NAME_NOT_RESOLVED"):
        page.goto("http://example.com/")
