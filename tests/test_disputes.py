"""Disputes and inquiries: a case that says how it stands; nothing is taken before the bank has decided, and then all of it."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from redreport import clock
from redreport.audit.models import AuditEntry
from redreport.wording import house_time
from sessions_live.models import Seat
from subscriptions.models import Case, CreditGrant, Dispute, Order, Payment, Refund, SeatCoverage
from subscriptions.operations.booking import book_with_credit
from subscriptions.operations.cancel import cancel_own_seat, plan_own_cancellation
from subscriptions.operations.case_money import refund_rest_of_case
from subscriptions.operations.cases import settle_case
from subscriptions.operations.disputes import sync_dispute
from subscriptions.operations.refunds import refund_payment, submit_refund
from tests.factories import make_live_session, make_staff, make_user
from tests.fixtures_shop import Shop
from tests.money_back import bought_seat, bought_year, case_states, owe, refund_by_hand, refund_rows


def disputed_seat(shop: Shop, **how: bool | int) -> tuple[Payment, str]:
    payment = bought_seat(shop)
    dispute_id = shop.stripe.open_dispute(payment.stripe_payment_intent_id, **how)  # type: ignore[arg-type]
    shop.hear_all()
    return payment, dispute_id


def test_opened_dispute_is_one_case_and_takes_nothing_from_the_reader(shop: Shop) -> None:
    payment, dispute_id = disputed_seat(shop)
    dispute, case = Dispute.objects.get(), Case.objects.get()
    due = datetime.fromtimestamp(shop.stripe.objects("dispute")[0]["evidence_details"]["due_by"], UTC)
    assert (dispute.stripe_dispute_id, dispute.status, dispute.amount_minor) == (dispute_id, "needs_response", 25000)
    assert (dispute.payment, dispute.evidence_due_at, dispute.closed_at) == (payment, due, None)
    assert (case.kind, case.state, case.dispute, case.order) == ("dispute", "opened", dispute, payment.order)
    assert case.summary == "$250 is disputed (fraudulent). The bank has taken the money"
    assert case.proposal.startswith(f"Answer in Stripe until {house_time(due)} with the evidence pack")
    assert (Seat.objects.get().state, Order.objects.get().state) == ("confirmed", "paid")


def test_inquiry_that_becomes_a_dispute_keeps_one_case_that_says_so(shop: Shop) -> None:
    _, dispute_id = disputed_seat(shop, inquiry=True)
    assert Case.objects.get().summary == "The bank inquires about $250 (fraudulent). No money was taken"
    shop.stripe.settle_dispute(dispute_id, "escalated")
    shop.hear_all()
    case = Case.objects.get()
    assert (case.state, case.summary) == ("opened", "$250 is disputed (fraudulent). The bank has taken the money")
    shop.stripe.settle_dispute(dispute_id, "lost")
    shop.hear_all()
    assert (case_states(), Seat.objects.get().state) == ({"dispute": "settled"}, "canceled")
    changes = AuditEntry.objects.filter(verb="disputed").order_by("id").values_list("detail__was", "detail__is")
    assert list(changes) == [
        ("", "warning_needs_response"),
        ("warning_needs_response", "needs_response"),
        ("needs_response", "lost"),
    ]


@pytest.mark.parametrize(
    ("inquiry", "outcome", "resolution"),
    [
        (False, "won", "Won: the bank returned the money to us."),
        (True, "warning_closed", "The inquiry ended without a dispute."),
    ],
)
def test_dispute_that_ends_well_settles_its_case_and_the_seat_stays(
    shop: Shop, inquiry: bool, outcome: str, resolution: str
) -> None:
    _, dispute_id = disputed_seat(shop, inquiry=inquiry)
    shop.stripe.settle_dispute(dispute_id, outcome)  # type: ignore[arg-type]
    shop.hear_all()
    case = Case.objects.get()
    assert (case.state, case.settled_by, case.resolution) == ("settled", None, resolution)
    assert (Seat.objects.get().state, Dispute.objects.get().closed_at is not None) == ("confirmed", True)


def test_lost_dispute_cancels_the_coming_seat_with_nothing_owed_for_it(shop: Shop) -> None:
    _, dispute_id = disputed_seat(shop)
    shop.stripe.settle_dispute(dispute_id, "lost")
    shop.hear_all()
    seat, coverage, case = Seat.objects.get(), SeatCoverage.objects.get(), Case.objects.get()
    assert (seat.state, seat.canceled_by, seat.restitution, coverage.settlement) == ("canceled", "house", "none", "nothing")
    assert (case.state, case.resolution) == ("settled", "Lost. Coming seats canceled: 1, unused credits taken back: 0.")
    assert (refund_rows(), Payment.objects.get().refunded_minor) == ([], 0)


def test_lost_dispute_of_a_session_that_has_begun_leaves_the_attended_seat(shop: Shop) -> None:
    _, dispute_id = disputed_seat(shop)
    live_session = Seat.objects.get().live_session
    live_session.starts_at = clock.now() - timedelta(hours=1)
    live_session.save()
    shop.stripe.settle_dispute(dispute_id, "lost")
    shop.hear_all()
    assert Seat.objects.get().state == "confirmed"


def test_lost_year_loses_unused_credits_and_a_case_proposes_to_end_it(shop: Shop) -> None:
    reader = make_user()
    payment = bought_year(shop, reader)
    book_with_credit(user=reader, live_session_id=make_live_session().pk, now=clock.now())
    dispute_id = shop.stripe.open_dispute(payment.stripe_payment_intent_id)
    shop.hear_all()
    assert CreditGrant.objects.get().balance == 11
    shop.stripe.settle_dispute(dispute_id, "lost")
    shop.hear_all()
    shop.hear_all()
    assert (CreditGrant.objects.get().balance, Seat.objects.get().state) == (0, "confirmed")
    closed, kept = Case.objects.order_by("id")
    assert (closed.state, closed.resolution) == ("settled", "Lost. Coming seats canceled: 0, unused credits taken back: 11.")
    assert (kept.state, kept.subscription) == ("opened", payment.order and payment.order.subscription)
    assert kept.proposal.startswith("End the subscription, or the next year is charged and disputed too.")


def test_case_that_staff_settled_early_does_not_come_back_while_the_dispute_goes_on(shop: Shop) -> None:
    _, dispute_id = disputed_seat(shop, inquiry=True)
    settle_case(case_id=Case.objects.get().pk, actor=make_staff(), resolution="Answered", now=clock.now())
    shop.stripe.settle_dispute(dispute_id, "escalated")
    shop.hear_all()
    case = Case.objects.get()
    assert (case.resolution, case.summary) == ("Answered", "The bank inquires about $250 (fraudulent). No money was taken")


def test_refund_then_dispute_is_paid_out_twice_until_the_dispute_is_won(shop: Shop) -> None:
    payment = bought_seat(shop)
    refund_by_hand(payment)
    shop.hear_all()
    dispute_id = shop.stripe.open_dispute(payment.stripe_payment_intent_id)
    shop.hear_all()
    case = Case.objects.get(kind="paid_out_twice")
    assert (case.state, case.refund, case.dispute) == ("opened", Refund.objects.get(), Dispute.objects.get())
    assert case.summary == f"$250 of {payment} was refunded, and the bank took $250 back in a dispute"
    shop.stripe.settle_dispute(dispute_id, "won")
    shop.hear_all()
    assert case_states() == {"dispute": "settled", "paid_out_twice": "settled"}


def test_refund_during_an_inquiry_that_becomes_a_dispute_all_the_same_is_paid_out_twice(shop: Shop) -> None:
    payment, dispute_id = disputed_seat(shop, inquiry=True)
    refund_by_hand(payment, 20000)
    shop.hear_all()
    assert "paid_out_twice" not in case_states()
    shop.stripe.settle_dispute(dispute_id, "escalated")
    shop.hear_all()
    assert case_states() == {"dispute": "opened", "partial_refund": "opened", "paid_out_twice": "opened"}


def test_refund_that_was_under_way_when_the_bank_took_the_money_is_paid_out_twice_until_it_fails(shop: Shop) -> None:
    payment = bought_seat(shop)
    refund = owe(payment)
    shop.stripe.next_refund("pending")
    submit_refund(refund_id=refund.pk, now=clock.now())
    shop.stripe.open_dispute(payment.stripe_payment_intent_id)
    shop.hear_all()
    assert case_states() == {"dispute": "opened", "paid_out_twice": "opened"}
    refund.refresh_from_db()
    shop.stripe.settle_refund(str(refund.stripe_refund_id), "failed")
    shop.hear_all()
    assert case_states() == {"dispute": "opened", "paid_out_twice": "settled", "refund_failed": "opened"}


def test_part_refunded_and_the_rest_disputed_is_not_paid_out_twice(shop: Shop) -> None:
    payment, staff = bought_seat(shop), make_staff()
    refund = refund_payment(payment_id=payment.pk, amount_minor=10000, actor=staff, note="", request_id=uuid4(), now=clock.now())
    assert refund is not None
    submit_refund(refund_id=refund.pk, now=clock.now())
    shop.stripe.open_dispute(payment.stripe_payment_intent_id, amount=15000)
    shop.hear_all()
    assert case_states() == {"dispute": "opened"}


@pytest.mark.parametrize(("outcome", "state"), [("won", "opened"), ("lost", "settled")])
def test_seat_given_back_during_a_dispute_is_settled_by_the_bank_only_if_it_is_lost(shop: Shop, outcome: str, state: str) -> None:
    _, dispute_id = disputed_seat(shop)
    seat, now = Seat.objects.get(), clock.now()
    plan = plan_own_cancellation(seat=seat, now=now)
    cancel_own_seat(user=seat.booked_by, seat_public_id=seat.public_id, consequence=plan.digest, now=now)
    assert case_states() == {"dispute": "opened", "disputed_restitution": "opened"}
    shop.stripe.settle_dispute(dispute_id, outcome)  # type: ignore[arg-type]
    shop.hear_all()
    assert case_states() == {"dispute": "settled", "disputed_restitution": state}
    if outcome == "won":
        case = Case.objects.get(kind="disputed_restitution")
        refund_rest_of_case(case_id=case.pk, amount_minor=25000, actor=make_staff(), request_id=uuid4(), now=clock.now())
        assert (refund_rows(), case_states()["disputed_restitution"]) == ([(25000, "staff", "pending")], "settled")


def test_dispute_of_a_payment_not_heard_of_learns_the_payment_first(shop: Shop) -> None:
    order = shop.hold_seat()
    shop.pay(order)
    shop.stripe.open_dispute(shop.stripe.objects("charge")[0]["id"])
    shop.hear(shop.events("charge.dispute.created")[0])
    assert Dispute.objects.get().payment == Payment.objects.get(order=order)
    assert Seat.objects.get().state == "confirmed"


@pytest.mark.parametrize("events_first", ["warning", "remedy"])
@pytest.mark.parametrize("remedy", ["refund", "dispute"])
def test_warning_of_fraud_is_a_case_only_while_a_refund_can_help(shop: Shop, remedy: str, events_first: str) -> None:
    payment = bought_seat(shop)
    shop.stripe.warn_of_fraud(payment.stripe_payment_intent_id)
    if events_first == "warning":
        shop.hear_all()
        shop.hear_all()
        case = Case.objects.get()
        assert (case.kind, case.state, case.payment) == ("fraud_warning", "opened", payment)
        assert case.summary.endswith("paid without its owner's will (made with stolen card)")
    if remedy == "refund":
        refund_by_hand(payment)
    else:
        shop.stripe.open_dispute(payment.stripe_payment_intent_id)
    shop.hear_all()
    assert not Case.objects.filter(kind="fraud_warning", state="opened").exists()
    assert Case.objects.filter(kind="fraud_warning").count() == (1 if events_first == "warning" else 0)


def test_lost_dispute_that_the_bank_decides_anew_is_a_case_since_what_it_paid_for_is_gone(shop: Shop) -> None:
    _, dispute_id = disputed_seat(shop)
    shop.stripe.settle_dispute(dispute_id, "lost")
    shop.hear_all()
    shop.stripe.plant(dispute_id, status="won")
    sync_dispute(stripe_dispute_id=dispute_id, now=clock.now())
    case = Case.objects.get(state="opened")
    assert (case.kind, case.summary) == (
        "dispute",
        "The dispute of $250 was lost, and is won now. What it paid for was taken back",
    )
    assert (Seat.objects.get().state, Dispute.objects.get().status) == ("canceled", "won")
