"""The books of cases, to the cent: money about which a person decides, once it is said how the case was settled."""

from importlib import import_module
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from redreport import clock
from sessions_live.models import Seat
from sessions_live.operations.seats import Attendee
from subscriptions.errors import CaseAlreadySettled
from subscriptions.models import Case, Order, Payment, Refund, SeatCoverage
from subscriptions.operations.case_actions import give_seat_of_case
from subscriptions.operations.case_money import note_paid_back, refund_rest_of_case, retry_refund_of_case
from subscriptions.operations.cases import open_case, settle_case
from subscriptions.operations.goodwill import refund_forfeited_seat
from subscriptions.operations.refunds import submit_refund
from tests.bookkeeping import assert_every_cent_is_accounted_for, cents, day, pass_to, said, session_on
from tests.canceling import cancel, cancel_by_house
from tests.factories import make_guest_seat, make_staff, make_user
from tests.fixtures_shop import Shop
from tests.money_back import refund_rows
from tests.parties import BO, CY, DI
from tests.timeline import Timeline

Outcome = Case.Outcome


@pytest.fixture
def shop(timeline: Timeline) -> Shop:
    """The shop on a day in January 2027."""
    timeline.go_to(day(1, 10))
    return timeline.shop


def settle(kind: str, outcome: Case.Outcome) -> None:
    case = Case.objects.get(kind=kind, state="opened")
    settle_case(case_id=case.pk, actor=make_staff(), resolution="Agreed", outcome=outcome, now=clock.now())


def pay_back(kind: str, amount_minor: int) -> None:
    case = Case.objects.get(kind=kind, state="opened")
    how = {"how": "bank transfer", "reference": "W-1"}
    note_paid_back(case_id=case.pk, amount_minor=amount_minor, actor=make_staff(), **how, now=clock.now())


def failed_refund(shop: Shop) -> Seat:
    """A seat of 3 March, canceled on 10 January, whose refund the bank did not take."""
    seat = shop.sell_seat(live_session=session_on(day(3, 3)))
    shop.stripe.next_refund("failed")
    cancel(seat)
    assert said("2027-01") == cents(payments=25000, to_give_back=25000)
    return seat


def test_failed_refund_that_is_paid_by_wire_is_cash_out_on_that_day_and_owed_no_more(shop: Shop, timeline: Timeline) -> None:
    failed_refund(shop)
    pass_to(timeline, day(2, 10))
    pay_back("refund_failed", 25000)
    assert said("2027-01") == cents(payments=25000, to_give_back=25000)
    assert said("2027-02") == cents(offline_returned=-25000)
    assert (Payment.objects.get().left_minor, Order.objects.get().state) == (0, "refunded")
    assert_every_cent_is_accounted_for()


def test_failed_refund_of_which_a_part_is_paid_by_wire_leaves_the_rest_earned(shop: Shop, timeline: Timeline) -> None:
    failed_refund(shop)
    pass_to(timeline, day(2, 10))
    pay_back("refund_failed", 20000)
    assert said("2027-02") == cents(offline_returned=-20000, earned_kept=5000)
    assert (Payment.objects.get().left_minor, Order.objects.get().state) == (5000, "partly_refunded")
    assert_every_cent_is_accounted_for()


@pytest.mark.parametrize("outcome", [Outcome.KEPT, Outcome.OTHERWISE])
def test_failed_refund_that_nobody_makes_again_is_earned_when_its_case_is_settled(
    shop: Shop, timeline: Timeline, outcome: Case.Outcome
) -> None:
    failed_refund(shop)
    pass_to(timeline, day(2, 10))
    settle("refund_failed", outcome)
    assert said("2027-02") == cents(earned_kept=25000)
    assert_every_cent_is_accounted_for()


