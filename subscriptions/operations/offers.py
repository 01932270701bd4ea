"""Waiting for a seat, and taking one that is offered: by money, as an ordinary purchase, or by a credit, at once."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from redreport import policy
from redreport.accounts.models import User
from redreport.accounts.selectors import has_proven_email
from redreport.transactions import retried
from sessions_live.models import LiveSession, Seat, WaitlistEntry
from sessions_live.operations.locks import lock_live_session
from sessions_live.operations.seats import confirm_offered_seat, hold_offered_seat
from sessions_live.operations.waitlist import accept_offer, join_waitlist
from subscriptions import mails
from subscriptions.entitlements import check_credit_for
from subscriptions.errors import EmailNotProven, OtherOrderOpen, PaymentUnderWay, TooManyLapsedHolds
from subscriptions.models import Order, Plan, SeatCoverage
from subscriptions.operations.booking import order_held_seats, pending_and_lapsed, price_in_force
from subscriptions.operations.credits import spend_credit
from subscriptions.operations.subscribers import subscriber_of


def wait_for_seat(*, user: User, live_session: LiveSession, pay_by: WaitlistEntry.PayBy, now: datetime) -> WaitlistEntry:
    """Put a reader on the waitlist of a session, to be paid by money or by a credit; nothing is charged or spent.

    Refuses as `join_waitlist` does, with EmailNotProven, and without a credit for it with NoCredit or CreditExpiresBefore.
    """
    if not has_proven_email(user):
        raise EmailNotProven
    if pay_by == WaitlistEntry.PayBy.CREDIT:
        check_credit_for(user=user, live_session=live_session, now=now)
    return join_waitlist(user=user, live_session_id=live_session.pk, pay_by=pay_by, now=now)


@retried
def start_offer_order(*, user: User, live_session_id: int, price_id: int, now: datetime) -> Order:
    """Turn the reader's offer into a hold with an order, or return the order that was made of it already.

    Refuses with NotWaiting, OfferGone, OtherOrderOpen, PriceChanged or TooManyLapsedHolds; then the offer stands as it did. With
    PaymentUnderWay when that order is paid, or a bank is moving its money.
    """
    subscriber = subscriber_of(user)
    with transaction.atomic():
        # Locks: the session, the entry, the seat. The sweep may be lapsing this offer, or another tab accepting it.
        live_session = lock_live_session(live_session_id)
        entry, seat = accept_offer(live_session=live_session, user=user, now=now)
        pending, lapsed = pending_and_lapsed(subscriber, live_session, now)
        if entry.accepted_at:
            return _order_made_of(seat, pending)
        if pending:
            raise OtherOrderOpen
        if len(lapsed) >= policy.MAX_LAPSED_ORDERS:
            raise TooManyLapsedHolds
        price = price_in_force(Plan.SINGLE_SEAT, price_id)
        hold_offered_seat(entry=entry, seat=seat, now=now)
        return order_held_seats(subscriber, live_session, price, [seat], now)


@retried
def take_offer_with_credit(*, user: User, live_session_id: int, now: datetime) -> SeatCoverage:
    """Take the offered seat and spend one credit on it, in one step. Whether there is one is looked at now, not when they joined.

    Refuses with NotWaiting, OfferGone, NoCredit or CreditExpiresBefore; then the offer stands as it did, and can be paid.
    """
    subscriber = subscriber_of(user)
    with transaction.atomic():
        # Locks: the session, the entry, the seat, the subscriber, the grants.
        live_session = lock_live_session(live_session_id)
        entry, seat = accept_offer(live_session=live_session, user=user, now=now)
        if entry.accepted_at:
            # It is being paid for in another tab.
            raise OtherOrderOpen
        seat.live_session, seat.booked_by = live_session, user
        spent = spend_credit(subscriber_id=subscriber.pk, seat=seat, live_session=live_session, actor=user, now=now)
        confirm_offered_seat(seat=seat, held_at=now, now=now)
        coverage = SeatCoverage.objects.create(seat=seat, kind=SeatCoverage.Kind.CREDIT, credit_entry=spent, created_at=now)
        mails.queue_seat_confirmed(seat=seat, now=now)
        return coverage


def _order_made_of(seat: Seat, pending: Sequence[Order]) -> Order:
    for order in pending:
        if order.under_way_since is None and SeatCoverage.objects.filter(order=order, seat=seat).exists():
            return order
    raise PaymentUnderWay
