"""Canceling seats, by whoever booked them or by the house. What paid for them is settled in `settle`."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.db import transaction

from redreport.accounts.models import User
from redreport.dispatch import hand_to_worker
from redreport.transactions import retried
from sessions_live.errors import NotCancelable, NotTheBooker, SeatNotTaken
from sessions_live.models import LiveSession, Seat
from sessions_live.operations.cancellations import cancel_live_session, cancel_seat, restitution_due
from subscriptions.errors import ConsequenceChanged
from subscriptions.models import Order, Refund
from subscriptions.operations.refunds import submit_refund
from subscriptions.operations.settle import lock_seat_with_coverage, plan_settlement, settle_locked_seat
from subscriptions.operations.what_paid import WhatPaid
from subscriptions.settlement import SettlementPlan


def plan_own_cancellation(*, seat: Seat, now: datetime) -> SettlementPlan:
    """What the booker gets back for canceling this seat now. Refuses with NotCancelable once its session has begun."""
    if seat.live_session.starts_at <= now:
        raise NotCancelable
    by = Seat.CanceledBy.BUYER
    restitution = restitution_due(seat=seat, by=by, now=now)
    return plan_settlement(coverage=seat.coverage, by=by, restitution=restitution, now=now)


def cancel_own_seat(*, user: User, seat_public_id: uuid.UUID, consequence: str, now: datetime) -> None:
    """Cancel a seat for whoever booked it, and give back what is due: until the cut-off all of it, later nothing.

    `consequence` is the digest of the plan that the reader saw. Canceling twice changes nothing. Refuses with NotTheBooker,
    NotCancelable once the session has begun, SeatNotTaken, or ConsequenceChanged, and then cancels nothing. Stripe is asked for
    the refund after the commit; when it cannot be reached, the sweep of refunds asks again.
    """
    _submit(_cancel_and_settle_own_seat(user, seat_public_id, consequence, now), now)


def cancel_auto_booked_seat(*, seat: Seat, consequence: str, now: datetime) -> None:
    """Cancel a seat that was booked automatically for whoever has the link to it, which speaks for its booker: as
    `cancel_own_seat`, and refuses with SeatNotTaken also when the seat was handed over since `seat` was read.
    """
    _submit(_cancel_and_settle_own_seat(seat.booked_by, seat.public_id, consequence, now, door_version=seat.door_version), now)


@retried
def _cancel_and_settle_own_seat(
    user: User, seat_public_id: uuid.UUID, consequence: str, now: datetime, door_version: int | None = None
) -> Refund | None:
    found = Seat.objects.get(public_id=seat_public_id)
    if found.booked_by_id != user.pk:
        raise NotTheBooker
    with transaction.atomic():
        # Locks: the session, the seat, what paid for it. Of two tabs at once the second finds it canceled.
        seat, coverage = lock_seat_with_coverage(found.pk)
        if seat.state == Seat.State.CANCELED:
            return None
        if seat.state not in Seat.TAKEN or door_version not in (None, seat.door_version):
            raise SeatNotTaken
        if plan_own_cancellation(seat=seat, now=now).digest != consequence:
            raise ConsequenceChanged
        cancel_seat(
            live_session=seat.live_session,
            seat=seat,
            by=Seat.CanceledBy.BUYER,
            restitution=restitution_due(seat=seat, by=Seat.CanceledBy.BUYER, now=now),
            actor=user,
            reason="",
            now=now,
        )
        return settle_locked_seat(seat=seat, coverage=coverage, now=now)


@dataclass(frozen=True)
class HouseCancellation:
    """What comes of it when the house cancels a seat: the restitution that it notes, and what is given back for it."""

    restitution: Seat.Restitution
    settlement: SettlementPlan


def plan_house_cancellation(
    *,
    seat: Seat,
    restitution: Seat.Restitution | None,
    asked_at: datetime | None = None,
    paid: WhatPaid | None = None,
    now: datetime,
) -> HouseCancellation:
    """What comes of it when the house cancels this seat now. Without a `restitution` it is what the rule would give its booker
    at `asked_at`. Only reads; `paid` as for `plan_settlement`. Refuses with SeatNotTaken. `seat` has its session and
    coverage.
    """
    if seat.state not in Seat.TAKEN:
        raise SeatNotTaken
    due = restitution or restitution_due(seat=seat, by=Seat.CanceledBy.BUYER, now=asked_at or now)
    settlement = plan_settlement(coverage=seat.coverage, by=Seat.CanceledBy.HOUSE, restitution=due, paid=paid, now=now)
    return HouseCancellation(due, settlement)


def cancel_seat_by_house(
    *,
    seat_id: int,
    actor: User,
    reason: str,
    restitution: Seat.Restitution | None,
    asked_at: datetime | None = None,
    now: datetime,
) -> None:
    """Cancel a seat by a named member of staff for a written reason, with or without restitution, also after the session.

    Without a `restitution` it is what the rule would give its booker at `asked_at`, when staff asked for it: it may be done
    a while later. Canceling twice changes nothing. Refuses with SeatNotTaken. Stripe is asked for the refund after the commit.
    """
    refund = _cancel_and_settle_by_house(
        seat_id=seat_id, actor=actor, reason=reason, restitution=restitution, asked_at=asked_at, now=now
    )
    _submit(refund, now)


@retried
def _cancel_and_settle_by_house(
    *,
    seat_id: int,
    actor: User,
    reason: str,
    restitution: Seat.Restitution | None,
    asked_at: datetime | None,
    now: datetime,
) -> Refund | None:
    with transaction.atomic():
        # Locks as for the booker's own cancellation, which may come at this moment.
        seat, coverage = lock_seat_with_coverage(seat_id)
        if seat.state == Seat.State.CANCELED:
            return None
        plan = plan_house_cancellation(seat=seat, restitution=restitution, asked_at=asked_at, now=now)
        cancel_seat(
            live_session=seat.live_session,
            seat=seat,
            by=Seat.CanceledBy.HOUSE,
            restitution=plan.restitution,
            actor=actor,
            reason=reason,
            now=now,
        )
        return settle_locked_seat(seat=seat, coverage=coverage, now=now)


@retried
def cancel_live_session_and_settle(
    *, live_session_id: int, actor: User, reason: str, message: str = "", now: datetime
) -> LiveSession:
    """Cancel a session that has not begun, with full restitution for every seat; canceling twice changes nothing.

    Workers settle the seats, ask Stripe for the refunds and to take no payment for what is only held; the sweeps do it where
    that hand-off is lost. Refuses with NotCancelable.
    """
    with transaction.atomic():
        # Locks: the session in `cancel_live_session`, then its orders: their next check is due at once.
        live_session = cancel_live_session(live_session_id=live_session_id, actor=actor, reason=reason, message=message, now=now)
        Order.objects.filter(live_session=live_session, state=Order.State.PENDING).update(next_check_at=now)
        for task in ("subscriptions.settle_canceled_seats", "subscriptions.sweep_orders"):
            transaction.on_commit(partial(hand_to_worker, task))
        return live_session


def _submit(refund: Refund | None, now: datetime) -> None:
    if refund:
        submit_refund(refund_id=refund.pk, now=now)