def test_wire_gives_back_its_share_of_the_tax(shop: Shop, timeline: Timeline, settings: Any) -> None:
    settings.STRIPE_AUTOMATIC_TAX = settings.STRIPE_TAX_ID_COLLECTION = True
    shop.stripe.set_tax({"DE": 19})
    order = shop.hold_seat(live_session=session_on(day(3, 3)))
    shop.pay(order, country="DE")
    shop.hear_all()
    shop.stripe.next_refund("failed")
    cancel(Seat.objects.get())
    assert said("2027-01") == cents(payments=29750, tax=4750, to_give_back=25000)
    pay_back("refund_failed", 29750)
    assert said("2027-01") == cents(payments=29750, offline_returned=-29750)
    assert_every_cent_is_accounted_for()


def test_wire_for_one_of_three_seats_leaves_the_others_coming(shop: Shop, timeline: Timeline) -> None:
    order = shop.hold_seat(make_user(), session_on(day(3, 3)), [BO, CY, DI])
    shop.pay(order)
    shop.hear_all()
    shop.stripe.next_refund("failed")
    cancel(Seat.objects.order_by("id")[0])
    pay_back("refund_failed", 25000)
    assert said("2027-01") == cents(payments=75000, offline_returned=-25000, coming=50000)
    pass_to(timeline, day(3, 4))
    assert said("2027-03") == cents(earned_seats=50000)
    assert_every_cent_is_accounted_for()


def offline_case(month: int) -> Seat:
    """A seat of that month's third, paid by wire on 5 January, canceled by the house now."""
    seat = make_guest_seat(session_on(day(month, 3)))
    SeatCoverage.objects.update(
        kind="offline", amount_minor=20000, currency="usd", paid_on=day(1, 5).date(), note="wire transfer"
    )
    cancel_by_house(seat)
    assert said("2027-01") == cents(offline=20000, to_give_back=20000)
    return seat


def test_offline_payment_that_is_kept_is_earned_and_no_cash_leaves(shop: Shop, timeline: Timeline) -> None:
    offline_case(4)
    pass_to(timeline, day(2, 10))
    settle("offline_restitution", Outcome.KEPT)
    assert said("2027-02") == cents(earned_kept=20000)
    assert_every_cent_is_accounted_for()


def test_offline_payment_of_which_a_part_went_back_keeps_the_rest(shop: Shop, timeline: Timeline) -> None:
    offline_case(4)
    pass_to(timeline, day(2, 10))
    pay_back("offline_restitution", 15000)
    assert said("2027-02") == cents(offline_returned=-15000, earned_kept=5000)
    assert_every_cent_is_accounted_for()


def disputed_seat(shop: Shop, timeline: Timeline) -> None:
    """A seat of 3 May that was canceled while its payment was with the bank, which then decided for us, in February."""
    seat = shop.sell_seat(live_session=session_on(day(5, 3)))
    pass_to(timeline, day(1, 28))
    dispute = shop.stripe.open_dispute(Payment.objects.get().stripe_payment_intent_id)
    pass_to(timeline, day(1, 29))
    cancel(seat)
    pass_to(timeline, day(2, 1))
    shop.stripe.settle_dispute(dispute, "won")
    pass_to(timeline, day(2, 2))
    assert said("2027-02") == cents(disputes_returned=25000, to_give_back=25000)


def test_canceled_seat_of_a_dispute_we_won_is_earned_once_it_is_settled_without_refund(shop: Shop, timeline: Timeline) -> None:
    disputed_seat(shop, timeline)
    pass_to(timeline, day(3, 2))
    settle("disputed_restitution", Outcome.OTHERWISE)
    assert said("2027-03") == cents(earned_kept=25000)
    assert_every_cent_is_accounted_for()


def test_canceled_seat_of_a_dispute_we_won_whose_refund_fails_is_owed_until_somebody_decides(
    shop: Shop, timeline: Timeline
) -> None:
    disputed_seat(shop, timeline)
    case, staff = Case.objects.get(kind="disputed_restitution"), make_staff()
    shop.stripe.next_refund("failed")
    refund = refund_rest_of_case(case_id=case.pk, amount_minor=25000, actor=staff, request_id=uuid4(), now=clock.now())
    assert said("2027-02") == cents(disputes_returned=25000, on_its_way=25000)
    submit_refund(refund_id=refund.pk, now=clock.now())
    case.refresh_from_db()
    assert (case.outcome, case.refund, refund_rows()) == ("refunded", refund, [(25000, "staff", "failed")])
    assert said("2027-02") == cents(disputes_returned=25000, to_give_back=25000)
    pass_to(timeline, day(3, 2))
    settle("refund_failed", Outcome.KEPT)
    assert said("2027-03") == cents(earned_kept=25000)
    assert_every_cent_is_accounted_for()


