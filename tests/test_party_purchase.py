"""One order of several seats: all of them or none, at every turn."""

from datetime import timedelta

import pytest

from redreport import clock
from redreport.outbox.models import OutgoingMail
from sessions_live.errors import AlreadySeated, SoldOut, TooManySeats
from sessions_live.models import LiveSession, Seat
from sessions_live.operations.seats import Attendee
from sessions_live.operations.waitlist import tend_waitlist
from subscriptions.errors import HeldSeatsStay, PaidMeanwhile, PaymentUnderWay, TooManyLapsedHolds
from subscriptions.models import Order, Refund
from subscriptions.operations.checkouts import sync_checkout
from tests.factories import make_guest_seat, make_live_session, make_user
from tests.fixtures_shop import Shop, seats_given
from tests.parties import BO, CY, DI, buy, colleagues, party_of, who_sits
from tests.racing import at_once
from tests.waiting import entry_of, waits


def status_at_stripe(shop: Shop, order: Order) -> str:
    [status] = [row["status"] for row in shop.stripe.objects("checkout.session") if row["id"] == order.stripe_checkout_session_id]
    return str(status)


def test_three_seats_are_one_order_one_charge_and_three_doors(shop: Shop) -> None:
    user, live_session = make_user(), make_live_session()
    order = shop.sell_seats(user, live_session, party_of(user, BO, CY))
    assert (order.quantity, order.amount_minor, order.total_minor, order.state) == (3, 75000, 75000, "paid")
    assert [charge["amount"] for charge in shop.stripe.objects("charge")] == [75000]
    assert who_sits(order) == [user.email, BO.email, CY.email]
    doors = OutgoingMail.objects.filter(kind="seat_confirmed").order_by("id").values_list("recipient", flat=True)
    assert list(doors) == [user.email, BO.email, CY.email]
    assert OutgoingMail.objects.get(kind="booking_receipt").recipient == user.email


def test_stripe_is_told_how_many_seats_it_sells(shop: Shop) -> None:
    user = make_user()
    order = shop.hold_seat(user, make_live_session(), [BO, CY])
    [checkout] = shop.stripe.objects("checkout.session")
    assert (checkout["amount_subtotal"], checkout["metadata"]["seats"]) == (50000, "2")
    assert order.amount_minor == 50000


@pytest.mark.parametrize("capacity", [1, 2])
def test_more_seats_than_are_left_hold_none(shop: Shop, capacity: int) -> None:
    user, live_session = make_user(), make_live_session(capacity=capacity)
    with pytest.raises(SoldOut):
        buy(user, live_session, party_of(user, BO, CY))
    assert (Seat.objects.count(), Order.objects.count()) == (0, 0)


def test_one_attendee_who_has_a_seat_already_keeps_the_others_from_being_held(shop: Shop) -> None:
    live_session, user = make_live_session(), make_user()
    make_guest_seat(live_session, make_user("Bo", email=BO.email))
    with pytest.raises(AlreadySeated) as refusal:
        buy(user, live_session, [CY, Attendee("Bo", "BO@example.org")])
    assert refusal.value.email == "BO@example.org"
    assert Order.objects.count() == 0


def test_one_address_twice_is_refused_whatever_its_case(shop: Shop) -> None:
    with pytest.raises(AlreadySeated):
        buy(make_user(), make_live_session(), [BO, Attendee("Another", "Bo@Example.org")])
    assert Seat.objects.count() == 0


def test_ten_seats_are_the_most_over_several_orders(shop: Shop) -> None:
    user, live_session = make_user(), make_live_session(capacity=40)
    with pytest.raises(TooManySeats):
        buy(user, live_session, colleagues(11))
    shop.sell_seats(user, live_session, colleagues(7))
    with pytest.raises(TooManySeats):
        buy(user, live_session, colleagues(4, start=8))
    order = shop.sell_seats(user, live_session, colleagues(3, start=8))
    assert (order.total_minor, seats_given(live_session)) == (75000, 10)


def test_another_number_of_seats_gives_up_the_order_of_before_at_stripe(shop: Shop) -> None:
    user, live_session = make_user(), make_live_session(capacity=3)
    first = shop.hold_seat(user, live_session, party_of(user))
    address = buy(user, live_session, party_of(user, BO, CY))
    first.refresh_from_db()
    assert (first.state, status_at_stripe(shop, first)) == ("expired", "expired")
    order = Order.objects.get(state=Order.State.PENDING)
    assert (order.quantity, order.checkout_url) == (3, address)
    assert who_sits(order, Seat.State.HELD) == [user.email, BO.email, CY.email]
    assert not OutgoingMail.objects.filter(kind="hold_lapsed").exists()
    fewer = buy(user, live_session, [CY])
    assert fewer != address
    assert who_sits(Order.objects.get(state=Order.State.PENDING), Seat.State.HELD) == [CY.email]


