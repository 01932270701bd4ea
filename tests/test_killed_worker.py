"""kill -9 of the worker in the middle of confirming: after the sweep one seat, and at least one mail with one Message-ID."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from redreport import clock
from redreport.local.processes import Process
from redreport.outbox.models import OutgoingMail
from redreport.outbox.sweep import sweep_outbox
from sessions_live.models import LiveSession, Seat
from subscriptions.models import Order, Payment, StripeEvent
from tests.fixtures_mail import MailServer
from tests.fixtures_shop import Shop
from tests.stack import wait_for

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


def somebody_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(WAITING)
        return bool(cursor.fetchone()[0])


@contextmanager
def session_locked_by_another(live_session: LiveSession | None) -> Iterator[None]:
    """Another connection holds the session's row."""
    assert live_session is not None
    other = connection.copy()
    other.set_autocommit(False)
    with other.cursor() as cursor:
        cursor.execute("SELECT 1 FROM sessions_live_livesession WHERE id = %s FOR UPDATE", [live_session.pk])
    try:
        yield
    finally:
        other.rollback()
        other.close()


def test_worker_killed_while_confirming_leaves_one_seat_and_its_mail(
    shop: Shop, celery_worker_process: Callable[..., Process], smtp_server: MailServer, settings: Any
) -> None:
    order = shop.hold_seat()
    shop.pay(order)
    worker = celery_worker_process(STRIPE_API_BASE=settings.STRIPE_API_BASE, EMAIL_URL=smtp_server.url)
    with session_locked_by_another(order.live_session):
        # The worker records the payment and then stands still on its way to the seat.
        assert shop.post_webhook(shop.events("checkout.session.completed")[0]) == 200
        wait_for(somebody_waits_for_a_lock, "the worker to stand at the session's lock")
        os.killpg(worker.popen.pid, signal.SIGKILL)
    order.refresh_from_db()
    assert (order.state, order.fulfilled_at, Seat.objects.get().state) == ("paid", None, "held")

    shop.sweep()
    sweep_outbox(clock.now())
    celery_worker_process(STRIPE_API_BASE=settings.STRIPE_API_BASE, EMAIL_URL=smtp_server.url)
    wait_for(lambda: OutgoingMail.objects.get().state == "sent", "the confirmation to be sent")

    assert (Seat.objects.count(), Seat.objects.get().state, Payment.objects.count()) == (1, "confirmed", 1)
    assert Order.objects.get().fulfilled_at is not None
    assert {mail.message["Message-ID"] for mail in smtp_server.mails} == {OutgoingMail.objects.get().message_id}
    assert StripeEvent.objects.count() == 1
