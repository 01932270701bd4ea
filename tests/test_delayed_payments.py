"""Payments that a bank moves for days: the seat is held meanwhile, then given, let go, or its price returned."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine

from redreport import clock
from redreport.outbox.models import OutgoingMail
from sessions_live.models import LiveSession, Seat
from sessions_live.operations.cancellations import cancel_live_session
from sessions_live.operations.seats import Attendee
from subscriptions.errors import PaymentUnderWay
from subscriptions.models import Order, Payment, Plan, Refund
from subscriptions.operations.booking import start_seat_order
from subscriptions.operations.checkouts import give_up_order, open_checkout
from subscriptions.selectors import current_price
from tests.factories import make_live_session, make_staff
from tests.fixtures_shop import Shop, seats_given
from tests.order_pages import account_of, page_of
from tests.outbox_helpers import rendered_mail

DAY = timedelta(days=1)


@pytest.fixture
def shop(shop: Shop, settings: Any) -> Shop:
    """A shop that takes bank debits, in an account that has them on."""
    settings.STRIPE_DELAYED_PAYMENTS = True
    shop.stripe.allow_delayed_payments()
    return shop


@pytest.fixture
def live_session() -> LiveSession:
    return make_live_session(starts_in=7 * DAY, capacity=1)


@pytest.fixture
def order(shop: Shop, live_session: LiveSession) -> Order:
    """Paid by a debit of which we have heard."""
    order = shop.hold_seat(live_session=live_session)
    promise(shop, order)
    shop.hear_all()
    order.refresh_from_db()
    return order


def promise(shop: Shop, order: Order) -> None:
    assert shop.stripe.pay_by_debit(str(order.stripe_checkout_session_id))["outcome"] == "paid"


def settle(shop: Shop, order: Order, status: Any) -> None:
    shop.stripe.settle_debit(str(order.stripe_checkout_session_id), status)


def sweep_at(shop: Shop, moment: datetime) -> None:
    with time_machine.travel(moment, tick=False):
        shop.sweep()


def state_of(order: Order) -> tuple[str, list[str]]:
    order.refresh_from_db()
    return order.state, list(Seat.objects.filter(coverage__order=order).order_by("id").values_list("state", flat=True))


def test_debits_are_offered_for_seats_in_good_time_and_for_nothing_else(shop: Shop, settings: Any) -> None:
    shop.hold_seat(live_session=make_live_session(starts_in=timedelta(hours=25)))
    shop.hold_seat(live_session=make_live_session(starts_in=timedelta(hours=24, minutes=30)))
    shop.order_year()
    settings.STRIPE_DELAYED_PAYMENTS = False
    shop.hold_seat()
    offered = [checkout["payment_method_types"] for checkout in shop.stripe.objects("checkout.session")]
    assert offered == [["card", "us_bank_account"], ["card"], ["card"], ["card"]]


def test_a_promised_payment_keeps_its_seat_until_a_day_before_the_start(order: Order, live_session: LiveSession) -> None:
    until = live_session.starts_at - DAY
    seat = Seat.objects.get()
    assert state_of(order) == ("pending", ["held"])
    assert (order.under_way_since is not None, order.checkout_url, order.held_until) == (True, "", until)
    assert (order.expires_at, seat.hold_expires_at) == (until, until)
    assert not Payment.objects.exists()
    assert not OutgoingMail.objects.exists()


def test_no_webhook_is_needed_to_learn_that_a_payment_is_on_its_way(shop: Shop, live_session: LiveSession) -> None:
    order = shop.hold_seat(live_session=live_session)
    promise(shop, order)
    sweep_at(shop, clock.now() + timedelta(minutes=36))
    assert state_of(order) == ("pending", ["held"])
    assert order.expires_at == live_session.starts_at - DAY


def test_the_reader_is_told_to_wait_on_every_page(order: Order) -> None:
    page = page_of(order)
    assert "Your bank is still moving the money; your seat is held until " in page
    assert "Please do not pay again." in page
    assert "Pay on Stripe" not in page
    assert "Give the seat back" not in page
    assert "Your payment is on its way" in account_of(order)


def test_money_that_arrives_gives_the_seat(shop: Shop, order: Order) -> None:
    settle(shop, order, "succeeded")
    shop.hear_all()
    assert state_of(order) == ("paid", ["confirmed"])
    assert (order.total_minor, Payment.objects.get().amount_minor, order.fulfilled_at is not None) == (25000, 25000, True)
    assert [mail.kind for mail in OutgoingMail.objects.all()] == ["seat_confirmed"]


def test_the_sweep_finds_money_of_which_nobody_told_us(shop: Shop, order: Order) -> None:
    settle(shop, order, "succeeded")
    sweep_at(shop, clock.now() + timedelta(minutes=61))
    assert state_of(order) == ("paid", ["confirmed"])


def test_a_payment_that_fails_closes_the_order_and_frees_the_seat(shop: Shop, order: Order, live_session: LiveSession) -> None:
    settle(shop, order, "failed")
    shop.hear_all()
    shop.hear_all()
    assert state_of(order) == ("failed", ["expired"])
    assert (order.paid_at, order.next_check_at, order.came_to_nothing) == (None, None, False)
    assert "Your bank did not make the payment" in page_of(order)
    text = rendered_mail("hold_lapsed").text
    assert "Nothing was charged. Your bank did not make the payment, so we gave back the seat we held for you." in text
    shop.hold_seat(live_session=live_session)
    assert not Refund.objects.exists()


def test_a_failure_heard_before_the_promise_closes_the_order_as_well(shop: Shop, live_session: LiveSession) -> None:
    order = shop.hold_seat(live_session=live_session)
    promise(shop, order)
    settle(shop, order, "failed")
    shop.hear_all()
    assert state_of(order) == ("failed", ["expired"])
    assert "Your payment did not go through" in page_of(order)


def test_a_day_before_the_start_the_seat_is_let_go(shop: Shop, order: Order, live_session: LiveSession) -> None:
    just_before, at = live_session.starts_at - DAY - timedelta(seconds=1), live_session.starts_at - DAY
    sweep_at(shop, just_before)
    assert state_of(order) == ("pending", ["held"])
    sweep_at(shop, at + timedelta(seconds=1))
    assert state_of(order) == ("expired", ["expired"])
    assert "24 hours before the start, your bank had not moved the money" in page_of(order)
    assert "Nothing was charged" not in page_of(order)
    text = rendered_mail("hold_lapsed").text
    assert "Your bank had not moved the money 24 hours before the start" in text
    assert "Nothing was charged" not in text


def let_go(shop: Shop, order: Order, live_session: LiveSession) -> datetime:
    at = live_session.starts_at - DAY + timedelta(minutes=1)
    sweep_at(shop, at)
    assert state_of(order) == ("expired", ["expired"])
    return at


def test_money_that_arrives_too_late_gets_a_seat_if_one_is_left(shop: Shop, order: Order, live_session: LiveSession) -> None:
    at = let_go(shop, order, live_session)
    settle(shop, order, "succeeded")
    sweep_at(shop, at + timedelta(minutes=61))
    assert state_of(order) == ("paid", ["expired", "confirmed"])
    assert not Refund.objects.exists()


def test_money_that_arrives_when_the_seat_is_anothers_goes_back(shop: Shop, order: Order, live_session: LiveSession) -> None:
    at = let_go(shop, order, live_session)
    rival = shop.hold_seat(live_session=live_session)
    shop.pay(rival)
    settle(shop, order, "succeeded")
    with time_machine.travel(at + timedelta(minutes=61), tick=False):
        shop.sweep()
    assert state_of(order) == ("refunded", ["expired"])
    assert [refund["amount"] for refund in shop.stripe.objects("refund")] == [25000]
    assert Refund.objects.get().reason == "sold_out"


def test_a_payment_that_fails_after_its_seat_was_let_go_is_not_mailed_again(
    shop: Shop, order: Order, live_session: LiveSession
) -> None:
    at = let_go(shop, order, live_session)
    settle(shop, order, "failed")
    sweep_at(shop, at + timedelta(minutes=61))
    assert state_of(order) == ("failed", ["expired"])
    assert order.next_check_at is None
    assert OutgoingMail.objects.count() == 1
    assert "Nothing was charged" in page_of(order)


def test_what_has_not_arrived_is_not_refunded_before_it_has(shop: Shop, order: Order, live_session: LiveSession) -> None:
    cancel_live_session(live_session_id=live_session.pk, actor=make_staff(), reason="the host is ill", now=clock.now())
    shop.hear_all()
    sweep_at(shop, clock.now() + timedelta(hours=2))
    assert (state_of(order), Refund.objects.count()) == (("expired", ["expired"]), 0)
    assert "The session does not take place" in page_of(order)
    assert "When it has arrived, we return all of it" in page_of(order)
    text = rendered_mail("hold_lapsed").text
    assert "We canceled this session. Your bank is still moving the money of your payment." in text
    assert "Nothing was charged" not in text
    settle(shop, order, "succeeded")
    shop.hear_all()
    assert state_of(order) == ("refunded", ["expired"])
    assert (Refund.objects.get().reason, Refund.objects.get().amount_minor) == ("not_held", 25000)


def test_nothing_can_be_paid_given_back_or_renamed_while_money_is_on_its_way(order: Order, live_session: LiveSession) -> None:
    user, now = order.subscriber.user, clock.now()
    colleague = Attendee("Bo Chen", "bo@example.org")
    with pytest.raises(PaymentUnderWay):
        start_seat_order(
            user=user,
            live_session_id=live_session.pk,
            attendees=[colleague],
            price_id=current_price(Plan.SINGLE_SEAT).pk,
            now=now,
        )
    with pytest.raises(PaymentUnderWay):
        open_checkout(order=order, now=now)
    with pytest.raises(PaymentUnderWay):
        give_up_order(order_id=order.pk, by_buyer=True, now=now)
    assert state_of(order) == ("pending", ["held"])
    assert (Seat.objects.get().attendee_email, order.given_up_at) == (user.email, None)


def test_a_reader_who_gave_the_seat_back_while_paying_keeps_it_until_the_bank_has_spoken(
    shop: Shop, live_session: LiveSession
) -> None:
    order = shop.hold_seat(live_session=live_session)
    promise(shop, order)
    give_up_order(order_id=order.pk, by_buyer=True, now=clock.now())
    assert state_of(order) == ("pending", ["held"])
    settle(shop, order, "failed")
    shop.hear_all()
    assert state_of(order) == ("failed", ["expired"])
    assert seats_given(live_session) == 0


def test_switching_debits_off_leaves_those_on_their_way_alone(shop: Shop, order: Order, settings: Any) -> None:
    settings.STRIPE_DELAYED_PAYMENTS = False
    settle(shop, order, "succeeded")
    shop.hear_all()
    assert state_of(order) == ("paid", ["confirmed"])