def test_nobody_loses_what_they_hold_by_asking_for_more_than_there_is(shop: Shop) -> None:
    user, live_session = make_user(), make_live_session(capacity=3)
    shop.sell_seat(live_session=live_session)
    order = shop.hold_seat(user, live_session, party_of(user))
    with pytest.raises(HeldSeatsStay):
        buy(user, live_session, party_of(user, BO, CY))
    order.refresh_from_db()
    assert (order.state, who_sits(order, Seat.State.HELD)) == ("pending", [user.email])
    assert status_at_stripe(shop, order) == "open"


def test_order_that_was_paid_while_another_number_was_asked_for_stands(shop: Shop) -> None:
    user, live_session = make_user(), make_live_session()
    order = shop.hold_seat(user, live_session, party_of(user, BO))
    shop.pay(order)
    with pytest.raises(PaidMeanwhile) as refusal:
        buy(user, live_session, party_of(user, BO, CY))
    assert refusal.value.number == order.number
    assert (who_sits(order), Order.objects.count()) == ([user.email, BO.email], 1)


def test_payment_on_its_way_is_not_given_up_for_another_number(shop: Shop) -> None:
    user, live_session = make_user(), make_live_session()
    order = shop.hold_seat(user, live_session, party_of(user, BO))
    Order.objects.filter(pk=order.pk).update(under_way_since=clock.now())
    with pytest.raises(PaymentUnderWay):
        buy(user, live_session, [CY])
    assert who_sits(order, Seat.State.HELD) == [user.email, BO.email]


def test_changing_the_number_after_a_long_while_counts_as_a_lapse_before_anything_is_given_up(shop: Shop) -> None:
    user, live_session, long_ago = make_user(), make_live_session(), clock.now() - timedelta(minutes=20)
    for _ in range(2):
        shop.let_hold_lapse(shop.hold_seat(user, live_session))
    order = shop.hold_seat(user, live_session, [BO])
    Order.objects.filter(pk=order.pk).update(created_at=long_ago)
    with pytest.raises(TooManyLapsedHolds):
        buy(user, live_session, [BO, CY])
    assert who_sits(order, Seat.State.HELD) == [BO.email]


def test_same_number_with_other_names_keeps_the_order_and_who_is_named_again(shop: Shop) -> None:
    user, live_session = make_user(), make_live_session()
    order = shop.hold_seat(user, live_session, [BO, CY])
    kept = Seat.objects.get(attendee_email=CY.email)
    address = buy(user, live_session, [Attendee("Cy M. Doe", "CY@example.org"), DI])
    kept.refresh_from_db()
    assert address == order.checkout_url
    assert (kept.attendee_name, kept.attendee_email) == ("Cy M. Doe", CY.email)
    assert who_sits(order, Seat.State.HELD) == [DI.email, CY.email]
    with pytest.raises(AlreadySeated):
        buy(user, live_session, [DI, Attendee("Di again", "DI@example.org")])
    assert who_sits(order, Seat.State.HELD) == [DI.email, CY.email]


def test_double_click_is_one_order(shop: Shop) -> None:
    user, live_session = make_user(), make_live_session()
    addresses = at_once([lambda: buy(user, live_session, [BO, CY])] * 2)
    assert len(set(addresses)) == 1
    assert (Order.objects.count(), Seat.objects.count(), len(shop.stripe.objects("checkout.session"))) == (1, 2, 1)


def test_two_tabs_with_different_numbers_leave_one_order_that_can_be_paid(shop: Shop) -> None:
    user, live_session = make_user(), make_live_session(capacity=40)
    at_once([lambda: buy(user, live_session, [BO, CY]), lambda: buy(user, live_session, [BO, CY, DI])])
    open_ones = [row["id"] for row in shop.stripe.objects("checkout.session") if row["status"] == "open"]
    pending = Order.objects.filter(state=Order.State.PENDING)
    assert len(open_ones) <= 1
    assert [order.stripe_checkout_session_id for order in pending if order.checkout_url] == open_ones
    held = Seat.objects.filter(state=Seat.State.HELD).count()
    assert held == sum(order.quantity for order in pending)


