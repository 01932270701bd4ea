"""The money of a case: what went back past Stripe is noted once and not paid again, and a refund is of what was shown."""

from functools import partial
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

from redreport import clock
from redreport.audit.models import AuditEntry
from sessions_live.models import Seat
from subscriptions.errors import AmountChanged, RefundTooLarge
from subscriptions.models import Case, Order, Payment, Refund
from subscriptions.operations.cancel import cancel_seat_by_house
from subscriptions.operations.case_money import note_paid_back, refund_rest_of_case, to_pay_back
from subscriptions.operations.cases import open_case
from subscriptions.operations.refunds import owe_refund, submit_refund
from subscriptions.operations.settle import plan_settlement
from tests.factories import make_guest_seat, make_live_session, make_staff
from tests.fixtures_shop import Shop
from tests.money_back import bought_seat, case_states, owe, refund_by_hand, refund_rows
from tests.racing import at_once
from tests.test_case_buttons import page_of, press
from tests.test_cases import failed_refund_case, fraud_case
from tests.test_settlement import offline_seat

WIRE = {"amount": "250.00", "how": "bank transfer", "reference": "WIRE-77"}


def offline_case() -> Case:
    seat = offline_seat()
    cancel_seat_by_house(
        seat_id=seat.pk, actor=make_staff(), reason="Asked to", restitution=Seat.Restitution.FULL, now=clock.now()
    )
    return Case.objects.get(kind="offline_restitution")


@pytest.mark.django_db
def test_money_returned_past_stripe_is_written_down_with_amount_and_reference() -> None:
    case, staff = offline_case(), make_staff()
    assert case.seat
    received = case.seat.coverage.amount_minor or 0
    page = page_of(case)
    assert (f'value="{received / 100:.2f}"' in page, "USD, at most" in page) == (True, True)
    for form in ({**WIRE, "reference": ""}, {**WIRE, "amount": "0"}, {**WIRE, "amount": ""}):
        assert "Write how much was returned and how, and the reference." in press(case, "returned", form)
    assert "That is more than is left: something may have gone back meanwhile." in press(
        case, "returned", {**WIRE, "amount": "999999.99"}
    )
    assert case.state == "opened"
    press(case, "returned", {**WIRE, "amount": "100.50"}, staff)
    assert (case.state, case.outcome, case.paid_back_minor, case.paid_back_currency) == ("settled", "paid_back", 10050, "usd")
    assert case.resolution == "$100.50 paid back past Stripe: bank transfer, WIRE-77"
    assert "This case was settled meanwhile" in press(case, "returned", WIRE)
    entry = AuditEntry.objects.get(verb="returned_past_stripe")
    assert (entry.actor, entry.target_type, entry.detail["amount_minor"], entry.detail["reference"]) == (
        staff,
        "subscriptions.seatcoverage",
        10050,
        "WIRE-77",
    )
    settled = AuditEntry.objects.get(verb="settled", target_type="subscriptions.case")
    assert settled.detail == {"outcome": "paid_back", "amount_minor": 10050, "currency": "usd"}
    page = page_of(case)
    assert ("$100.50" in page, "paid back past Stripe" in page) == (True, True)


def test_what_went_back_by_wire_is_not_left_to_any_refund(shop: Shop) -> None:
    case = failed_refund_case(shop)
    payment = Payment.objects.get()
    shop.stripe.warn_of_fraud(payment.stripe_payment_intent_id)
    shop.hear_all()
    press(case, "returned", {**WIRE, "amount": "100.00"})
    payment.refresh_from_db()
    assert (payment.left_minor, payment.refunded_minor, Order.objects.get().state) == (15000, 0, "partly_refunded")
    warning = Case.objects.get(kind="fraud_warning")
    assert 'value="Refund $150"' in page_of(warning)
    plan = plan_settlement(
        coverage=Seat.objects.get().coverage, by=Seat.CanceledBy.HOUSE, restitution=Seat.Restitution.FULL, now=clock.now()
    )
    assert plan.amount_minor == 15000
    with pytest.raises(RefundTooLarge), transaction.atomic():
        owe_refund(payment_id=payment.pk, reason=Refund.Reason.STAFF, amount_minor=15001, now=clock.now())
    press(warning, "refund-rest", {"request_id": str(uuid4()), "amount_minor": 15000})
    assert refund_rows() == [(25000, "staff", "failed"), (15000, "staff", "pending")]


@pytest.mark.django_db
def test_case_about_a_seat_that_nobody_paid_for_offers_no_money_back() -> None:
    seat = make_guest_seat(make_live_session())
    with transaction.atomic():
        open_case(key="guest", kind=Case.Kind.OFFLINE_RESTITUTION, summary="A guest wants money", seat=seat, now=clock.now())
    case = Case.objects.get()
    assert to_pay_back(case) is None
    assert "A guest wants money" in page_of(case)


def test_wire_for_all_of_a_payment_settles_what_stood_about_it(shop: Shop) -> None:
    case = failed_refund_case(shop)
    shop.stripe.warn_of_fraud(Payment.objects.get().stripe_payment_intent_id)
    shop.hear_all()
    press(case, "returned", WIRE)
    assert case_states() == {"refund_failed": "settled", "fraud_warning": "settled"}
    assert Order.objects.get().state == "refunded"


def test_refund_at_stripe_after_a_wire_is_written_down_and_said_to_be_paid_out_twice(shop: Shop) -> None:
    case = failed_refund_case(shop)
    press(case, "returned", WIRE)
    refund_by_hand(Payment.objects.get())
    shop.hear_all()
    payment = Payment.objects.get()
    assert (payment.refunded_minor, payment.paid_back_minor, payment.left_minor) == (25000, 25000, 0)
    assert Case.objects.get(kind="paid_out_twice").summary.startswith("$250 of pi_")


