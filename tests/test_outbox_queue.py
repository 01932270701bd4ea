"""Mails are owed by the transaction that causes them, handed to workers, and swept up when nobody came."""

import asyncio
import os
import re
import signal
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from redreport.accounts.models import User
from redreport.celery import app
from redreport.local.processes import Process
from redreport.outbox.deliver import CLAIM, deliver_mail
from redreport.outbox.models import OutgoingMail
from redreport.outbox.sweep import BATCH, HANDED, sweep_outbox
from tests.fixtures_mail import MailServer
from tests.outbox_helpers import owe_mail, register_test_kind
from tests.ports import free_ports

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def kinds_of_mail() -> None:
    register_test_kind("test_plain")
    register_test_kind("test_private", private=True)


@pytest.fixture
def now() -> datetime:
    return timezone.now()


def waiting_messages() -> int:
    with app.connection_for_read() as link:
        return int(link.default_channel.queue_declare("mail", passive=True).message_count)


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.05)


def test_one_key_is_one_mail(broker: str, now: datetime) -> None:
    first = owe_mail(now=now)
    assert owe_mail(now=now + timedelta(hours=1), recipient="other@example.com") == first
    assert OutgoingMail.objects.get().recipient == "reader@example.com"
    assert waiting_messages() == 1


def test_mail_is_owed_only_if_its_transaction_commits(broker: str, now: datetime) -> None:
    owe_mail(key="test_plain:0", now=now)
    with transaction.atomic():
        owe_mail(now=now)
        transaction.set_rollback(True)
    assert OutgoingMail.objects.count() == 1
    assert waiting_messages() == 1


def test_broker_down_loses_no_mail_and_raises_nothing(broker_down: None, smtp_server: MailServer, now: datetime) -> None:
    mail = owe_mail(now=now)
    assert deliver_mail(mail.pk, now) == "sent"


def test_sweep_hands_over_what_is_due_and_not_again_at_once(broker: str, now: datetime) -> None:
    due = owe_mail(key="test_plain:due", now=now, due_at=now + timedelta(minutes=1))
    owe_mail(key="test_plain:later", now=now, due_at=now + timedelta(hours=1))
    assert sweep_outbox(now) == []
    at = now + timedelta(minutes=1)
    assert sweep_outbox(at) == [due.pk]
    assert sweep_outbox(at + timedelta(minutes=1)) == []
    assert sweep_outbox(at + HANDED) == [due.pk]
    assert waiting_messages() == 2


