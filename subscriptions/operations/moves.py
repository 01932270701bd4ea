"""Moving a session, with what waits for a payment in it."""

from datetime import datetime
from functools import partial

from django.db import transaction

from redreport.accounts.models import User
from redreport.dispatch import hand_to_worker
from redreport.transactions import retried
from sessions_live.models import ScheduleChange, Seat
from sessions_live.operations.moves import move_live_session
from subscriptions import mails
from subscriptions.models import Order
from subscriptions.operations.delayed_payments import waits_until


@retried
def move_live_session_and_follow(
    *,
    live_session_id: int,
    starts_at: datetime,
    duration_minutes: int,
    message: str,
    reason: str,
    actor: User,
    now: datetime,
) -> ScheduleChange:
    """Move a session as `move_live_session` does, tell whoever booked seats for others, and have open orders follow.

    What a bank is still paying for is held until the same time before the new start; every open order is compared with Stripe
    at once, since its sale may now end sooner. Refuses with NotMovable.
    """
    with transaction.atomic():
        # Locks: the session in `move_live_session`, under which the seats and orders that wait for a payment follow.
        change = move_live_session(
            live_session_id=live_session_id,
            starts_at=starts_at,
            duration_minutes=duration_minutes,
            message=message,
            reason=reason,
            actor=actor,
            now=now,
        )
        mails.queue_booking_moved(change=change, now=now)
        _let_orders_follow(change, now)
        return change


def _let_orders_follow(change: ScheduleChange, now: datetime) -> None:
    pending = Order.objects.filter(live_session=change.live_session, state=Order.State.PENDING)
    under_way = pending.filter(under_way_since__isnull=False)
    held = Seat.objects.filter(state=Seat.State.HELD, coverage__order__in=under_way)
    until = waits_until(change.live_session)
    held.update(hold_expires_at=until)
    under_way.update(expires_at=until)
    if pending.update(next_check_at=now):
        transaction.on_commit(partial(hand_to_worker, "subscriptions.sweep_orders"))
