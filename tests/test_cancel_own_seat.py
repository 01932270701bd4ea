"""Whoever booked a seat cancels it: once, whatever is pressed how often, and never into a profit."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest

from redreport import clock
from redreport.outbox.models import OutgoingMail
from sessions_live.errors import NotCancelable, NotTheBooker, SeatNotTaken
from sessions_live.models import Seat
from subscriptions.errors import ConsequenceChanged
from subscriptions.models import CreditEntry, CreditGrant, Order, Refund, SeatCoverage
from subscriptions.operations.cancel import cancel_own_seat, cancel_seat_by_house
from subscriptions.operations.settle import settle_seat
from subscriptions.selectors import credit_balance
from subscriptions.tasks import settle_canceled_seats, sweep_refunds_task
from tests.canceling import FULL, assert_books_balance, book, cancel, cancel_by_house, consequence_of, spent_grant
from tests.factories import make_credits, make_live_session, make_staff, make_user
from tests.fixtures_shop import Shop
from tests.racing import at_once


def credit_seat(credits: int = 3) -> Seat:
    user = make_user()
    make_credits(user, credits)
    return book(user, make_live_session())


@pytest.mark.django_db
def test_nobody_but_the_booker_may() -> None:
    seat = credit_seat()
    with pytest.raises(NotTheBooker):
        cancel_own_seat(user=make_user(), seat_public_id=seat.public_id, consequence=consequence_of(seat), now=clock.now())
    assert Seat.objects.get().state == "confirmed"


@pytest.mark.django_db
def test_until_the_start_and_not_from_it_on() -> None:
    seat = credit_seat()
    starts_at = seat.live_session.starts_at
    seen = consequence_of(seat, starts_at - timedelta(seconds=1))
    with pytest.raises(NotCancelable):
        cancel_own_seat(user=seat.booked_by, seat_public_id=seat.public_id, consequence=seen, now=starts_at)
    assert Seat.objects.get().state == "confirmed"
    assert cancel(seat, starts_at - timedelta(seconds=1)).settlement == "forfeited"


@pytest.mark.django_db
def test_who_came_in_before_the_start_may_still_cancel_without_restitution() -> None:
    seat = credit_seat()
    Seat.objects.update(state=Seat.State.ATTENDED, entered_at=seat.live_session.door_opens_at)
    assert cancel(seat, seat.live_session.starts_at - timedelta(minutes=5)).settlement == "forfeited"


def test_seat_that_is_only_held_is_not_canceled(shop: Shop) -> None:
    order = shop.hold_seat()
    seat = Seat.objects.get()
    with pytest.raises(SeatNotTaken):
        cancel_own_seat(user=order.subscriber.user, seat_public_id=seat.public_id, consequence="", now=clock.now())
    assert Seat.objects.get().state == "held"


@pytest.mark.django_db
def test_consequence_that_is_not_the_one_shown_is_not_carried_out() -> None:
    seat = credit_seat()
    cutoff = seat.live_session.cancel_cutoff_at
    seen = consequence_of(seat, cutoff - timedelta(seconds=1))
    for consequence in (seen, "", "made up"):
        with pytest.raises(ConsequenceChanged):
            cancel_own_seat(user=seat.booked_by, seat_public_id=seat.public_id, consequence=consequence, now=cutoff)
    assert (Seat.objects.get().state, CreditGrant.objects.get().balance) == ("confirmed", 2)


@pytest.mark.django_db
def test_returned_credit_keeps_its_grant_and_is_spent_again() -> None:
    seat = credit_seat(1)
    cancel(seat)
    assert CreditGrant.objects.get().balance == 1
    again = book(seat.booked_by, seat.live_session)
    assert (again.pk != seat.pk, again.number, CreditGrant.objects.get().balance) == (True, 1, 0)
    lines = list(CreditEntry.objects.values_list("kind", "delta", "balance_after"))
    assert lines == [("grant", 1, 1), ("spend", -1, 0), ("return", 1, 1), ("spend", -1, 0)]


@pytest.mark.django_db
def test_canceling_and_booking_ten_times_over_makes_no_credit() -> None:
    user, live_session = make_user(), make_live_session()
    make_credits(user, 2)
    for _ in range(10):
        cancel(book(user, live_session))
        assert credit_balance(user=user, now=clock.now()).total == 2
        assert_books_balance()
    assert sum(CreditEntry.objects.values_list("delta", flat=True)) == 2
    assert CreditGrant.objects.count() == 1


@pytest.mark.django_db
def test_house_returns_do_not_mint_either() -> None:
    user, live_session = make_user(), make_live_session()
    make_credits(user, 1)
    CreditGrant.objects.update(expires_at=clock.now() + timedelta(days=10))
    for _ in range(10):
        cancel_by_house(book(user, live_session))
        assert credit_balance(user=user, now=clock.now()).total == 1
        assert_books_balance()


@pytest.mark.django_db
def test_the_soonest_to_expire_goes_first_after_returns_too() -> None:
    user, live_session = make_user(), make_live_session()
    long = make_credits(user, 1)
    short = make_credits(user, 1)
    CreditGrant.objects.filter(pk=short.pk).update(expires_at=clock.now() + timedelta(days=10))
    first = book(user, live_session)
    assert spent_grant(first) == short
    cancel(first)
    assert spent_grant(book(user, live_session)) == short
    cancel_by_house(Seat.objects.get(state="confirmed"))
    # By the house it came back with 90 days, which is still sooner than a year.
    third = spent_grant(book(user, live_session))
    assert (third.source, third != long) == ("returned", True)


@pytest.mark.django_db(transaction=True)
def test_two_tabs_at_once_return_one_credit() -> None:
    seat = credit_seat()
    seen = consequence_of(seat)
    press = partial(cancel_own_seat, user=seat.booked_by, seat_public_id=seat.public_id, consequence=seen, now=clock.now())
    assert at_once([press] * 6) == [None] * 6
    assert CreditEntry.objects.filter(kind="return").count() == 1
    assert OutgoingMail.objects.filter(kind="seat_canceled").count() == 1
    assert_books_balance()


def test_two_tabs_at_once_make_one_refund(shop: Shop) -> None:
    seat = shop.sell_seat()
    seen = consequence_of(seat)
    press = partial(cancel_own_seat, user=seat.booked_by, seat_public_id=seat.public_id, consequence=seen, now=clock.now())
    assert at_once([press] * 4) == [None] * 4
    assert Refund.objects.get().amount_minor == 25000
    assert [refund["amount"] for refund in shop.stripe.objects("refund")] == [25000]
    assert Order.objects.get().state == "refunded"


def test_reader_house_and_sweep_at_once_settle_once(shop: Shop) -> None:
    by_credit, paid, staff, now = credit_seat(), shop.sell_seat(), make_staff(), clock.now()
    actions: list[Callable[[], object]] = []
    for seat in (by_credit, paid):
        seen = consequence_of(seat)
        actions += [
            partial(cancel_own_seat, user=seat.booked_by, seat_public_id=seat.public_id, consequence=seen, now=now),
            partial(cancel_seat_by_house, seat_id=seat.pk, actor=staff, reason="Asked", restitution=FULL, now=now),
            partial(settle_seat, seat_id=seat.pk, now=now),
            partial(settle_canceled_seats, now=now),
        ]
    assert [outcome for outcome in at_once(actions) if isinstance(outcome, Exception)] == []
    settle_canceled_seats(now=now)
    settlements = dict(SeatCoverage.objects.values_list("kind", "settlement"))
    assert settlements == {"credit": "credit", "order": "refund"}
    assert (CreditEntry.objects.filter(kind="return").count(), len(shop.stripe.objects("refund"))) == (1, 1)
    assert_books_balance()


def test_staff_who_cancel_twice_return_one_credit(shop: Shop) -> None:
    seat = credit_seat()
    for _ in range(2):
        cancel_by_house(seat)
    assert (CreditGrant.objects.get().balance, CreditEntry.objects.filter(kind="return").count()) == (3, 1)


def test_while_stripe_is_down_the_seat_is_canceled_and_the_money_follows_once(shop: Shop) -> None:
    seat = shop.sell_seat()
    shop.stripe.fault("503", method="POST", path="/v1/refunds", count=50)
    coverage = cancel(seat)
    assert coverage.refund is not None
    assert (coverage.seat.state, coverage.settlement, coverage.refund.state) == ("canceled", "refund", "pending")
    shop.stripe.clear_faults()
    for _ in range(2):
        Refund.objects.filter(state="pending").update(next_attempt_at=clock.now())
        sweep_refunds_task()
    assert Refund.objects.get().state == "succeeded"
    assert (len(shop.stripe.objects("refund")), Order.objects.get().state) == (1, "refunded")
