"""Seats are never oversold, whoever comes at once: real threads, real connections, real commits."""

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection
from django.db.models import Count, Sum

from redreport import clock
from redreport.accounts.models import User
from redreport.policy import SINGLE_SEAT_MINOR
from sessions_live.errors import AlreadySeated, SoldOut
from sessions_live.models import LiveSession, Seat
from subscriptions.errors import NoCredit
from subscriptions.models import CreditEntry, CreditGrant, Order, Payment, Price, SeatCoverage
from subscriptions.operations.booking import book_with_credit, start_seat_order
from subscriptions.operations.checkouts import give_up_order, sync_checkout
from tests.factories import attendee_of, make_credits, make_live_session, make_price, make_user
from tests.fixtures_shop import Shop
from tests.racing import NUMBER_GUARD, EverybodyLooksFirst, at_once, without_number_guard
from tests.stack import wait_for

pytestmark = pytest.mark.django_db(transaction=True)


def hold(user: User, live_session: LiveSession, price: Price) -> Order:
    return start_seat_order(
        user=user, live_session_id=live_session.pk, attendees=[attendee_of(user)], price_id=price.pk, now=clock.now()
    )


def spend(user: User, live_session: LiveSession) -> SeatCoverage:
    return book_with_credit(user=user, live_session_id=live_session.pk, now=clock.now())


def readers(count: int, *, credits: int = 0) -> list[User]:
    users = [make_user(f"Reader {number}") for number in range(count)]
    if credits:
        for user in users:
            make_credits(user, credits)
    return users


def assert_sold(live_session: LiveSession, seats: int) -> None:
    """Exactly so many active seats, numbered from one, each with its coverage."""
    active = Seat.objects.filter(live_session=live_session, state__in=Seat.ACTIVE)
    assert sorted(active.values_list("number", flat=True)) == list(range(1, seats + 1))
    assert active.filter(coverage__isnull=False).count() == seats


def assert_ledger_balances() -> None:
    """Every grant's balance is the sum of its ledger, and never below nothing."""
    for grant in CreditGrant.objects.annotate(total=Sum("entries__delta")):
        assert grant.balance == grant.total >= 0


def test_forty_buyers_for_five_seats_hold_exactly_five() -> None:
    live_session, price = make_live_session(capacity=5), make_price()
    outcomes = at_once([partial(hold, user, live_session, price) for user in readers(40)])
    assert sum(isinstance(outcome, Order) for outcome in outcomes) == 5
    assert sum(isinstance(outcome, SoldOut) for outcome in outcomes) == 35
    assert Order.objects.count() == 5
    assert_sold(live_session, 5)


def test_forty_credits_for_five_seats_spend_exactly_five() -> None:
    live_session = make_live_session(capacity=5)
    outcomes = at_once([partial(spend, user, live_session) for user in readers(40, credits=1)])
    assert sum(isinstance(outcome, SeatCoverage) for outcome in outcomes) == 5
    assert sum(isinstance(outcome, SoldOut) for outcome in outcomes) == 35
    assert CreditEntry.objects.filter(kind=CreditEntry.Kind.SPEND).count() == 5
    assert CreditGrant.objects.filter(balance=0).count() == 5
    assert_sold(live_session, 5)
    assert_ledger_balances()


def test_credits_and_money_for_the_same_seats_take_no_more_than_there_are() -> None:
    live_session, price = make_live_session(capacity=7), make_price()
    by_money = [partial(hold, user, live_session, price) for user in readers(20)]
    by_credit = [partial(spend, user, live_session) for user in readers(20, credits=1)]
    actions = [action for pair in zip(by_money, by_credit, strict=True) for action in pair]
    outcomes = at_once(actions)
    assert sum(isinstance(outcome, SoldOut) for outcome in outcomes) == 33
    assert Order.objects.count() + CreditEntry.objects.filter(kind=CreditEntry.Kind.SPEND).count() == 7
    assert_sold(live_session, 7)
    assert_ledger_balances()


@dataclass
class Guards:
    """The two guards of the last seat, each of which can be taken off until the test ends."""

    monkeypatch: pytest.MonkeyPatch
    afterwards: ExitStack

    def take_off_row_lock(self) -> None:
        """Buyers find the session without locking its row."""

        def plain_look(live_session_id: int) -> LiveSession:
            return LiveSession.objects.get(pk=live_session_id)

        self.monkeypatch.setattr("subscriptions.operations.booking.lock_live_session", plain_look)

    def take_off_unique_number(self) -> None:
        """The database no longer minds two active seats of one number."""
        self.afterwards.enter_context(without_number_guard())


@pytest.fixture
def guards(monkeypatch: pytest.MonkeyPatch) -> Iterator[Guards]:
    with ExitStack() as afterwards:
        yield Guards(monkeypatch, afterwards)


