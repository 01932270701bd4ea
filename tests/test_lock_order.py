"""Whoever locks, locks in one order, so that nobody waits for somebody who waits for them."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction

from redreport import clock
from sessions_live.errors import SeatRefused
from sessions_live.models import LiveSession, Seat
from sessions_live.operations.locks import lock_live_session
from sessions_live.operations.waitlist import leave_waitlist
from sessions_live.tasks import sweep_waitlist
from subscriptions.errors import NoCredit, YearAlreadyRunning
from subscriptions.models import (
    Case,
    CreditGrant,
    Dispute,
    Order,
    Payment,
    Plan,
    Refund,
    StripeObjectLease,
    Subscriber,
    Subscription,
)
from subscriptions.operations.booking import book_with_credit, start_seat_order, start_year_order
from subscriptions.operations.cancel import cancel_live_session_and_settle
from subscriptions.operations.case_money import refund_rest_of_case, retry_refund_of_case
from subscriptions.operations.changes import ask_renewal, submit_change
from subscriptions.operations.checkouts import give_up_order
from subscriptions.operations.comps import give_complimentary_seat
from subscriptions.operations.granting import expire_grant
from subscriptions.operations.offers import start_offer_order, take_offer_with_credit
from subscriptions.operations.orders import close_unpaid_order, fulfil_seat_order
from subscriptions.operations.refunds import submit_refund
from subscriptions.operations.seat_moves import move_seat
from subscriptions.operations.settle import restore_forfeited_credit
from subscriptions.operations.year_endings import end_year
from subscriptions.selectors import current_price
from subscriptions.tasks import settle_canceled_seats, sweep_credit_notes_task, sweep_refunds_task
from tests.canceling import book, cancel, cancel_by_house
from tests.factories import attendee_of, make_credits, make_guest_seat, make_live_session, make_price, make_staff, make_user
from tests.fixtures_shop import Shop
from tests.money_back import bought_seat, bought_year, owe, refund_by_hand
from tests.moving import move
from tests.racing import at_once, is_deadlock
from tests.waiting import entry_of, free_a_seat, sold_out_session, waits

pytestmark = pytest.mark.django_db(transaction=True)

# The lease of an object of Stripe's comes before everything that is written of it.
IN_ORDER = (StripeObjectLease, LiveSession, Seat, Subscriber, Subscription, CreditGrant, Order, Payment, Refund, Dispute, Case)
RANKS = {model._meta.db_table: rank for rank, model in enumerate(IN_ORDER)}
NAMES = [model.__name__ for model in IN_ORDER]
LOCKING_READ = re.compile(r" FOR (NO KEY )?UPDATE\b")


@contextmanager
def watched_locks() -> Iterator[list[tuple[str, ...]]]:
    """The kinds of rows that each transaction in this block locked or changed, in the order of the first of each kind."""
    transactions: dict[Any, list[str]] = {}

    def watch(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if connection.in_atomic_block and (sql.startswith("UPDATE") or LOCKING_READ.search(sql)):
            table = sql.split("UPDATE " if sql.startswith("UPDATE") else " FROM ")[1].split('"')[1]
            # The outermost block is the transaction; kept as a key, so that no later one can be mistaken for it.
            locked = transactions.setdefault(connection.atomic_blocks[0], [])
            if table in RANKS and NAMES[RANKS[table]] not in locked:
                locked.append(NAMES[RANKS[table]])
        return execute(sql, params, many, context)

    seen: list[tuple[str, ...]] = []
    with connection.execute_wrapper(watch):
        yield seen
    seen.extend(tuple(locked) for locked in transactions.values() if locked)


def test_every_way_of_buying_locks_in_one_order(shop: Shop) -> None:
    reader, colleague, staff, live_session = make_user(), make_user(), make_staff(), make_live_session(capacity=5)
    with watched_locks() as locked:
        bought = shop.hold_seat(reader, live_session)
        shop.pay(bought)
        lapsed = shop.hold_seat(live_session=live_session)
        given_back = shop.hold_seat(live_session=live_session)
        give_up_order(order_id=given_back.pk, by_buyer=True, now=clock.now())
        shop.stripe.take_payment_despite_expire()
        late = shop.hold_seat(live_session=make_live_session(capacity=1))
        shop.let_hold_lapse(late)
        shop.let_hold_lapse(lapsed)
        shop.hold_seat(live_session=late.live_session)
        shop.pay(late)
        year = shop.order_year(reader)
        shop.pay(year)
        shop.hear_all()
        book_with_credit(user=reader, live_session_id=make_live_session().pk, now=clock.now())
        make_guest_seat(live_session, colleague, staff=staff)
    for kinds in locked:
        assert list(kinds) == sorted(kinds, key=NAMES.index)
    for expected in (
        ("LiveSession", "Seat", "Order"),
        ("StripeObjectLease", "LiveSession", "Seat", "Order"),
        ("LiveSession", "Seat", "Order", "Payment"),
        ("LiveSession", "Subscriber", "CreditGrant"),
        ("StripeObjectLease", "Subscriber", "CreditGrant", "Order", "Case"),
        ("Order", "Payment", "Refund", "Case"),
    ):
        assert expected in locked


def test_offers_and_what_becomes_of_them_lock_in_the_same_order(shop: Shop) -> None:
    live_session = sold_out_session(capacity=3)
    by_credit, by_money, declining, late = (waits(live_session) for _ in range(4))
    make_credits(by_credit)
    price_id, now = current_price(Plan.SINGLE_SEAT).pk, clock.now()
    with watched_locks() as locked:
        for _ in range(3):
            free_a_seat(live_session)
        take_offer_with_credit(user=by_credit, live_session_id=live_session.pk, now=now)
        order = start_offer_order(user=by_money, live_session_id=live_session.pk, price_id=price_id, now=now)
        give_up_order(order_id=order.pk, by_buyer=True, now=now)
        leave_waitlist(user=declining, live_session_id=live_session.pk, now=now)
        sweep_waitlist(now=now + timedelta(hours=13))
    assert [entry_of(reader, live_session).state for reader in (by_credit, by_money, declining, late)] == [
        *["seated", "lapsed", "declined", "lapsed"]
    ]
    for kinds in locked:
        assert list(kinds) == sorted(kinds, key=NAMES.index)
    assert ("LiveSession", "Seat", "Subscriber", "CreditGrant") in locked


def test_turning_the_renewal_and_ending_a_year_lock_in_the_same_order(shop: Shop) -> None:
    year, staff = shop.begin_year(), make_staff()
    reader = year.subscriber.user
    seat = book_with_credit(user=reader, live_session_id=make_live_session().pk, now=clock.now()).seat
    with watched_locks() as locked:
        change = ask_renewal(user=reader, renews=False, now=clock.now())
        submit_change(change_id=change.pk, now=clock.now())
        end_year(
            subscription_id=year.pk,
            actor=staff,
            reason="Asked to leave",
            refund_minor=1000,
            seats_to_cancel=[seat.pk],
            now=clock.now(),
        )
        shop.hear_all()
    for kinds in locked:
        assert list(kinds) == sorted(kinds, key=NAMES.index)
    assert ("LiveSession", "Seat", "Subscriber", "Subscription", "CreditGrant", "Payment") in locked
    assert ("StripeObjectLease", "Subscriber", "Subscription", "Order") in locked


def test_moving_and_every_way_of_canceling_lock_in_one_order(shop: Shop) -> None:
    reader, staff, now = make_user(), make_staff(), clock.now()
    grant, earlier = make_credits(reader, 3), make_live_session()
    live_session, soon_over = make_live_session(), make_live_session()
    paid, by_credit, late = shop.sell_seat(), book(reader, live_session), book(reader, soon_over)
    moved, back = shop.sell_seat(live_session=earlier), shop.sell_seat(live_session=live_session)
    shop.sell_seat(live_session=live_session)
    shop.hold_seat(live_session=live_session)
    with watched_locks() as locked:
        cancel(paid)
        cancel(late, soon_over.cancel_cutoff_at)
        move_seat(seat_id=moved.pk, to_live_session_id=live_session.pk, actor=staff, reason="Asked", now=now)
        move_seat(seat_id=back.pk, to_live_session_id=earlier.pk, actor=staff, reason="Asked", now=now)
        refund_by_hand(Payment.objects.get(order__coverages__seat=moved))
        restore_forfeited_credit(seat_id=late.pk, actor=staff, reason="Was ill", now=now)
        cancel_by_house(by_credit)
        move(live_session, now=now)
        cancel_live_session_and_settle(live_session_id=live_session.pk, actor=staff, reason="Ill", now=now)
        settle_canceled_seats(now=now)
        CreditGrant.objects.filter(pk=grant.pk).update(expires_at=now)
        expire_grant(grant_id=grant.pk, now=now)
    for kinds in locked:
        assert list(kinds) == sorted(kinds, key=NAMES.index)
    for expected in (
        ("LiveSession", "Seat", "Order", "Payment"),
        ("LiveSession", "Seat", "Subscriber", "CreditGrant"),
        ("LiveSession", "Seat", "Order"),
        ("Order", "Payment", "Refund", "Case"),
        ("Subscriber", "CreditGrant"),
    ):
        assert expected in locked


def test_every_way_back_of_money_locks_in_one_order(shop: Shop) -> None:
    staff = make_staff()
    seats, year = [bought_seat(shop) for _ in range(4)], bought_year(shop)
    owe(seats[0], 20000)
    failing = owe(seats[1], 1000)
    with watched_locks() as locked:
        refund_by_hand(seats[0], 10000)
        refund_by_hand(year)
        shop.stripe.next_refund("failed")
        submit_refund(refund_id=failing.pk, now=clock.now())
        shop.stripe.warn_of_fraud(seats[1].stripe_payment_intent_id)
        shop.hear_all()
        lost = shop.stripe.open_dispute(seats[2].stripe_payment_intent_id)
        shop.stripe.open_dispute(seats[3].stripe_payment_intent_id, inquiry=True)
        shop.hear_all()
        shop.stripe.settle_dispute(lost, "lost")
        refund_by_hand(seats[3])
        shop.hear_all()
        retry_refund_of_case(case_id=Case.objects.get(kind="refund_failed").pk, actor=staff, now=clock.now())
        warned = Case.objects.get(kind="fraud_warning")
        refund_rest_of_case(case_id=warned.pk, amount_minor=24000, actor=staff, request_id=uuid4(), now=clock.now())
        sweep_refunds_task()
        sweep_credit_notes_task()
    for kinds in locked:
        assert list(kinds) == sorted(kinds, key=NAMES.index)
    for expected in (
        ("StripeObjectLease", "LiveSession", "Seat", "Subscriber", "CreditGrant", "Order", "Payment", "Dispute", "Case"),
        ("StripeObjectLease", "LiveSession", "Seat", "Subscriber", "CreditGrant", "Order", "Payment", "Refund"),
        ("StripeObjectLease", "Subscriber", "CreditGrant", "Order", "Payment", "Refund", "Case"),
        ("LiveSession", "Seat", "Subscriber", "CreditGrant", "Order", "Payment", "Case"),
        ("Order", "Payment", "Refund", "Case"),
    ):
        assert expected in locked


def test_deadlock_is_recognised_when_two_lock_in_opposite_order() -> None:
    first, second = make_live_session().pk, make_live_session().pk
    both_have_one = threading.Barrier(2)

    def lock(one: int, other: int) -> None:
        with transaction.atomic():
            lock_live_session(one)
            both_have_one.wait(30)
            lock_live_session(other)

    outcomes = at_once([partial(lock, first, second), partial(lock, second, first)])
    assert sum(is_deadlock(outcome) for outcome in outcomes) == 1


def test_confirming_releasing_and_booking_at_once_never_deadlock() -> None:
    price, annual, staff, now = make_price(), make_price(Plan.ANNUAL), make_staff(), clock.now()
    sessions = [make_live_session(capacity=12) for _ in range(2)]
    readers = [make_user() for _ in range(8)]
    actions: list[Callable[[], object]] = []
    for number, reader in enumerate(readers):
        make_credits(reader, 3)
        here, there = sessions[number % 2], sessions[(number + 1) % 2]
        order = start_seat_order(
            user=reader, live_session_id=here.pk, attendees=[attendee_of(reader)], price_id=price.pk, now=now
        )
        if number % 4 < 2:
            pay_for(order)
        if number % 4 == 1:
            # Its hold has lapsed meanwhile: confirming it takes another seat, unless its reader takes one by credit first.
            Seat.objects.filter(coverage__order=order).update(state=Seat.State.EXPIRED, hold_expires_at=None)
        actions += [
            partial(fulfil_seat_order, order=order, now=now),
            partial(close_unpaid_order, order_id=order.pk, lease=None, now=now),
            partial(book_with_credit, user=reader, live_session_id=there.pk, now=now),
            partial(book_with_credit, user=reader, live_session_id=here.pk, now=now),
            partial(start_year_order, user=reader, price_id=annual.pk, now=now),
            partial(
                give_complimentary_seat,
                live_session_id=here.pk,
                attendee=attendee_of(make_user()),
                actor=staff,
                reason="Guest of the house",
                now=now,
            ),
        ]
    outcomes = at_once(actions)
    assert [outcome for outcome in outcomes if is_deadlock(outcome)] == []
    refused = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert all(isinstance(refusal, SeatRefused | NoCredit | YearAlreadyRunning) for refusal in refused), refused
    for live_session in sessions:
        assert Seat.objects.filter(live_session=live_session, state__in=Seat.ACTIVE).count() <= live_session.capacity
    paid = Order.objects.filter(state=Order.State.PAID)
    assert paid.count() == 4
    for order in paid:
        seated = Seat.objects.filter(coverage__order=order, state=Seat.State.CONFIRMED).count()
        refunded = Refund.objects.filter(payment__order=order).count()
        assert (seated, refunded) == ((1, 0) if order.fulfilled_at else (0, 1))


def pay_for(order: Order) -> None:
    """The order's money has been recorded, and nothing given for it yet."""
    now = clock.now()
    Order.objects.filter(pk=order.pk).update(state=Order.State.PAID, paid_at=now)
    Payment.objects.create(
        order=order,
        subscriber=order.subscriber,
        stripe_payment_intent_id=f"pi_{order.number}",
        amount_minor=order.amount_minor,
        currency=order.currency,
        captured_at=now,
        recorded_at=now,
    )
