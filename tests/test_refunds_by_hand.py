"""Refunds made in Stripe's dashboard: the row follows the money, and what was bought goes with all of it."""

from datetime import timedelta
from functools import partial
from itertools import permutations
from uuid import UUID, uuid4

import pytest

from redreport import clock
from redreport.outbox import kinds
from redreport.outbox.kinds import Verdict
from redreport.outbox.models import OutgoingMail
from sessions_live.models import Seat
from subscriptions import stripe_gateway as gateway
from subscriptions.models import Case, CreditGrant, Order, Payment, Refund, SeatCoverage
from subscriptions.operations.booking import book_with_credit
from subscriptions.operations.cancel import cancel_own_seat, plan_own_cancellation
from subscriptions.operations.refund_sync import check_refund, sync_refund, sync_refunds_of_charge
from subscriptions.operations.refunds import refund_payment, submit_refund
from subscriptions.settlement import settlement_made, what_comes_back
from tests.factories import make_live_session, make_staff, make_user
from tests.fixtures_shop import Shop
from tests.money_back import bought_seat, bought_year, case_states, owe, refund_by_hand, refund_rows
from tests.outcomes import undone_afterwards
from tests.racing import at_once

REFUND_EVENTS = ("refund.created", "charge.refunded")


def test_full_refund_by_hand_cancels_the_seat_and_settles_what_covered_it(shop: Shop) -> None:
    payment = bought_seat(shop)
    refund_id = refund_by_hand(payment)
    shop.hear_all()
    payment.refresh_from_db()
    assert refund_rows() == [(25000, "dashboard", "succeeded")]
    assert (Refund.objects.get().stripe_refund_id, payment.refunded_minor) == (refund_id, 25000)
    assert Order.objects.get().state == "refunded"
    seat = Seat.objects.get()
    assert (seat.state, seat.canceled_by, seat.restitution) == ("canceled", "house", "none")
    coverage = SeatCoverage.objects.get()
    assert (coverage.settlement, coverage.settled_at is not None, coverage.refund) == ("refund", True, Refund.objects.get())
    # One mail tells of the seat and of the money.
    mail = OutgoingMail.objects.get(kind__in=["payment_refunded", "seat_canceled"])
    assert (mail.kind, mail.recipient) == ("seat_canceled", payment.subscriber.user.email)
    assert "You get $250 back, to the card or account you paid with" in kinds.find(mail.kind).render(mail).text
    assert case_states() == {}


def test_seat_of_a_session_that_has_begun_stays_as_it_was(shop: Shop) -> None:
    payment = bought_seat(shop)
    live_session = Seat.objects.get().live_session
    live_session.starts_at = clock.now() - timedelta(minutes=5)
    live_session.save()
    refund_by_hand(payment)
    shop.hear_all()
    assert (Order.objects.get().state, Seat.objects.get().state) == ("refunded", "confirmed")
    assert SeatCoverage.objects.get().settled_at is None


def test_partial_refund_by_hand_opens_a_case_and_leaves_the_seat(shop: Shop) -> None:
    payment = bought_seat(shop)
    refund_by_hand(payment, 10000)
    shop.hear_all()
    payment.refresh_from_db()
    case = Case.objects.get()
    assert (case.kind, case.state, case.payment, case.refund) == ("partial_refund", "opened", payment, Refund.objects.get())
    assert case.summary == "$100 of $250 was refunded in Stripe's dashboard"
    assert "The reader keeps the seat." in case.proposal
    assert (payment.refunded_minor, Order.objects.get().state, Seat.objects.get().state) == (
        10000,
        "partly_refunded",
        "confirmed",
    )


def test_second_part_that_makes_it_whole_cancels_the_seat_and_settles_the_case(shop: Shop) -> None:
    payment = bought_seat(shop)
    refund_by_hand(payment, 10000)
    shop.hear_all()
    refund_by_hand(payment, 15000)
    shop.hear_all()
    payment.refresh_from_db()
    assert (payment.refunded_minor, Order.objects.get().state, Seat.objects.get().state) == (25000, "refunded", "canceled")
    assert case_states() == {"partial_refund": "settled"}
    assert Case.objects.get().settled_by is None