@pytest.mark.parametrize("way", ["money", "credit"])
@pytest.mark.parametrize(
    ("off", "sold"),
    [("neither", 2), ("unique number", 2), ("row lock", 2), ("row lock and unique number", 6)],
    ids=["with both guards", "by the row lock alone", "by the unique number alone", "without either it oversells"],
)
def test_two_seats_and_six_buyers_who_all_look_first(guards: Guards, off: str, sold: int, way: str) -> None:
    live_session, price, buyers = make_live_session(capacity=2), make_price(), readers(6, credits=1)
    if "row lock" in off:
        guards.take_off_row_lock()
    if "unique number" in off:
        guards.take_off_unique_number()
    buy = partial(hold, price=price) if way == "money" else spend
    look_first = EverybodyLooksFirst(len(buyers))
    outcomes = at_once([partial(look_first, partial(buy, user, live_session=live_session)) for user in buyers])
    assert sum(isinstance(outcome, SoldOut) for outcome in outcomes) == 6 - sold
    assert Seat.objects.filter(live_session=live_session, state__in=Seat.ACTIVE).count() == sold


def test_unique_number_stands_again_after_a_test_that_failed() -> None:
    live_session, price = make_live_session(capacity=1), make_price()

    def oversell_and_fail() -> None:
        with without_number_guard():
            for user in readers(2):
                hold(user, live_session, price)
                Seat.objects.update(number=1)
                LiveSession.objects.update(capacity=2)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        oversell_and_fail()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_indexes WHERE indexname = %s", [NUMBER_GUARD])
        assert cursor.fetchone() == (1,)


def test_ten_clicks_of_one_buyer_make_one_order() -> None:
    live_session, price, user = make_live_session(), make_price(), make_user()
    outcomes = at_once([partial(hold, user, live_session, price)] * 10)
    assert {order.pk for order in outcomes if isinstance(order, Order)} == {Order.objects.get().pk}
    assert len({type(outcome) for outcome in outcomes}) == 1
    assert_sold(live_session, 1)


def test_last_credit_in_ten_tabs_takes_one_seat() -> None:
    live_session = make_live_session()
    [user] = readers(1, credits=1)
    outcomes = at_once([partial(spend, user, live_session)] * 10)
    assert sum(isinstance(outcome, AlreadySeated) for outcome in outcomes) == 9
    assert CreditGrant.objects.get().balance == 0
    assert_sold(live_session, 1)
    assert_ledger_balances()


def test_last_credit_in_the_tabs_of_ten_sessions_takes_one_seat() -> None:
    live_sessions = [make_live_session() for _ in range(10)]
    [user] = readers(1, credits=1)
    outcomes = at_once([partial(spend, user, live_session) for live_session in live_sessions])
    assert sum(isinstance(outcome, NoCredit) for outcome in outcomes) == 9
    assert CreditGrant.objects.get().balance == 0
    assert CreditEntry.objects.get(kind=CreditEntry.Kind.SPEND).seat == Seat.objects.get()
    assert_ledger_balances()


ROUNDS = 6


@pytest.mark.parametrize("despite", [False, True], ids=["Stripe keeps to the expiry", "Stripe takes the payment all the same"])
def test_hold_that_expires_while_it_is_paid_and_another_buys(shop: Shop, despite: bool) -> None:
    shop.stripe.take_payment_despite_expire(despite)
    for number in range(ROUNDS):
        live_session, rival = make_live_session(capacity=1), make_user()
        order = shop.hold_seat(live_session=live_session)
        at_once(
            [
                # In every second round the payment comes as soon as the hold is gone, and races the rival for the seat.
                partial(pay_and_come_back, shop, order, after_expiry=number % 2 == 1),
                partial(give_up_order, order_id=order.pk, by_buyer=False, now=clock.now()),
                partial(keep_trying, rival, order),
            ]
        )
    shop.sweep(now=clock.now() + timedelta(minutes=12))
    assert not Seat.objects.filter(state__in=Seat.ACTIVE).values("live_session").annotate(n=Count("id")).filter(n__gt=1)
    assert_every_payment_has_its_seat_or_its_refund(shop)
    if despite:
        assert Payment.objects.count() == ROUNDS


def pay_and_come_back(shop: Shop, order: Order, *, after_expiry: bool) -> None:
    """Pay if Stripe still lets us, and open the page to which it sends the reader back."""
    assert order.stripe_checkout_session_id
    if after_expiry:
        wait_for(lambda: not is_pending(order), "the hold to lapse")
    shop.stripe.pay(order.stripe_checkout_session_id)
    sync_checkout(checkout_session_id=order.stripe_checkout_session_id, now=clock.now())


def keep_trying(rival: User, order: Order) -> Order:
    """Take the seat as soon as its hold is given back; SoldOut once it is certain that it stays where it is."""
    assert order.live_session
    while is_pending(order):
        with suppress(SoldOut):
            return hold(rival, order.live_session, order.price)
    return hold(rival, order.live_session, order.price)


def is_pending(order: Order) -> bool:
    return Order.objects.filter(pk=order.pk, state=Order.State.PENDING).exists()


def assert_every_payment_has_its_seat_or_its_refund(shop: Shop) -> None:
    """Payment by payment with us, and in sum at Stripe."""
    for payment in Payment.objects.all():
        given = Seat.objects.filter(coverage__order__payments=payment, state__in=Seat.TAKEN).count()
        assert payment.amount_minor == given * SINGLE_SEAT_MINOR + payment.refunded_minor
    taken = [intent["amount_received"] for intent in shop.stripe.objects("payment_intent") if intent["status"] == "succeeded"]
    assert len(taken) == Payment.objects.count()
    refunded = sum(refund["amount"] for refund in shop.stripe.objects("refund"))
    assert sum(taken) - refunded == Seat.objects.filter(state__in=Seat.TAKEN).count() * SINGLE_SEAT_MINOR
