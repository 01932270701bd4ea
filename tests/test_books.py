"""The books by worked examples, to the cent: what came in, what was earned on which day, and what is still owed."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from redreport import clock
from redreport.desk.books.months import Span, chosen_span, month_of, parse_month
from sessions_live.models import Seat
from sessions_live.operations.attendance import check_in_seat
from subscriptions.models import Case, Order, Payment, Refund, SeatCoverage
from subscriptions.operations.case_money import note_paid_back, retry_refund_of_case
from subscriptions.operations.granting import give_credits
from subscriptions.operations.refunds import refund_payment, submit_refund
from tests.bookkeeping import assert_every_cent_is_accounted_for, cents, day, pass_to, said, session_on
from tests.canceling import NONE, book, cancel, cancel_by_house
from tests.factories import make_guest_seat, make_staff, make_user
from tests.fixtures_shop import Shop
from tests.money_back import refund_by_hand
from tests.moving import move
from tests.parties import BO, CY, DI
from tests.timeline import Timeline


@pytest.fixture
def shop(timeline: Timeline) -> Shop:
    """The shop on a day in January 2027."""
    timeline.go_to(day(1, 10))
    return timeline.shop


def test_paid_seat_is_owed_until_its_session_starts_and_earned_then(shop: Shop, timeline: Timeline) -> None:
    seat = shop.sell_seat(live_session=session_on(day(2, 3)))
    assert said("2027-01") == cents(payments=25000, coming=25000)
    pass_to(timeline, day(2, 3, hour=11))
    assert said("2027-02") == cents(coming=25000)
    timeline.go_to(day(2, 3) + timedelta(minutes=5))
    check_in_seat(seat_id=seat.pk, actor=make_staff(), now=clock.now())
    assert said("2027-02") == cents(earned_seats=25000)
    assert said("2027-01") == cents(payments=25000, coming=25000)
    assert_every_cent_is_accounted_for()


def test_whoever_does_not_come_has_had_the_seat(shop: Shop, timeline: Timeline) -> None:
    seat = shop.sell_seat(live_session=session_on(day(2, 3)))
    pass_to(timeline, day(2, 5))
    seat.refresh_from_db()
    assert (seat.state, said("2027-02")) == ("no_show", cents(earned_seats=25000))


def test_books_are_without_tax_and_after_discount(shop: Shop, timeline: Timeline, settings: Any) -> None:
    settings.STRIPE_AUTOMATIC_TAX = settings.STRIPE_TAX_ID_COLLECTION = True
    shop.stripe.set_tax({"DE": 19})
    shop.promote("AUTUMN", percent_off=10)
    order = shop.hold_seat(live_session=session_on(day(2, 3)))
    shop.pay(order, country="DE", promotion_code="AUTUMN")
    pass_to(timeline, day(1, 11))
    assert said("2027-01") == cents(payments=26775, tax=4275, coming=22500)
    cancel(Seat.objects.get())
    pass_to(timeline, day(1, 12))
    assert Refund.objects.get().state == "succeeded"
    assert said("2027-01") == cents(payments=26775, refunds=-26775)
    assert_every_cent_is_accounted_for()


def test_refund_in_time_takes_the_seat_out_of_what_is_owed(shop: Shop, timeline: Timeline) -> None:
    seat = shop.sell_seat(live_session=session_on(day(3, 3)))
    pass_to(timeline, day(2, 10))
    cancel(seat)
    assert said("2027-02") == cents(refunds=-25000)
    pass_to(timeline, day(3, 10))
    assert said("2027-03") == {}
    assert said("2027-01") == cents(payments=25000, coming=25000)
    assert_every_cent_is_accounted_for()


def test_refund_that_stripe_has_not_carried_out_yet_is_on_its_way(shop: Shop, timeline: Timeline) -> None:
    seat = shop.sell_seat(live_session=session_on(day(3, 3)))
    shop.stripe.fault("drop", method="POST", path="/v1/refunds", count=2)
    cancel(seat)
    assert Refund.objects.get().state == "pending"
    assert said("2027-01") == cents(payments=25000, on_its_way=25000)
    shop.stripe.clear_faults()
    pass_to(timeline, day(1, 11))
    assert said("2027-01") == cents(payments=25000, refunds=-25000)


def test_refund_that_fails_leaves_the_money_owed_until_it_is_made_again(shop: Shop, timeline: Timeline) -> None:
    seat = shop.sell_seat(live_session=session_on(day(3, 3)), card="4000000000005126")
    cancel(seat)
    pass_to(timeline, day(1, 20))
    assert Refund.objects.get().state == "failed"
    assert said("2027-01") == cents(payments=25000, to_give_back=25000)
    pass_to(timeline, day(3, 10))
    assert said("2027-03") == cents(to_give_back=25000)
    shop.stripe.fault("drop", method="POST", path="/v1/refunds", count=20)
    retry_refund_of_case(case_id=Case.objects.get(kind="refund_failed").pk, actor=make_staff(), now=clock.now())
    assert said("2027-03") == cents(on_its_way=25000)
    assert_every_cent_is_accounted_for()


def test_seat_canceled_too_late_is_earned_on_the_day_of_the_cancellation(shop: Shop, timeline: Timeline) -> None:
    seat = shop.sell_seat(live_session=session_on(day(2, 1, hour=10)))
    pass_to(timeline, day(1, 31, hour=20))
    cancel(seat)
    assert said("2027-01") == cents(payments=25000, earned_late=25000)
    pass_to(timeline, day(2, 2))
    assert said("2027-02") == {}
    assert_every_cent_is_accounted_for()


def test_part_refunded_comes_out_of_what_is_owed_first_and_out_of_what_was_earned_after(shop: Shop, timeline: Timeline) -> None:
    coming = shop.sell_seat(live_session=session_on(day(2, 3)))
    past = shop.sell_seat(live_session=session_on(day(1, 20)))
    pass_to(timeline, day(2, 1))
    for seat in (coming, past):
        refund_part(Payment.objects.get(order=seat.coverage.order), 10000)
    assert said("2027-01") == cents(payments=50000, earned_seats=25000, coming=25000)
    assert said("2027-02") == cents(refunds=-20000, earned_given_back=-10000, coming=15000)
    pass_to(timeline, day(2, 4))
    assert said("2027-02") == cents(refunds=-20000, earned_given_back=-10000, earned_seats=15000)
    assert_every_cent_is_accounted_for()


def test_one_of_three_seats_that_do_not_divide_evenly_goes_back_to_the_cent(shop: Shop, timeline: Timeline) -> None:
    shop.promote("ODD", amount_off=1, currency="usd")
    user = make_user()
    order = shop.hold_seat(user, session_on(day(2, 3)), [BO, CY, DI])
    shop.pay(order, promotion_code="ODD")
    pass_to(timeline, day(1, 11))
    assert said("2027-01") == cents(payments=74999, coming=74999)
    cancel(Seat.objects.order_by("id")[0])
    assert said("2027-01") == cents(payments=74999, refunds=-25000, coming=49999)
    pass_to(timeline, day(2, 5))
    assert said("2027-02") == cents(earned_seats=49999)
    assert_every_cent_is_accounted_for()


def test_seat_canceled_by_the_house_after_its_session_is_no_longer_earned(shop: Shop, timeline: Timeline) -> None:
    seat = shop.sell_seat(live_session=session_on(day(1, 20)))
    pass_to(timeline, day(2, 5))
    cancel_by_house(seat)
    assert said("2027-01") == cents(payments=25000, earned_seats=25000)
    assert said("2027-02") == cents(refunds=-25000, earned_given_back=-25000)
    assert_every_cent_is_accounted_for()


def test_dispute_is_with_the_bank_until_it_is_lost(shop: Shop, timeline: Timeline) -> None:
    coming, past = shop.sell_seat(live_session=session_on(day(4, 3))), shop.sell_seat(live_session=session_on(day(1, 20)))
    pass_to(timeline, day(2, 26))
    disputes = [
        shop.stripe.open_dispute(Payment.objects.get(order=seat.coverage.order).stripe_payment_intent_id)
        for seat in (coming, past)
    ]
    pass_to(timeline, day(2, 27))
    assert said("2027-02") == cents(disputes_taken=-50000, coming=25000, with_bank=50000)
    pass_to(timeline, day(3, 2))
    for dispute in disputes:
        shop.stripe.settle_dispute(dispute, "lost")
    pass_to(timeline, day(3, 3))
    assert said("2027-03") == cents(earned_given_back=-25000)
    assert said("2027-02") == cents(disputes_taken=-50000, coming=25000, with_bank=50000)
    assert_every_cent_is_accounted_for()


def test_dispute_that_is_won_brings_the_money_back(shop: Shop, timeline: Timeline) -> None:
    seat = shop.sell_seat(live_session=session_on(day(4, 3)))
    pass_to(timeline, day(1, 30))
    dispute = shop.stripe.open_dispute(Payment.objects.get(order=seat.coverage.order).stripe_payment_intent_id)
    pass_to(timeline, day(2, 1))
    shop.stripe.settle_dispute(dispute, "won")
    pass_to(timeline, day(2, 2))
    assert said("2027-01") == cents(payments=25000, disputes_taken=-25000, coming=25000, with_bank=25000)
    assert said("2027-02") == cents(disputes_returned=25000, coming=25000)
    assert_every_cent_is_accounted_for()


def test_offline_payment_is_cash_on_its_day_and_given_back_once_its_case_is_settled(shop: Shop, timeline: Timeline) -> None:
    staff = make_staff()
    seats = [make_guest_seat(session_on(day(month, 3)), staff=staff) for month in (2, 4)]
    SeatCoverage.objects.update(
        kind="offline", amount_minor=20000, currency="usd", paid_on=day(1, 31).date(), note="wire transfer"
    )
    pass_to(timeline, day(2, 10))
    assert said("2027-01") == cents(offline=40000, coming=40000)
    assert said("2027-02") == cents(earned_offline=20000, coming=20000)
    cancel_by_house(seats[1])
    assert said("2027-02") == cents(earned_offline=20000, to_give_back=20000)
    pass_to(timeline, day(3, 10))
    note_paid_back(
        case_id=Case.objects.get().pk, amount_minor=20000, actor=staff, how="bank transfer", reference="W-1", now=clock.now()
    )
    assert said("2027-03") == cents(offline_returned=-20000)
    assert_every_cent_is_accounted_for()


def test_offline_payment_that_comes_after_the_session_is_earned_when_it_comes(shop: Shop, timeline: Timeline) -> None:
    make_guest_seat(session_on(day(1, 20)))
    SeatCoverage.objects.update(kind="offline", amount_minor=20000, currency="usd", paid_on=day(2, 5).date())
    pass_to(timeline, day(2, 10))
    assert said("2027-01") == {}
    assert said("2027-02") == cents(offline=20000, earned_offline=20000)


def test_what_nobody_paid_for_is_worth_nothing(shop: Shop, timeline: Timeline) -> None:
    make_guest_seat(session_on(day(1, 20)))
    reader = make_user()
    give_credits(user=reader, credits=3, expires_at=day(1, 30), actor=make_staff(), reason="Signed up by mail", now=clock.now())
    book(reader, session_on(day(1, 21)))
    shop.promote("GUEST", percent_off=100)
    order = shop.hold_seat(live_session=session_on(day(1, 22)))
    shop.pay(order, promotion_code="GUEST")
    pass_to(timeline, day(1, 11))
    pass_to(timeline, day(2, 10))
    assert Seat.objects.filter(state="no_show").count() == 3
    assert (said("2027-01"), said("2027-02")) == ({}, {})


def test_revenue_follows_the_session_over_a_months_end(shop: Shop, timeline: Timeline) -> None:
    live_session = session_on(day(1, 28))
    shop.sell_seat(live_session=live_session)
    seat = shop.sell_seat(live_session=session_on(day(1, 29)))
    move(live_session, to=day(2, 2))
    # A seat of its own is moved to another session.
    Seat.objects.filter(pk=seat.pk).update(live_session=session_on(day(3, 3)))
    pass_to(timeline, day(3, 4))
    assert said("2027-01") == cents(payments=50000, coming=50000)
    assert said("2027-02") == cents(earned_seats=25000, coming=25000)
    assert said("2027-03") == cents(earned_seats=25000)


def test_currencies_are_apart(shop: Shop, timeline: Timeline) -> None:
    shop.sell_seat(live_session=session_on(day(1, 20)))
    there = shop.sell_seat(live_session=session_on(day(2, 20)))
    Payment.objects.filter(order=there.coverage.order).update(currency="eur")
    Order.objects.filter(number=str(there.coverage.order)).update(currency="eur")
    pass_to(timeline, day(2, 1))
    assert said("2027-01", "usd") == cents(payments=25000, earned_seats=25000)
    assert said("2027-01", "eur") == cents(payments=25000, coming=25000)
    assert_every_cent_is_accounted_for()


def test_payment_for_nothing_we_gave_is_shown_as_such_and_never_earned(shop: Shop, timeline: Timeline) -> None:
    """Paid twice: the second payment is on its way back. Paid the wrong amount: a case stands."""
    order = shop.hold_seat(live_session=session_on(day(1, 20)))
    Order.objects.update(amount_minor=24000)
    shop.pay(order)
    pass_to(timeline, day(2, 10))
    assert said("2027-01") == cents(payments=25000, unassigned=25000)
    refund_by_hand(Payment.objects.get())
    pass_to(timeline, day(2, 11))
    assert said("2027-02") == cents(refunds=-25000)
    assert_every_cent_is_accounted_for()


def test_seat_canceled_without_restitution_by_the_house_is_earned_then(shop: Shop) -> None:
    cancel_by_house(shop.sell_seat(live_session=session_on(day(3, 3))), NONE)
    assert said("2027-01") == cents(payments=25000, earned_late=25000)


def test_payment_taken_just_before_midnight_of_the_house_is_of_that_month(shop: Shop, timeline: Timeline) -> None:
    live_session = session_on(day(3, 3))
    timeline.go_to(day(1, 31, hour=23) + timedelta(minutes=58))
    shop.sell_seat(live_session=live_session)
    pass_to(timeline, day(2, 1))
    assert said("2027-01") == cents(payments=25000, coming=25000)


def test_span_is_the_last_twelve_months_unless_others_are_asked_for() -> None:
    now = day(3, 31, hour=23)
    march = month_of(now)
    assert chosen_span("", "", now) == Span(march.plus(-11), march)
    assert [str(month) for month in chosen_span("2026-11", "2027-01", now).months] == ["2026-11", "2026-12", "2027-01"]
    assert chosen_span("2027-05", "2027-04", now) == Span(march.plus(1), march.plus(2))
    assert len(chosen_span("2000-01", "2027-04", now).months) == 60
    assert (parse_month("2027-13"), parse_month("x"), parse_month("٢٠٢٧-01")) == (None, None, None)


def refund_part(payment: Payment, amount_minor: int) -> None:
    refund = refund_payment(
        payment_id=payment.pk,
        amount_minor=amount_minor,
        actor=make_staff(),
        note="Sound failed",
        request_id=uuid4(),
        now=clock.now(),
    )
    assert refund
    submit_refund(refund_id=refund.pk, now=clock.now())
