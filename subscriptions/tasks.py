"""What workers do, by the row. Each sweep takes a bounded batch of due rows, and one row's trouble never stops the others."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog
from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded
from django.db.models import QuerySet

from redreport import clock
from redreport.dispatch import hand_to_worker
from redreport.outbox.heartbeats import note_heartbeat
from subscriptions.auto_booking import bookings_to_try
from subscriptions.errors import GatewayUnavailable, ObjectBusy
from subscriptions.models import Order, Refund, RenewalNotice, StripeEvent, SubscriptionChange
from subscriptions.operations.auto_booking import book_automatically
from subscriptions.operations.bounced_mails import open_cases_of_bounces
from subscriptions.operations.changes import submit_change
from subscriptions.operations.checkouts import check_order
from subscriptions.operations.credit_notes import make_credit_note
from subscriptions.operations.credit_reminders import queue_credit_reminders
from subscriptions.operations.granting import expire_grant
from subscriptions.operations.notices import begin_renewal_notice, make_renewal_notice
from subscriptions.operations.refund_sync import check_refund
from subscriptions.operations.settle import settle_seat
from subscriptions.reconciliation.run import AlreadyReconciling, reconcile
from subscriptions.selectors import grants_to_expire, orders_paid_not_given, seats_to_settle, subscriptions_owed_notice
from subscriptions.webhooks.inbox import process_event

log = structlog.get_logger(__name__)

# A row is named by its id, or by several.
Row = TypeVar("Row")

BATCH = 100
MOST_UNANSWERED = 3
SWEEP_REFUNDS = "subscriptions.sweep_refunds"
SETTLE_CANCELED_SEATS = "subscriptions.settle_canceled_seats"
BOOK_AUTOMATICALLY = "subscriptions.book_automatically"
REMIND_OF_CREDITS = "subscriptions.remind_of_credits"
WEBHOOKS_ON_THEIR_WAY = timedelta(minutes=10)
# In seconds: longer than other tasks have, shorter than until the next run. It is taken off the queue when it begins (acks_late),
# or the broker would hand it out a second time meanwhile; one that dies is begun anew by the next hour.
RECONCILE: dict[str, Any] = {"acks_late": False, "time_limit": 3000, "soft_time_limit": 2940}


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


@shared_task(name=SWEEP_REFUNDS)
def sweep_refunds_task() -> int:
    """Carry out refunds that are owed, and look what became of those under way; returns how many were tried."""
    now = clock.now()
    due = Refund.objects.filter(next_attempt_at__lte=now).order_by("next_attempt_at", "id")
    return _sweep_on(SWEEP_REFUNDS, due, lambda pk: check_refund(refund_id=pk, now=now))


@shared_task(name="subscriptions.sweep_credit_notes")
def sweep_credit_notes_task() -> int:
    """Make the credit notes of refunds that went through; returns how many were tried."""
    now = clock.now()
    due = Refund.objects.filter(credit_note_due_at__lte=now).order_by("credit_note_due_at", "id")
    return _each(due.values_list("id", flat=True)[:BATCH], lambda pk: make_credit_note(refund_id=pk, now=now))


@shared_task(name="subscriptions.reconcile", **RECONCILE)
def reconcile_task() -> str:
    """Compare all that Stripe has with all that we have; returns the report's last line."""
    try:
        now = clock.now()
        return str(reconcile(since=None, until=now - WEBHOOKS_ON_THEIR_WAY, dry_run=False, now=now))
    except AlreadyReconciling:
        return "reconcile: another run is under way."


@shared_task(name="subscriptions.sweep_renewal_notices")
def sweep_renewal_notices_task() -> int:
    """Begin the notices of renewals that come near, and make those that are due; returns how many were tried."""
    return sweep_renewal_notices(now=clock.now())


def sweep_renewal_notices(*, now: datetime) -> int:
    """The sweep of renewal notices at `now`."""
    owed = subscriptions_owed_notice(now=now).values_list("id", flat=True)[:BATCH]
    _each(owed, lambda pk: begin_renewal_notice(subscription_id=pk, now=now))
    due = RenewalNotice.objects.filter(next_attempt_at__lte=now).order_by("next_attempt_at", "id")
    return _each(due.values_list("id", flat=True)[:BATCH], lambda pk: make_renewal_notice(notice_id=pk, now=now))


@shared_task(name="subscriptions.sweep_changes")
def sweep_changes_task() -> int:
    """Carry out what was asked of subscriptions and not answered by Stripe yet; returns how many were tried."""
    now = clock.now()
    due = SubscriptionChange.objects.filter(next_attempt_at__lte=now).order_by("next_attempt_at", "id")
    return _each(due.values_list("id", flat=True)[:BATCH], lambda pk: submit_change(change_id=pk, now=now))