def unknown_payment(shop: Shop) -> Case:
    """A payment on 10 January that belongs to nothing we know, under its case."""
    order = shop.hold_seat(live_session=session_on(day(1, 20)))
    Order.objects.update(amount_minor=24000)
    shop.pay(order)
    shop.hear_all()
    Seat.objects.update(state="expired", hold_expires_at=None)
    payment = Payment.objects.get()
    Case.objects.all().delete()
    Payment.objects.update(order=None)
    assert said("2027-01") == cents(payments=25000, unassigned=25000)
    return open_case(
        key=f"unknown_payment:{payment.stripe_payment_intent_id}",
        kind=Case.Kind.UNKNOWN_PAYMENT,
        summary="$250 paid for nothing that we know",
        subscriber=payment.subscriber,
        payment=Payment.objects.get(),
        now=clock.now(),
    )


@pytest.mark.parametrize("outcome", [Outcome.KEPT, Outcome.OTHERWISE, Outcome.SEAT_GIVEN])
def test_unknown_payment_that_does_not_go_back_is_earned_when_its_case_is_settled(
    shop: Shop, timeline: Timeline, outcome: Case.Outcome
) -> None:
    unknown_payment(shop)
    pass_to(timeline, day(2, 10))
    assert said("2027-02") == cents(unassigned=25000)
    settle("unknown_payment", outcome)
    figure = "earned_seats" if outcome == Outcome.SEAT_GIVEN else "earned_kept"
    assert said("2027-02") == {figure: 25000}
    assert said("2027-01") == cents(payments=25000, unassigned=25000)
    assert_every_cent_is_accounted_for()


def test_unknown_payment_paid_back_by_wire_in_part(shop: Shop, timeline: Timeline) -> None:
    unknown_payment(shop)
    pass_to(timeline, day(2, 10))
    pay_back("unknown_payment", 24900)
    assert said("2027-02") == cents(offline_returned=-24900, earned_kept=100)
    assert_every_cent_is_accounted_for()


def give(case: Case, attendee: Attendee, month: int, *, is_last: bool) -> SeatCoverage:
    return give_seat_of_case(
        case_id=case.pk,
        live_session_id=session_on(day(month, 3)).pk,
        attendee=attendee,
        is_last=is_last,
        actor=make_staff(),
        now=clock.now(),
    )


def test_payment_whose_seats_are_given_by_hand_is_earned_with_their_sessions(shop: Shop, timeline: Timeline) -> None:
    case = unknown_payment(shop)
    give(case, BO, 3, is_last=False)
    assert said("2027-01") == cents(payments=25000, unassigned=25000)
    pass_to(timeline, day(2, 10))
    give(case, CY, 4, is_last=True)
    assert said("2027-01") == cents(payments=25000, unassigned=25000)
    assert said("2027-02") == cents(coming=25000)
    assert_every_cent_is_accounted_for()
    pass_to(timeline, day(4, 4))
    assert said("2027-03") == cents(earned_seats=12500, coming=12500)
    assert said("2027-04") == cents(earned_seats=12500)
    assert_every_cent_is_accounted_for()


def test_seat_given_by_hand_that_is_canceled_afterwards_leaves_the_payment_earned(shop: Shop, timeline: Timeline) -> None:
    coverage = give(unknown_payment(shop), BO, 3, is_last=True)
    assert said("2027-01") == cents(payments=25000, coming=25000)
    pass_to(timeline, day(2, 10))
    cancel_by_house(Seat.objects.get(pk=coverage.seat_id))
    assert said("2027-02") == cents(earned_kept=25000)
    assert_every_cent_is_accounted_for()