def test_year_refunded_by_hand_loses_unused_credits_and_a_person_decides_the_rest(shop: Shop) -> None:
    reader = make_user()
    payment = bought_year(shop, reader)
    book_with_credit(user=reader, live_session_id=make_live_session().pk, now=clock.now())
    refund_by_hand(payment)
    shop.hear_all()
    case = Case.objects.get()
    assert (CreditGrant.objects.get().balance, Seat.objects.get().state) == (0, "confirmed")
    mail = OutgoingMail.objects.get(kind="payment_refunded")
    rendered = kinds.find(mail.kind).render(mail)
    for part in (rendered.text, rendered.html):
        assert "The credits of it that you had not used are gone; seats you have booked stay yours." in part
    assert (case.kind, case.state, case.subscription) == ("year_refunded", "opened", payment.order and payment.order.subscription)
    assert case.summary == ("$2,500 of a year was refunded by hand. Coming seats canceled: 0, unused credits taken back: 11.")
    assert case.proposal == (
        "End the subscription, or it renews. Coming seats booked with its credits: 1. They stay until you cancel them."
    )


def test_credits_that_were_taken_back_are_not_announced_any_more(shop: Shop) -> None:
    payment = bought_year(shop)
    mail = OutgoingMail.objects.get(kind="year_started")
    assert kinds.find(mail.kind).guard(mail, clock.now()) == Verdict.send()
    refund_by_hand(payment)
    shop.hear_all()
    assert kinds.find(mail.kind).guard(mail, clock.now()) == Verdict.withhold("the credits were taken back")


def test_refund_and_charge_events_in_every_order_and_twice_end_in_one_state(shop: Shop) -> None:
    payment = bought_seat(shop)
    refund_by_hand(payment)
    events = shop.events(*REFUND_EVENTS)
    assert len(events) == 2
    outcomes = []
    for order in permutations([*events, *events]):
        with undone_afterwards():
            for event in order:
                assert shop.hear(event) == 200
            counts = (Refund.objects.count(), Payment.objects.get().refunded_minor, OutgoingMail.objects.count())
            outcomes.append((refund_rows(), counts, Order.objects.get().state, Seat.objects.get().state))
    assert set(map(repr, outcomes)) == {repr(outcomes[0])}
    assert outcomes[0] == ([(25000, "dashboard", "succeeded")], (1, 25000, 2), "refunded", "canceled")


def test_refund_by_hand_cancels_what_we_still_owed_and_owes_the_rest_anew(shop: Shop) -> None:
    payment = bought_seat(shop)
    owed = owe(payment)
    refund_by_hand(payment, 10000)
    shop.hear_all()
    payment.refresh_from_db()
    assert refund_rows() == [
        (25000, "staff", "canceled"),
        (15000, "staff", "pending"),
        (10000, "dashboard", "succeeded"),
    ]
    assert (payment.refunded_minor, Refund.objects.get(state="pending").replaces) == (25000, owed)
    owed.refresh_from_db()
    assert (owed.note, owed.next_attempt_at) == ("Refunded in Stripe's dashboard", None)
    check_refund(refund_id=Refund.objects.get(state="pending").pk, now=clock.now())
    assert sorted(refund["amount"] for refund in shop.stripe.objects("refund")) == [10000, 15000]
    assert Order.objects.get().state == "refunded"


def test_refund_that_stripe_refuses_because_somebody_was_quicker_is_canceled_without_a_case(shop: Shop) -> None:
    payment = bought_seat(shop)
    owed = owe(payment)
    refund_by_hand(payment)
    # No webhook has come: our own call meets the refund by hand.
    assert submit_refund(refund_id=owed.pk, now=clock.now())
    payment.refresh_from_db()
    assert refund_rows() == [(25000, "staff", "canceled"), (25000, "dashboard", "succeeded")]
    assert (payment.refunded_minor, case_states()) == (25000, {})


def test_seat_given_back_whose_refund_somebody_made_by_hand_says_that_the_money_went_back(shop: Shop) -> None:
    payment = bought_seat(shop)
    seat, now = Seat.objects.get(), clock.now()
    plan = plan_own_cancellation(seat=seat, now=now)
    shop.stripe.fault("503", method="POST", path="/v1/refunds", count=2)
    cancel_own_seat(user=seat.booked_by, seat_public_id=seat.public_id, consequence=plan.digest, now=now)
    shop.stripe.clear_faults()
    refund_by_hand(payment)
    shop.hear_all()
    assert refund_rows() == [(25000, "given_back", "canceled"), (25000, "dashboard", "succeeded")]
    made = settlement_made(SeatCoverage.objects.get())
    assert made is not None
    assert what_comes_back(made, is_done=True) == "Its payment has gone back to you already, so nothing more is returned."


def test_refund_by_hand_after_ours_for_what_was_left_fits_beside_it(shop: Shop) -> None:
    payment, staff = bought_seat(shop), make_staff()
    ours = refund_payment(payment_id=payment.pk, amount_minor=5000, actor=staff, note="", request_id=uuid4(), now=clock.now())
    assert ours is not None
    submit_refund(refund_id=ours.pk, now=clock.now())
    refund_by_hand(payment)
    shop.hear_all()
    payment.refresh_from_db()
    assert refund_rows() == [(5000, "staff", "succeeded"), (20000, "dashboard", "succeeded")]
    assert (payment.refunded_minor, Seat.objects.get().state) == (25000, "canceled")


