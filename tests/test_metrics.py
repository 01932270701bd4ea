"""What monitoring reads."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from redreport import clock
from redreport.desk.metrics import gauges
from redreport.outbox.models import Heartbeat, OutgoingMail
from redreport.outbox.tasks import heartbeat_task
from subscriptions.models import Case, Order, Payment, Plan, Price, Reconciliation, Refund, StripeEvent
from subscriptions.operations.refunds import owe_refund
from subscriptions.operations.subscribers import subscriber_of
from subscriptions.selectors import orders_paid_not_given
from subscriptions.tasks import sweep_orders
from tests.factories import make_price, make_user
from tests.outbox_helpers import owe_mail

pytestmark = pytest.mark.django_db


def test_metrics_exist_only_for_who_brings_the_token(settings: Any) -> None:
    assert Client().get("/metrics").status_code == 404
    settings.METRICS_TOKEN = "a token of ours"
    assert Client().get("/metrics", headers={"authorization": "Bearer another"}).status_code == 404
    answer = Client().get("/metrics", headers={"authorization": "Bearer a token of ours"})
    assert (answer.status_code, b"redreport_mails_waiting 0\n" in answer.content) == (200, True)


def test_nothing_waits_in_an_empty_house() -> None:
    found = dict(gauges(clock.now()))
    never_heard_of = {f"worker_{queue}_heard_seconds_ago" for queue in ("celery", "mail", "stripe")}
    assert {name: value for name, value in found.items() if value} == dict.fromkeys(never_heard_of, -1)


def test_every_gauge_counts_what_it_names(django_assert_num_queries: Any) -> None:
    now = clock.now()
    owe_mail(key="test:new", now=now - timedelta(seconds=60))
    owe_mail(key="test:old", now=now - timedelta(seconds=600))
    for state in ("failed", "withheld", "missed"):
        owe_mail(key=f"test:{state}", now=now - timedelta(days=1))
        OutgoingMail.objects.filter(key=f"test:{state}").update(state=state)
    for state, seconds in (("received", 30), ("received", 90), ("received", 240), ("failed", 900), ("processed", 900)):
        make_event(state, now - timedelta(seconds=seconds))
    given, not_given, owed = (make_paid_order(now) for _ in range(3))
    Order.objects.filter(pk=given.pk).update(fulfilled_at=now)
    owe_refund_of(owed, now)
    for number, state in enumerate(("opened", "opened", "settled")):
        settled = {"settled_at": now, "resolution": "A test's"} if state == "settled" else {}
        Case.objects.create(key=f"case:{number}", kind="refund_failed", state=state, summary="A test's", opened_at=now, **settled)

    for hours, finished, differences in ((1, False, 9), (3, True, 7), (25, True, 5)):
        began = now - timedelta(hours=hours)
        Reconciliation.objects.create(
            started_at=began, finished_at=began if finished else None, since=began, found=differences, lines=[]
        )

    heartbeat_task()
    Heartbeat.objects.create(queue="stripe", beaten_at=now - timedelta(seconds=240))
    with django_assert_num_queries(7):
        found = dict(gauges(now))
    assert found == {
        "mails_waiting": 2,
        "mails_oldest_seconds": 600,
        "mails_failed": 1,
        "stripe_events_waiting": 3,
        "stripe_events_oldest_seconds": 240,
        "stripe_events_failed": 1,
        "orders_paid_not_given": 1,
        "refunds_pending": 1,
        "cases_open": 2,
        "reconciled_seconds_ago": 3 * 3600,
        "reconciliation_differences": 7,
        "worker_mail_heard_seconds_ago": 0,
        "worker_stripe_heard_seconds_ago": 240,
        "worker_celery_heard_seconds_ago": -1,
    }
    assert orders_paid_not_given().get() == not_given


@pytest.mark.parametrize(
    ("change", "is_counted"),
    [
        ({}, True),
        ({"state": "partly_refunded"}, True),
        ({"state": "pending", "paid_at": None}, False),
        ({"state": "refunded"}, False),
        ({"fulfilled_at": clock.now()}, False),
    ],
)
def test_paid_and_not_given_is_what_the_sweep_will_give(change: dict[str, Any], is_counted: bool) -> None:
    Order.objects.filter(pk=make_paid_order(clock.now()).pk).update(**change)
    assert dict(gauges(clock.now()))["orders_paid_not_given"] == is_counted
    assert sweep_orders(now=clock.now()) == is_counted


def make_event(state: str, received_at: datetime) -> None:
    number = StripeEvent.objects.count()
    StripeEvent.objects.create(
        stripe_event_id=f"evt_{number}",
        type="checkout.session.completed",
        livemode=False,
        state=state,
        occurred_at=received_at,
        received_at=received_at,
    )


def make_paid_order(now: datetime) -> Order:
    """An order for a year that is paid, of which no Stripe knows."""
    return Order.objects.create(
        subscriber=subscriber_of(make_user()),
        kind=Order.Kind.YEAR,
        state=Order.State.PAID,
        price=Price.objects.first() or make_price(Plan.ANNUAL),
        amount_minor=250000,
        currency="usd",
        created_at=now,
        expires_at=now,
        checkout_expires_at=now,
        paid_at=now,
        consented_at=now,
        consent_version="1",
    )


def owe_refund_of(order: Order, now: datetime) -> None:
    payment = Payment.objects.create(
        order=order,
        subscriber=order.subscriber,
        stripe_payment_intent_id=f"pi_{order.pk}",
        amount_minor=order.amount_minor,
        currency=order.currency,
        captured_at=now,
        recorded_at=now,
    )
    assert owe_refund(payment_id=payment.pk, reason=Refund.Reason.PAID_TWICE, now=now)
