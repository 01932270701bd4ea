"""A payment meets the end of its hold, another buyer or a canceled session, in every order of statements and calls to Stripe.

Whatever the order, once the sweeps have come by, the reader has the seat or the money.
"""

import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from redreport import clock
from sessions_live.errors import SeatRefused
from sessions_live.models import LiveSession, Seat
from subscriptions.errors import BookingRefused, ObjectBusy
from subscriptions.models import Order, Payment, Refund
from subscriptions.operations import checkouts
from subscriptions.operations.cancel import cancel_live_session_and_settle
from subscriptions.operations.checkouts import give_up_order, sync_checkout
from subscriptions.operations.leases import Lease
from subscriptions.tasks import settle_canceled_seats
from tests.factories import make_staff
from tests.fixtures_shop import Shop
from tests.pairs import Scene, explore, no_row_is_locked, open_session, reader
from tests.racing import without_number_guard
from tests.rivals import one_goes_between
from tests.test_every_order_of_buying import hold

BUSY = (ObjectBusy,)
LATER = timedelta(minutes=40)


def held(shop: Shop, live_session: LiveSession) -> tuple[Order, str]:
    order = shop.hold_seat(reader("Ada"), live_session)
    return order, str(order.stripe_checkout_session_id)


def seat_or_money(shop: Shop) -> None:
    """What runs by itself has run; each payment has its one seat or its refund."""
    settle_canceled_seats(now=clock.now())
    shop.sweep(now=clock.now() + LATER)
    for payment in Payment.objects.all():
        seats = Seat.objects.filter(coverage__order__payments=payment, state__in=Seat.TAKEN).count()
        back = sum(Refund.objects.filter(payment=payment).values_list("amount_minor", flat=True))
        assert seats * 25000 + back == payment.amount_minor, f"{payment.amount_minor} paid, {seats} seats, {back} back"


def paid_while_its_hold_is_given_up(shop: Shop) -> Scene:
    order, checkout_id = held(shop, open_session(capacity=1))
    shop.pay(order)

    def hers(one: object, other: object) -> None:
        seat_or_money(shop)
        assert Seat.objects.get().state == Seat.State.CONFIRMED, "paid in time, and the seat is gone"

    return Scene(
        partial(sync_checkout, checkout_session_id=checkout_id, now=clock.now()),
        partial(give_up_order, order_id=order.pk, by_buyer=False, now=clock.now()),
        hers,
        refusals=BUSY,
    )


def told_by_webhook_and_by_the_return_page(shop: Shop) -> Scene:
    order, checkout_id = held(shop, open_session(capacity=1))
    shop.pay(order)
    sync = partial(sync_checkout, checkout_session_id=checkout_id, now=clock.now())

    def once(one: object, other: object) -> None:
        seat_or_money(shop)
        assert (Payment.objects.count(), Refund.objects.count()) == (1, 0), "one payment counted twice"

    return Scene(sync, sync, once, refusals=BUSY)


def paid_too_late_while_another_takes_the_seat(shop: Shop) -> Scene:
    """Stripe took the payment although the Checkout had expired, and the seat is on sale again."""
    live_session, ben = open_session(capacity=1), reader("Ben")
    order, checkout_id = held(shop, live_session)
    shop.stripe.take_payment_despite_expire()
    give_up_order(order_id=order.pk, by_buyer=False, now=clock.now())
    shop.pay(order)
    shop.stripe.take_payment_despite_expire(False)
    return Scene(
        partial(sync_checkout, checkout_session_id=checkout_id, now=clock.now()),
        partial(hold, ben, live_session),
        lambda one, other: seat_or_money(shop),
        refusals=(*BUSY, SeatRefused, BookingRefused),
    )


def hold_is_given_up_while_another_tries(shop: Shop) -> Scene:
    live_session, ben = open_session(capacity=1), reader("Ben")
    order, _ = held(shop, live_session)
    return Scene(
        partial(give_up_order, order_id=order.pk, by_buyer=False, now=clock.now()),
        partial(hold, ben, live_session),
        lambda one, other: seat_or_money(shop),
    )


def session_is_canceled_while_it_is_paid(shop: Shop) -> Scene:
    live_session, staff = open_session(), make_staff()
    order, checkout_id = held(shop, live_session)
    shop.pay(order)

    def money_is_back(one: object, other: object) -> None:
        seat_or_money(shop)
        assert sum(Refund.objects.values_list("amount_minor", flat=True)) == 25000, "paid for a session that is not held"

    return Scene(
        partial(sync_checkout, checkout_session_id=checkout_id, now=clock.now()),
        partial(cancel_live_session_and_settle, live_session_id=live_session.pk, actor=staff, reason="Ill", now=clock.now()),
        money_is_back,
    )


@contextmanager
def neither_lease_nor_row() -> Iterator[None]:
    """Whoever asks for a lease has it, and no row is locked."""

    def fetch_and_apply_at_once(stripe_object_id: str, fetch_and_apply: Callable[[Lease], Any]) -> Any:
        return fetch_and_apply(Lease(stripe_object_id, uuid.uuid4()))

    with pytest.MonkeyPatch.context() as patch, no_row_is_locked():
        patch.setattr(checkouts, "synchronize", fetch_and_apply_at_once)
        patch.setattr(Lease, "confirm", lambda lease: None)
        yield


@contextmanager
def neither_row_nor_number() -> Iterator[None]:
    with no_row_is_locked(), without_number_guard():
        yield


SCENES = [
    paid_while_its_hold_is_given_up,
    told_by_webhook_and_by_the_return_page,
    paid_too_late_while_another_takes_the_seat,
    hold_is_given_up_while_another_tries,
    session_is_canceled_while_it_is_paid,
]
GUARDED = [
    (paid_while_its_hold_is_given_up, neither_lease_nor_row),
    (told_by_webhook_and_by_the_return_page, neither_lease_nor_row),
    (paid_too_late_while_another_takes_the_seat, neither_row_nor_number),
    (session_is_canceled_while_it_is_paid, no_row_is_locked),
]


@pytest.mark.parametrize("scene", SCENES)
def test_the_reader_has_the_seat_or_the_money(shop: Shop, scene: Callable[[Shop], Scene]) -> None:
    explore(partial(scene, shop)).assert_unharmed()


@pytest.mark.parametrize(("scene", "guard"), GUARDED, ids=[scene.__name__ for scene, _ in GUARDED])
def test_without_its_guard_a_rival_does_harm(
    shop: Shop, scene: Callable[[Shop], Scene], guard: Callable[[], AbstractContextManager[None]]
) -> None:
    with guard():
        explored = explore(partial(scene, shop), one_goes_between, until_harm=True)
    assert explored.harmed, "the guard guards nothing"