def test_sweep_finds_mails_whose_worker_died(broker: str, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    mail = owe_mail(now=now)
    monkeypatch.setattr("redreport.outbox.deliver._record", killed)
    with pytest.raises(Killed):
        deliver_mail(mail.pk, now)
    assert sweep_outbox(now + timedelta(minutes=1)) == []
    assert sweep_outbox(now + CLAIM) == [mail.pk]


def test_sweep_takes_a_bounded_batch_the_longest_due_first(broker: str, now: datetime) -> None:
    OutgoingMail.objects.bulk_create(
        OutgoingMail(
            kind="test_plain", key=f"test_plain:{number}", recipient="reader@example.com", due_at=now - timedelta(minutes=number)
        )
        for number in range(BATCH + 20)
    )
    swept = sweep_outbox(now)
    assert len(swept) == BATCH
    assert set(sweep_outbox(now)) == set(OutgoingMail.objects.order_by("-due_at").values_list("pk", flat=True)[:20])


def test_two_sweeps_at_once_share_the_work(broker: str, now: datetime) -> None:
    for number in range(20):
        owe_mail(key=f"test_plain:{number}", now=now, due_at=now + timedelta(minutes=1))
    barrier, swept = Barrier(2), []

    def sweep() -> None:
        barrier.wait()
        swept.extend(sweep_outbox(now + timedelta(minutes=1)))
        connection.close()

    in_threads(sweep, 2)
    assert len(swept) == len(set(swept)) == 20


def test_sweep_reads_an_index_that_knows_only_open_mails(now: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        plan = OutgoingMail.objects.filter(state__in=OutgoingMail.OPEN_STATES, due_at__lte=now).order_by("due_at").explain()
        cursor.execute("RESET enable_seqscan")
    assert "outgoingmail_due" in plan


def in_threads(work: Callable[[], None], count: int) -> None:
    threads = [Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_several_workers_with_one_mail_send_it_once(smtp_server: MailServer, now: datetime) -> None:
    mail = owe_mail(now=now)
    barrier, outcomes = Barrier(4), []

    def work() -> None:
        barrier.wait()
        outcomes.append(deliver_mail(mail.pk, now))
        connection.close()

    in_threads(work, 4)
    assert sorted(outcomes, key=str) == [None, None, None, "sent"]
    assert len(smtp_server.mails) == 1


def test_a_real_worker_mails_the_code_that_a_reader_asked_for(
    client: Client, smtp_server: MailServer, celery_worker_process: Callable[..., Process]
) -> None:
    User.objects.create_user("ada@example.com", name="Ada")
    celery_worker_process(EMAIL_URL=smtp_server.url)
    client.post("/accounts/login/", {"login": "ada@example.com"})
    wait_for(lambda: len(smtp_server.mails) == 1)
    found = re.match(r"(\d{6}) is your sign-in code", smtp_server.mails[0].subject)
    assert found
    client.post("/accounts/login/code/confirm/", {"code": found[1]})
    assert "_auth_user_id" in client.session
    wait_for(lambda: OutgoingMail.objects.get().state == "sent")
    assert OutgoingMail.objects.get().secret is None


class SilentAfterTaking(MailServer):
    """Takes a message, and does not say so until the client is gone."""

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        answer = await super().handle_DATA(server, session, envelope)
        if len(self.mails) == 1:
            await asyncio.sleep(60)
        return answer


def test_kill_9_of_a_real_worker_after_acceptance_sends_again_with_the_same_message_id(
    client: Client, settings: Any, celery_worker_process: Callable[..., Process]
) -> None:
    server = SilentAfterTaking(free_ports())
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
    server.start()
    try:
        User.objects.create_user("ada@example.com", name="Ada")
        worker = celery_worker_process(EMAIL_URL=server.url)
        client.post("/accounts/login/", {"login": "ada@example.com"})
        wait_for(lambda: len(server.mails) == 1)
        os.killpg(worker.popen.pid, signal.SIGKILL)
        mail = OutgoingMail.objects.get()
        assert (mail.state, mail.attempts) == ("sending", 1)
        assert deliver_mail(mail.pk, timezone.now() + CLAIM) == "sent"
    finally:
        server.stop()
    mail.refresh_from_db()
    assert mail.duplicate_risk == 1
    assert [sent.message["Message-ID"] for sent in server.mails] == [mail.message_id] * 2


def test_admin_lists_mails_and_never_shows_private_ones(client: Client, smtp_server: MailServer, now: datetime) -> None:
    client.force_login(User.objects.create_superuser("desk@example.com", name="Desk"))
    plain, private = owe_mail(now=now), owe_mail("test_private", key="test_private:1", secret={"code": "123456"}, now=now)
    for mail in (plain, private):
        deliver_mail(mail.pk, now)
    address = "/admin/outbox/outgoingmail/"
    listed: Any = client.get(address, {"q": "reader@example.com"}).content.decode()
    assert listed.count("reader@example.com</td>") == 2
    assert "Café" not in listed
    assert "Your seat: 北京" in client.get(f"{address}{plain.pk}/change/").content.decode()
    page = client.get(f"{address}{private.pk}/change/").content.decode()
    assert "Not kept: it held a code or a personal link." in page
    assert "Café" not in page
    assert client.post(f"{address}{plain.pk}/delete/", {"post": "yes"}).status_code == 403