def test_dispute_that_is_lost_after_a_wire_is_paid_out_twice_until_it_is_won(shop: Shop) -> None:
    case = failed_refund_case(shop)
    press(case, "returned", WIRE)
    dispute = shop.stripe.open_dispute(Payment.objects.get().stripe_payment_intent_id)
    shop.hear_all()
    assert Case.objects.get(kind="paid_out_twice").state == "opened"
    shop.stripe.settle_dispute(dispute, "won")
    shop.hear_all()
    assert Case.objects.get(kind="paid_out_twice").state == "settled"


def test_of_one_who_notes_a_wire_and_one_who_refunds_at_once_one_is_too_late(shop: Shop) -> None:
    case = failed_refund_case(shop)
    payment = Payment.objects.get()
    shop.stripe.warn_of_fraud(payment.stripe_payment_intent_id)
    shop.hear_all()
    warned = Case.objects.get(kind="fraud_warning")
    how = {"how": "cheque", "reference": "7"}
    wire = partial(note_paid_back, case_id=case.pk, amount_minor=25000, actor=make_staff(), **how, now=clock.now())
    refund = partial(
        refund_rest_of_case, case_id=warned.pk, amount_minor=25000, actor=make_staff(), request_id=uuid4(), now=clock.now()
    )
    outcomes = {type(outcome).__name__ for outcome in at_once([wire, refund])}
    assert outcomes in ({"Case", "CaseAlreadySettled"}, {"Case", "AmountChanged"}, {"NoRemedy", "Refund"})
    payment.refresh_from_db()
    assert payment.refunded_minor + payment.paid_back_minor == 25000


@pytest.mark.parametrize("count", [2, 3])
def test_wire_is_noted_once_by_several_at_once(shop: Shop, count: int) -> None:
    case = failed_refund_case(shop)
    wire = partial(note_paid_back, case_id=case.pk, amount_minor=10000, how="cheque", reference="7", now=clock.now())
    outcomes = at_once([partial(wire, actor=make_staff()) for _ in range(count)])
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Case", *["CaseAlreadySettled"] * (count - 1)]
    assert Payment.objects.get().paid_back_minor == 10000


def test_refund_is_of_the_amount_that_was_shown_or_of_nothing(shop: Shop) -> None:
    case, payment = fraud_case(shop), Payment.objects.get()
    page = page_of(case)
    assert ('value="Refund $250"' in page, 'name="amount_minor" value="25000"' in page) == (True, True)
    owe(payment, 10000)
    shown = {"request_id": str(uuid4()), "amount_minor": 25000}
    page = press(case, "refund-rest", shown)
    assert "What is left of the payment has changed since you saw it. Nothing was done: read the case again." in page
    assert (case.state, refund_rows()) == ("opened", [(10000, "staff", "pending")])
    press(case, "refund-rest", {**shown, "amount_minor": 15000})
    assert (case.state, case.outcome) == ("settled", "refunded")
    assert refund_rows() == [(10000, "staff", "pending"), (15000, "staff", "pending")]
    assert case.refund == Refund.objects.get(amount_minor=15000)


def test_refund_of_less_than_is_left_is_refused_too(shop: Shop) -> None:
    case = fraud_case(shop)
    for amount in (24999, 25001):
        with pytest.raises(AmountChanged):
            refund_rest_of_case(case_id=case.pk, amount_minor=amount, actor=make_staff(), request_id=uuid4(), now=clock.now())
    assert Refund.objects.count() == 0


def test_case_about_money_is_settled_only_with_what_became_of_it(shop: Shop) -> None:
    case = failed_refund_case(shop)
    assert "We keep it: nothing is owed for it any more" in page_of(case)
    for form in ({"resolution": "Agreed"}, {"outcome": "kept"}, {"resolution": "Agreed", "outcome": "paid_back"}):
        assert "Write how it was settled, and choose what became of the money" in press(case, "settle", form)
    assert case.state == "opened"
    press(case, "settle", {"resolution": "They let us keep it", "outcome": "kept"})
    assert (case.state, case.outcome, to_pay_back(case)) == ("settled", "kept", None)
    assert AuditEntry.objects.get(verb="settled").detail == {"outcome": "kept"}
    assert "the money is kept" in page_of(case)


def test_failed_refund_that_is_made_again_is_settled_as_refunded(shop: Shop) -> None:
    case = failed_refund_case(shop)
    failed = case.refund
    press(case, "retry-refund")
    assert (case.outcome, case.refund) == ("refunded", failed)
    submit_refund(refund_id=Refund.objects.get(state="pending").pk, now=clock.now())
    assert refund_rows() == [(25000, "staff", "failed"), (25000, "staff", "succeeded")]


def test_database_refuses_an_outcome_that_says_too_little_or_too_early(shop: Shop) -> None:
    case = failed_refund_case(shop)
    rows = Case.objects.filter(pk=case.pk)
    settled = {"state": "settled", "settled_at": clock.now(), "resolution": "Agreed"}
    for wrong in (
        {"outcome": "kept"},
        {**settled, "outcome": "paid_back"},
        {**settled, "outcome": "paid_back", "paid_back_minor": 0, "paid_back_currency": "usd"},
        {**settled, "outcome": "paid_back", "paid_back_minor": 100},
        {**settled, "outcome": "kept", "paid_back_minor": 100, "paid_back_currency": "usd"},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.update(**wrong)
    with pytest.raises(IntegrityError), transaction.atomic():
        Payment.objects.update(paid_back_minor=25001)
    seat = bought_seat(shop).order
    assert seat
    with pytest.raises(IntegrityError), transaction.atomic():
        seat.coverages.update(given_for=case)