@shared_task(name=SETTLE_CANCELED_SEATS)
def settle_canceled_seats_task() -> int:
    """Give back what is due for canceled seats; returns how many were tried."""
    return settle_canceled_seats(now=clock.now())


@shared_task(name=BOOK_AUTOMATICALLY)
def book_automatically_task() -> int:
    """Book subscribers who asked for it into new sessions, and ask for itself again after a full batch; returns how many were
    tried."""
    tried, is_full = sweep_auto_bookings(now=clock.now())
    if is_full:
        hand_to_worker(BOOK_AUTOMATICALLY)
    return tried


def sweep_auto_bookings(*, now: datetime) -> tuple[int, bool]:
    """The sweep of auto-bookings at `now`: how many were tried, and whether there may be more to do at once."""
    pairs = bookings_to_try(now=now, limit=BATCH)
    attempts = []

    def book(pair: tuple[int, int]) -> None:
        subscriber_id, live_session_id = pair
        attempts.append(book_automatically(subscriber_id=subscriber_id, live_session_id=live_session_id, now=now))

    # A batch of which nothing came, because all of it fails or waits, is not begun anew before its minute.
    return _each(pairs, book), len(pairs) == BATCH and any(attempts)


@shared_task(name=REMIND_OF_CREDITS)
def remind_of_credits_task() -> int:
    """Owe the reminders of credits that expire soon, and ask for itself again after a full batch; returns how many are new."""
    owed = queue_credit_reminders(now=clock.now(), limit=BATCH)
    if owed == BATCH:
        hand_to_worker(REMIND_OF_CREDITS)
    return owed


@shared_task(name="subscriptions.expire_credits")
def expire_credits_task() -> int:
    """Write off credits whose time is over; returns how many grants were tried."""
    now = clock.now()
    return _each(grants_to_expire(now=now).values_list("id", flat=True)[:BATCH], lambda pk: expire_grant(grant_id=pk, now=now))


@shared_task(name="subscriptions.heartbeat")
def heartbeat_task() -> None:
    """A worker of the queue for Stripe lives."""
    note_heartbeat(queue="stripe", now=clock.now())


@shared_task(name="subscriptions.sweep_bounces")
def sweep_bounces_task() -> int:
    """Open the cases of mails about a seat or money that came back; returns how many are new."""
    return open_cases_of_bounces(now=clock.now(), limit=BATCH)


def settle_canceled_seats(*, now: datetime) -> int:
    """The sweep of canceled seats at `now`: each in a transaction of its own. The sweep of refunds then asks Stripe."""
    tried = _sweep_on(SETTLE_CANCELED_SEATS, seats_to_settle(), lambda pk: settle_seat(seat_id=pk, now=now))
    if tried:
        hand_to_worker(SWEEP_REFUNDS)
    return tried


def sweep_orders(*, now: datetime) -> int:
    """The sweep of orders at `now`."""
    # Seats first: giving one needs no answer from Stripe, a year does.
    not_given = list(orders_paid_not_given().order_by("kind", "paid_at").values_list("id", flat=True)[:BATCH])
    to_compare = Order.objects.filter(next_check_at__lte=now).exclude(pk__in=not_given).order_by("next_check_at")
    # Two batches: the same paid orders come first every minute, and must not keep the others from their turn for ever.
    batches = (not_given, to_compare.values_list("id", flat=True)[:BATCH])
    return sum(_each(batch, lambda pk: check_order(order_id=pk, now=now)) for batch in batches)


def _sweep_on(task: str, due: QuerySet[Any], act: Callable[[int], object]) -> int:
    """A batch of due rows; after a full one the task is asked for again at once, unless every row of it is still due: then
    something is wrong with all of them, and they wait for the next minute."""
    ids = list(due.values_list("id", flat=True)[:BATCH])
    tried = _each(ids, act)
    if tried == BATCH and due.filter(pk__in=ids).count() < BATCH:
        hand_to_worker(task)
    return tried


def _each(ids: Iterable[Row], act: Callable[[Row], object]) -> int:
    """
    Act on each row; returns how many were tried. When three times running Stripe is out of reach, which `act` says by False or
    by GatewayUnavailable, the rest waits for the next minute: each would take as long to find that out.
    """
    tried = unanswered = 0
    for pk in ids:
        tried += 1
        try:
            is_answered = act(pk) is not False
        except GatewayUnavailable:
            is_answered = False
        except ObjectBusy:
            log.warning("sweep_put_off", row=pk, reason="ObjectBusy")
            continue
        except SoftTimeLimitExceeded:
            raise  # The task's time is over, which is no fault of this row: it stays due.
        except Exception:
            log.exception("sweep_failed", row=pk)
            continue
        if is_answered:
            unanswered = 0
            continue
        log.warning("sweep_put_off", row=pk, reason="GatewayUnavailable")
        unanswered += 1
        if unanswered == MOST_UNANSWERED:
            break
    return tried