def test_two_buyers_of_two_seats_each_cannot_both_have_the_last_three(shop: Shop) -> None:
    live_session = make_live_session(capacity=3)
    parties = [colleagues(2), colleagues(2, start=3)]
    outcomes = at_once([lambda party=party: buy(make_user(), live_session, party) for party in parties])  # type: ignore[misc]
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["SoldOut", "str"]
    assert Seat.objects.filter(state=Seat.State.HELD).count() == 2


def test_lapsed_order_gives_all_its_seats_back_and_says_so_once(shop: Shop) -> None:
    user, live_session = make_user(), make_live_session(capacity=3)
    order = shop.hold_seat(user, live_session, party_of(user, BO, CY))
    shop.let_hold_lapse(order)
    order.refresh_from_db()
    assert (order.state, who_sits(order, Seat.State.EXPIRED)) == ("expired", [user.email, BO.email, CY.email])
    assert OutgoingMail.objects.filter(kind="hold_lapsed").count() == 1
    shop.hold_seat(make_user(), live_session, colleagues(3))


def pay_late(shop: Shop, order: Order) -> None:
    """The hold lapses, and Stripe takes the payment all the same."""
    shop.stripe.take_payment_despite_expire()
    shop.let_hold_lapse(order)
    shop.pay(order)


def test_late_payment_gets_all_its_seats_if_they_are_left(shop: Shop) -> None:
    user, live_session = make_user(), make_live_session(capacity=3)
    order = shop.hold_seat(user, live_session, party_of(user, BO, CY))
    pay_late(shop, order)
    sync_checkout(checkout_session_id=str(order.stripe_checkout_session_id), now=clock.now())
    assert (who_sits(order), Refund.objects.count()) == ([user.email, BO.email, CY.email], 0)


@pytest.mark.parametrize("left", [0, 1, 2])
def test_late_payment_for_more_seats_than_are_left_comes_back_whole(shop: Shop, left: int) -> None:
    user, live_session = make_user(), make_live_session(capacity=3)
    order = shop.hold_seat(user, live_session, party_of(user, BO, CY))
    pay_late(shop, order)
    shop.sell_seats(make_user(), live_session, colleagues(3 - left))
    for _ in range(2):
        sync_checkout(checkout_session_id=str(order.stripe_checkout_session_id), now=clock.now())
    order.refresh_from_db()
    assert (order.state, order.fulfilled_at, seats_given(live_session)) == ("refunded", None, 3 - left)
    assert [refund["amount"] for refund in shop.stripe.objects("refund")] == [75000]
    assert Refund.objects.get().reason == "sold_out"
    assert not OutgoingMail.objects.filter(kind="seat_confirmed", recipient=BO.email).exists()


def test_late_payment_with_one_attendee_seated_meanwhile_comes_back_whole(shop: Shop) -> None:
    user, live_session = make_user(), make_live_session()
    order = shop.hold_seat(user, live_session, party_of(user, BO))
    pay_late(shop, order)
    make_guest_seat(live_session, make_user(email=BO.email))
    sync_checkout(checkout_session_id=str(order.stripe_checkout_session_id), now=clock.now())
    assert (who_sits(order), Refund.objects.get().reason, Refund.objects.get().amount_minor) == ([], "already_seated", 50000)


def test_late_payment_comes_before_a_colleagues_own_offer_that_nobody_paid_for(shop: Shop) -> None:
    user, live_session = make_user(), make_live_session(capacity=2)
    order = shop.hold_seat(user, live_session, party_of(user, BO))
    pay_late(shop, order)
    shop.sell_seats(make_user(), live_session, colleagues(2))
    bo = waits(live_session, make_user(email=BO.email))
    LiveSession.objects.filter(pk=live_session.pk).update(capacity=4)
    tend_waitlist(live_session_id=live_session.pk, now=clock.now())
    assert entry_of(bo, live_session).state == "offered"
    sync_checkout(checkout_session_id=str(order.stripe_checkout_session_id), now=clock.now())
    assert (who_sits(order), Refund.objects.count()) == ([user.email, BO.email], 0)
    assert (entry_of(bo, live_session).state, seats_given(live_session)) == ("seated", 4)


def test_seats_given_by_a_promotion_of_everything_are_all_given(shop: Shop, settings: object) -> None:
    settings.STRIPE_PROMOTION_CODES = True  # type: ignore[attr-defined]
    shop.promote("GUEST", percent_off=100, duration="once")
    user, live_session = make_user(), make_live_session()
    order = shop.sell_seats(user, live_session, [BO, CY], promotion_code="GUEST")
    assert (order.total_minor, order.discount_minor, who_sits(order)) == (0, 50000, [BO.email, CY.email])