def test_seat_given_by_hand_and_canceled_before_the_case_is_settled_is_none(shop: Shop, timeline: Timeline) -> None:
    case = unknown_payment(shop)
    coverage = give(case, BO, 3, is_last=False)
    cancel_by_house(Seat.objects.get(pk=coverage.seat_id))
    assert said("2027-01") == cents(payments=25000, unassigned=25000)
    give(case, CY, 4, is_last=True)
    assert said("2027-01") == cents(payments=25000, coming=25000)
    assert_every_cent_is_accounted_for()


def test_cases_settled_before_it_was_asked_say_what_their_words_said(shop: Shop) -> None:
    """A wire for a failed refund, a refund by button, a seat given; of a case that was only settled nothing is known."""
    failed_refund(shop)
    wired = Case.objects.get()
    Case.objects.update(state="settled", settled_at=clock.now(), resolution="Returned past Stripe: cheque, 7")
    words = {
        "payment_without_seat": "Seat given in “Taiwan”.",
        "fraud_warning": "$250 is refunded. Coming seats canceled: 1, unused credits taken back: 0.",
        "unknown_payment": "Asked the reader",
    }
    for kind, resolution in words.items():
        case = open_case(key=kind, kind=Case.Kind(kind), summary="Old", now=clock.now())
        settled = {"state": "settled", "settled_at": clock.now(), "settled_by": make_staff()}
        Case.objects.filter(pk=case.pk).update(**settled, resolution=resolution)
    given = make_guest_seat(session_on(day(4, 3))).coverage
    SeatCoverage.objects.filter(pk=given.pk).update(note=f"Paid: pi_1; case {Case.objects.get(kind='payment_without_seat').pk}")
    with connection.cursor() as cursor:
        cursor.execute(import_module("subscriptions.migrations.0009_outcomes_of_old_cases").OUTCOMES.replace("%", "%%"), [])
    assert dict(Case.objects.values_list("kind", "outcome")) == {
        "refund_failed": "paid_back",
        "payment_without_seat": "seat_given",
        "fraud_warning": "refunded",
        "unknown_payment": "",
    }
    wired.refresh_from_db()
    assert (wired.paid_back_minor, wired.paid_back_currency, Payment.objects.get().left_minor) == (25000, "usd", 0)
    assert Case.objects.get(kind="payment_without_seat").given.get() == given
    assert Refund.objects.get().state == "failed"
    assert said("2027-01") == cents(payments=25000, offline_returned=-25000)


def test_wire_and_goodwill_for_two_seats_of_one_order_never_give_back_more_than_was_paid(shop: Shop, timeline: Timeline) -> None:
    order = shop.hold_seat(make_user(), session_on(day(3, 3)), [BO, CY])
    shop.pay(order)
    shop.hear_all()
    in_time, late = Seat.objects.order_by("id")
    shop.stripe.next_refund("failed")
    cancel(in_time)
    pass_to(timeline, day(3, 2, hour=20))
    cancel(late)
    pay_back("refund_failed", 25000)
    assert_every_cent_is_accounted_for()
    shop.stripe.next_refund("failed")
    goodwill = refund_forfeited_seat(seat_id=late.pk, actor=make_staff(), reason="Was ill", now=clock.now())
    submit_refund(refund_id=goodwill.pk, now=clock.now())
    pay_back("refund_failed", 20000)
    assert_every_cent_is_accounted_for()
    again = refund_forfeited_seat(seat_id=late.pk, actor=make_staff(), reason="Once more", now=clock.now())
    assert (again.pk, Payment.objects.get().left_minor, Payment.objects.get().paid_back_minor) == (goodwill.pk, 5000, 45000)
    refunds = [(25000, "given_back", "failed"), (25000, "staff", "failed")]
    assert refund_rows() == refunds
    for case in Case.objects.all():
        with pytest.raises(CaseAlreadySettled):
            note_paid_back(case_id=case.pk, amount_minor=1, actor=make_staff(), how="cheque", reference="W-2", now=clock.now())
        with pytest.raises(CaseAlreadySettled):
            retry_refund_of_case(case_id=case.pk, actor=make_staff(), now=clock.now())
    assert refund_rows() == refunds
    assert_every_cent_is_accounted_for()
