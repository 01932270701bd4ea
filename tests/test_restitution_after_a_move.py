"""Who took a seat before its session was moved did not choose the new time; who took it since, or came in, did."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from redreport import clock
from sessions_live.models import Seat
from sessions_live.operations.attendance import enter_by_door
from subscriptions.errors import ConsequenceChanged
from subscriptions.models import CreditGrant, Order, Plan
from subscriptions.operations.cancel import cancel_own_seat
from subscriptions.operations.offers import start_offer_order, take_offer_with_credit
from subscriptions.selectors import current_price
from tests.canceling import assert_books_balance, book, cancel, consequence_of
from tests.factories import make_credits, make_live_session, make_user
from tests.fixtures_shop import Shop
from tests.moving import move
from tests.waiting import free_a_seat, sold_out_session, waits


@pytest.mark.django_db
def test_who_has_come_in_to_a_moved_session_gets_nothing_for_canceling_before_its_start() -> None:
    live_session = make_live_session()
    user = make_user()
    make_credits(user, 2)
    seat = book(user, live_session)
    move(live_session)
    moment = live_session.starts_at - timedelta(minutes=5)
    seen_before = consequence_of(seat, moment)
    seat = Seat.objects.select_related("live_session", "booked_by").get()
    enter_by_door(seat=seat, device=uuid.uuid4(), takes_over=False, now=moment)
    with pytest.raises(ConsequenceChanged):
        cancel_own_seat(user=user, seat_public_id=seat.public_id, consequence=seen_before, now=moment)
    assert cancel(seat, moment).settlement == "forfeited"
    assert CreditGrant.objects.get().balance == 1
    assert_books_balance()


@pytest.mark.django_db
def test_offered_seat_that_is_taken_with_a_credit_after_the_move_keeps_the_ordinary_cutoff() -> None:
    live_session = sold_out_session()
    reader = waits(live_session)
    make_credits(reader)
    free_a_seat(live_session)
    move(live_session)
    later = clock.now() + timedelta(minutes=1)
    seat = take_offer_with_credit(user=reader, live_session_id=live_session.pk, now=later).seat
    seat = Seat.objects.select_related("live_session", "booked_by").get(pk=seat.pk)
    assert seat.free_cancel_until == live_session.cancel_cutoff_at
    assert cancel(seat, live_session.starts_at - timedelta(hours=1)).settlement == "forfeited"


def test_offered_seat_that_is_taken_for_money_before_the_move_is_free_to_cancel_and_after_it_is_not(shop: Shop) -> None:
    live_session = sold_out_session(capacity=2)
    before, after = waits(live_session), waits(live_session)
    free_a_seat(live_session)
    free_a_seat(live_session)
    wanted: dict[str, Any] = {"live_session_id": live_session.pk, "price_id": current_price(Plan.SINGLE_SEAT).pk}
    start_offer_order(user=before, now=clock.now(), **wanted)
    move(live_session)
    start_offer_order(user=after, now=clock.now() + timedelta(minutes=1), **wanted)
    seats = [Seat.objects.select_related("live_session").get(attendee_email=user.email) for user in (before, after)]
    assert [seat.free_cancel_until for seat in seats] == [live_session.starts_at, live_session.cancel_cutoff_at]


def test_who_paid_for_the_old_time_is_free_to_cancel_though_the_payment_came_after_the_move(shop: Shop, settings: Any) -> None:
    settings.STRIPE_DELAYED_PAYMENTS = True
    shop.stripe.allow_delayed_payments()
    order = shop.hold_seat(live_session=make_live_session(starts_in=timedelta(days=7)))
    live_session, checkout = order.live_session, str(order.stripe_checkout_session_id)
    assert live_session is not None
    assert shop.stripe.pay_by_debit(checkout)["outcome"] == "paid"
    shop.hear_all()
    with time_machine.travel(live_session.starts_at - timedelta(hours=23), tick=False):
        shop.sweep()
        assert Order.objects.get().state == "expired"
        move(live_session)
    with time_machine.travel(live_session.starts_at - timedelta(hours=30), tick=False):
        shop.stripe.settle_debit(checkout, "succeeded")
        shop.hear_all()
    seat = Seat.objects.select_related("live_session").get(state="confirmed")
    assert (Order.objects.get().state, seat.free_cancel_until) == ("paid", live_session.starts_at)
