"""Mail, Stripe and the rest wait in queues of their own, and every queue has its workers."""

from collections.abc import Callable

import pytest
from celery.signals import beat_init
from django.conf import settings
from django.test import Client

from redreport import clock
from redreport.celery import app
from redreport.local.processes import Process
from redreport.local.supervisor import WORKERS
from redreport.outbox.heartbeats import is_silent, last_heartbeats
from redreport.outbox.models import Heartbeat
from subscriptions.models import StripeEvent
from subscriptions.tasks import process_event_task
from tests import environment
from tests.factories import make_user
from tests.fixtures_mail import MailServer
from tests.fixtures_shop import Shop
from tests.stack import wait_for

QUEUE_OF = {
    "redreport.outbox": "mail",
    "subscriptions": "stripe",
    "redreport.accounts": "stripe",
    "sessions_live": "celery",
    "redreport.desk": "celery",
    "redreport.limits": "celery",
}


def test_every_task_goes_to_the_queue_of_its_room() -> None:
    app.finalize()
    app.loader.import_default_modules()
    names = [name for name in app.tasks if not name.startswith("celery.")]
    assert {entry["task"] for entry in app.conf.beat_schedule.values()} <= set(names)
    for name in names:
        assert app.amqp.router.route({}, name)["queue"].name == QUEUE_OF[name.rpartition(".")[0]]


def test_the_local_stack_takes_from_every_queue_and_so_does_a_worker_that_is_told_none() -> None:
    queues = sorted(queue for told, _ in WORKERS.values() for queue in told)
    assert queues == sorted(settings.CELERY_TASK_QUEUES) == sorted(app.amqp.queues.consume_from)


@pytest.mark.parametrize("queue", ["celery", "mail", "stripe"])
def test_each_queue_is_bound_by_its_own_name(queue: str) -> None:
    """On RabbitMQ a message would else reach all queues of one exchange."""
    assert (app.amqp.queues[queue].exchange.type, app.amqp.queues[queue].routing_key) == ("direct", queue)


@pytest.mark.django_db
def test_each_queue_has_a_heartbeat_that_its_own_worker_takes() -> None:
    app.loader.import_default_modules()
    beats = [entry["task"] for name, entry in app.conf.beat_schedule.items() if name.startswith("heartbeat")]
    for name in beats:
        app.tasks[name]()
        queue = app.amqp.router.route({}, name)["queue"].name
        assert Heartbeat.objects.filter(queue=queue).count() == 1
    assert sorted(Heartbeat.objects.values_list("queue", flat=True)) == sorted(settings.CELERY_TASK_QUEUES)
    assert [queue for queue, at in last_heartbeats().items() if is_silent(at, clock.now())] == []


def test_heartbeats_are_asked_for_as_soon_as_the_clock_starts(broker: str) -> None:
    beat_init.send(sender=None)
    with environment.BROKER.client as client:
        assert [client.llen(queue) for queue in settings.CELERY_TASK_QUEUES] == [1, 1, 1]


def test_a_sign_in_code_does_not_wait_for_a_silent_stripe(
    shop: Shop, celery_worker_process: Callable[..., Process], smtp_server: MailServer
) -> None:
    reader, order = make_user(), shop.hold_seat()
    shop.pay(order)
    assert shop.post_webhook(shop.events("checkout.session.completed")[0]) == 200
    silence = shop.stripe.fault("hang", path="/v1/*", count=1000, seconds=120)
    told = {"STRIPE_API_BASE": settings.STRIPE_API_BASE, "EMAIL_URL": smtp_server.url}
    for queues, concurrency in WORKERS.values():
        celery_worker_process(queues=queues, concurrency=concurrency, **told)
    event = StripeEvent.objects.get()
    for _ in range(20):
        process_event_task.delay(event.pk)
    shop.stripe.wait_until_waiting(silence)

    Client().post("/accounts/login/", {"login": reader.email})
    wait_for(lambda: smtp_server.mails, "the code", 10)
    event.refresh_from_db()
    assert (event.state, event.attempts) == ("received", 1)
