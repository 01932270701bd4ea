"""Payments that are days on their way: the reader has done everything, and their bank has not paid yet, or does not pay."""

from datetime import datetime

from django.db import transaction

from redreport import audit, policy
from redreport.transactions import retried
from sessions_live.models import LiveSession, Seat
from sessions_live.operations.seats import hold_longer, release_held_seat
from subscriptions import mails
from subscriptions.models import Order
from subscriptions.operations.leases import Lease
from subscriptions.operations.orders import lock_seats_and_order, schedule_next_check

WAITING = (Order.State.PENDING, Order.State.EXPIRED)


def waits_until(live_session: LiveSession) -> datetime:
    """How long a seat of this session is held for a payment that is on its way."""
    return live_session.starts_at - policy.PAID_BEFORE_START


@retried
def await_bank(*, order_id: int, lease: Lease, now: datetime) -> None:
    """Hold what was ordered while the bank moves the money. A seat is let go a day before the start, and when its session is
    canceled: should the payment arrive all the same, it is treated as any that comes late."""
    with transaction.atomic():
        seats, order = _lock_if_own(order_id, lease)
        if order is None or order.state != Order.State.PENDING:
            return
        order.under_way_since = order.under_way_since or now
        order.stripe_checkout_session_id = lease.stripe_object_id
        order.checkout_url = ""
        if order.live_session:
            order.expires_at = waits_until(order.live_session)
        if order.live_session and (order.expires_at <= now or order.live_session.state == LiveSession.State.CANCELED):
            order.state = Order.State.EXPIRED
            _release(order, seats, now)
        else:
            for seat in seats:
                hold_longer(seat=seat, until=order.expires_at)
        schedule_next_check(order, now)
        order.save()


@retried
def close_failed_payment(*, order_id: int, lease: Lease, now: datetime) -> None:
    """The bank did not pay: close the order and give back what it held. Doing it again changes nothing."""
    with transaction.atomic():
        seats, order = _lock_if_own(order_id, lease)
        if order is None or order.state not in WAITING:
            return
        audit.record(actor="stripe", verb="payment_failed", target=order, detail={"was": order.state}, now=now)
        order.state = Order.State.FAILED
        order.under_way_since = order.under_way_since or now
        order.checkout_url = ""
        order.next_check_at = None
        order.save()
        _release(order, seats, now)


def _lock_if_own(order_id: int, lease: Lease) -> tuple[list[Seat], Order | None]:
    """What the order holds and the order, locked; without the order if it was another Checkout that was completed."""
    lease.confirm()
    # Locks: the session, its seats by id, the order. Another worker may hear of the payment right now.
    seats, order = lock_seats_and_order(Order.objects.get(pk=order_id))
    is_own = order.stripe_checkout_session_id in (None, lease.stripe_object_id)
    return seats, order if is_own else None


def _release(order: Order, seats: list[Seat], now: datetime) -> None:
    released = [seat for seat in seats if release_held_seat(seat=seat, now=now)]
    if released:
        mails.queue_hold_lapsed(order=order, seat=released[0], now=now)
