"""What workers do, by the row. Each sweep takes a bounded batch of due rows, and one row's trouble never stops the others."""

from collections.abc import Callable, Iterable
from datetime import datetime

import structlog
from celery import shared_task

from redreport import clock
from subscriptions.errors import GatewayUnavailable, ObjectBusy
from subscriptions.models import Order, Refund, StripeEvent
from subscriptions.operations.checkouts import check_order
from subscriptions.operations.refunds import submit_refund
from subscriptions.webhooks.inbox import process_event

log = structlog.get_logger(__name__)

BATCH = 100


@shared_task(name="subscriptions.process_event")
def process_event_task(event_id: int) -> None:
    """Act on one of Stripe's events."""
    process_event(event_id=event_id, now=clock.now())


@shared_task(name="subscriptions.sweep_events")
def sweep_events_task() -> int:
    """Act on stored events that no worker finished; returns how many were tried."""
    now = clock.now()
    due = StripeEvent.objects.filter(due_at__lte=now).order_by("due_at", "id")
    return _each(due.values_list("id", flat=True)[:BATCH], lambda pk: process_event(event_id=pk, now=now))


@shared_task(name="subscriptions.sweep_orders")
def sweep_orders_task() -> int:
    """Finish orders that are paid but not given, and compare those due with Stripe; returns how many were tried."""
    return sweep_orders(now=clock.now())


@shared_task(name="subscriptions.sweep_refunds")
def sweep_refunds_task() -> int:
    """Carry out refunds that are owed; returns how many were tried."""
    now = clock.now()
    due = Refund.objects.filter(state=Refund.State.PENDING, next_attempt_at__lte=now).order_by("next_attempt_at", "id")
    return _each(due.values_list("id", flat=True)[:BATCH], lambda pk: submit_refund(refund_id=pk, now=now))


def sweep_orders(*, now: datetime) -> int:
    """The sweep of orders at `now`."""
    paid_not_given = Order.objects.filter(
        state__in=[Order.State.PAID, Order.State.PARTLY_REFUNDED],
        paid_at__isnull=False,
        fulfilled_at__isnull=True,
        payments__refunds__isnull=True,
    )
    to_compare = Order.objects.filter(next_check_at__lte=now)
    due = [
        *paid_not_given.order_by("paid_at").values_list("id", flat=True)[:BATCH],
        *to_compare.order_by("next_check_at").values_list("id", flat=True)[:BATCH],
    ]
    return _each(dict.fromkeys(due), lambda pk: check_order(order_id=pk, now=now))


def _each(ids: Iterable[int], act: Callable[[int], None]) -> int:
    tried = 0
    for pk in ids:
        tried += 1
        try:
            act(pk)
        except (GatewayUnavailable, ObjectBusy) as reason:
            log.warning("sweep_put_off", row=pk, reason=type(reason).__name__)
        except Exception:
            log.exception("sweep_failed", row=pk)
    return tried