def test_refund_by_hand_in_place_of_ours_that_failed_unheard_fits_once_we_look(shop: Shop) -> None:
    payment = bought_seat(shop)
    ours, now = owe(payment), clock.now()
    submit_refund(refund_id=ours.pk, now=now)
    ours.refresh_from_db()
    shop.stripe.settle_refund(str(ours.stripe_refund_id), "failed")
    by_hand = refund_by_hand(payment)
    sync_refund(stripe_refund_id=by_hand, now=now)
    payment.refresh_from_db()
    assert refund_rows() == [(25000, "staff", "failed"), (25000, "dashboard", "succeeded")]
    assert (payment.refunded_minor, case_states()) == (25000, {"refund_failed": "settled"})


def test_refund_by_hand_that_fails_later_gives_its_amount_back_and_tells_reader_and_desk(shop: Shop) -> None:
    payment = bought_seat(shop)
    shop.stripe.next_refund("fails_later")
    refund_by_hand(payment, 10000)
    shop.hear_all()
    shop.stripe.advance(4 * 86400)
    shop.hear_all()
    payment.refresh_from_db()
    assert refund_rows() == [(10000, "dashboard", "failed")]
    assert (payment.refunded_minor, Order.objects.get().state) == (0, "paid")
    assert case_states() == {"partial_refund": "settled", "refund_failed": "opened"}
    assert OutgoingMail.objects.filter(kind="refund_failed").count() == 1


def test_our_refund_that_the_restored_database_does_not_know_becomes_its_row_again(shop: Shop) -> None:
    payment, reference = bought_seat(shop), "7f5a0d1e-2b6c-4d6e-9c3a-0d5b1c2e3f40"
    gateway.create_refund(
        key="before the restore",
        reference=reference,
        payment_intent_id=payment.stripe_payment_intent_id,
        amount_minor=payment.amount_minor,
    )
    shop.hear_all()
    refund = Refund.objects.get()
    assert (refund.public_id, refund.state, refund.amount_minor) == (UUID(reference), "succeeded", 25000)
    assert (Payment.objects.get().refunded_minor, Seat.objects.get().state) == (25000, "canceled")


def test_payment_paid_twice_by_hand_refunded_once_keeps_the_seat(shop: Shop) -> None:
    payment = bought_seat(shop)
    order = payment.order
    Payment.objects.create(
        order=order,
        subscriber=payment.subscriber,
        stripe_payment_intent_id="pi_other",
        amount_minor=25000,
        currency="usd",
        captured_at=clock.now(),
        recorded_at=clock.now(),
    )
    refund_by_hand(payment)
    shop.hear_all()
    assert (Order.objects.get().state, Seat.objects.get().state) == ("partly_refunded", "confirmed")


@pytest.mark.parametrize("amount", [10000, 25000])
def test_refund_by_hand_heard_while_ours_is_on_its_way_never_gives_back_more_than_was_taken(shop: Shop, amount: int) -> None:
    payment = bought_seat(shop)
    owed, now = owe(payment, 20000), clock.now()
    by_hand = refund_by_hand(payment, amount)
    charge_id = payment.stripe_charge_id
    outcomes = at_once(
        [
            partial(submit_refund, refund_id=owed.pk, now=now),
            partial(sync_refund, stripe_refund_id=by_hand, now=now),
            partial(sync_refunds_of_charge, stripe_charge_id=charge_id, now=now),
        ]
    )
    assert [type(outcome).__name__ for outcome in outcomes if isinstance(outcome, Exception)] in (
        [],
        ["ObjectBusy"],
        ["ObjectBusy", "ObjectBusy"],
    )
    # The sweep and the repeated webhook finish what a busy object left.
    sync_refund(stripe_refund_id=by_hand, now=now)
    for refund in Refund.objects.filter(state="pending"):
        submit_refund(refund_id=refund.pk, now=now + timedelta(hours=1))
    payment.refresh_from_db()
    at_stripe = sum(refund["amount"] for refund in shop.stripe.objects("refund") if refund["status"] == "succeeded")
    standing = sum(Refund.objects.filter(state="succeeded").values_list("amount_minor", flat=True))
    assert (at_stripe, standing, payment.refunded_minor) == (25000, 25000, 25000)
    assert case_states() in ({}, {"partial_refund": "settled"}, {"partial_refund": "opened"})
