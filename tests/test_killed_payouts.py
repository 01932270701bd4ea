"""kill -9 at every step of what staff, the dashboard and the bank give back: counted once, documented once, paid out once."""

from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
import time_machine

from redreport import clock
from sessions_live.models import Seat
from subscriptions.errors import CaseAlreadySettled, NoRemedy
from subscriptions.models import Case, Dispute, Payment, Refund, SeatCoverage
from subscriptions.operations.case_money import refund_rest_of_case
from subscriptions.operations.credit_notes import make_credit_note
from subscriptions.operations.disputes import sync_dispute
from subscriptions.operations.refund_sync import sync_refund, sync_refunds_of_charge
from subscriptions.operations.refunds import refund_payment, retry_refund, submit_refund
from tests.aftermath import SOON, AtStripe, mails_to
from tests.factories import make_staff
from tests.fixtures_shop import Shop
from tests.killing import kill_at_each_step
from tests.money_back import bought_seat, owe, payment_of, refund_by_hand

PART = 500


@pytest.fixture
def payment(shop: Shop) -> Payment:
    """One seat's payment, of which each scene gives a part back."""
    return bought_seat(shop)


def sold_seat(shop: Shop) -> Payment:
    """The payment of a seat of its own."""
    order = shop.sell_seat().coverage.order
    assert order is not None
    return payment_of(order)


def assert_sums_agree(payment: Payment, stripe: AtStripe) -> None:
    """What counts as given back is the sum of our refunds that went through, and of Stripe's, one by one."""
    payment.refresh_from_db()
    ours = sorted(payment.refunds.filter(state=Refund.State.SUCCEEDED).values_list("amount_minor", flat=True))
    assert (stripe.refunds_of([payment]), sum(ours)) == (ours, payment.refunded_minor)


def test_killed_while_staff_refund_a_part_the_same_form_again_refunds_it_once(shop: Shop, payment: Payment) -> None:
    staff = make_staff()

    def click(form: UUID) -> None:
        now = clock.now()
        refund = refund_payment(payment_id=payment.pk, amount_minor=PART, actor=staff, note="Came late", request_id=form, now=now)
        assert refund is not None
        submit_refund(refund_id=refund.pk, now=now)

    def check(form: UUID, stripe: AtStripe) -> None:
        refund = Refund.objects.get(public_id=form)
        assert (refund.state, refund.amount_minor, stripe.refunds_for(refund)) == ("succeeded", PART, [PART])
        assert len(stripe.having("credit_note", id=refund.stripe_credit_note_id)) == 1
        assert_sums_agree(payment, stripe)

    assert kill_at_each_step(shop, prepare=uuid4, operate=click, again=click, check=check) >= 8
    assert mails_to(payment.subscriber.user.email, "payment_refunded") == Refund.objects.count()


def test_killed_while_a_failed_refund_is_made_again_it_is_made_again_once(shop: Shop, payment: Payment) -> None:
    staff = make_staff()

    def prepare() -> Refund:
        refund = owe(payment, PART)
        shop.stripe.next_refund("failed")
        submit_refund(refund_id=refund.pk, now=clock.now())
        refund.refresh_from_db()
        assert refund.state == Refund.State.FAILED
        return refund

    def make_again(failed: Refund) -> None:
        made = retry_refund(refund_id=failed.pk, actor=staff, now=clock.now())
        submit_refund(refund_id=made.pk, now=clock.now())

    def check(failed: Refund, stripe: AtStripe) -> None:
        made = Refund.objects.get(replaces=failed)
        assert (made.state, made.amount_minor, stripe.refunds_for(made)) == ("succeeded", PART, [PART])
        failed.refresh_from_db()
        assert failed.state == "failed"
        assert_sums_agree(payment, stripe)

    assert kill_at_each_step(shop, prepare=prepare, operate=make_again, again=make_again, check=check) >= 8


def test_killed_while_staff_refund_the_rest_of_a_case_it_goes_back_once_with_its_seat(shop: Shop) -> None:
    staff = make_staff()

    def prepare() -> Case:
        payment = sold_seat(shop)
        sync_refund(stripe_refund_id=refund_by_hand(payment, 10000), now=clock.now())
        return Case.objects.get(payment=payment)

    def refund_rest(case: Case) -> None:
        # Of two at once the second finds nothing left, or the case settled.
        with suppress(CaseAlreadySettled, NoRemedy):
            made = refund_rest_of_case(case_id=case.pk, amount_minor=15000, actor=staff, request_id=uuid4(), now=clock.now())
            submit_refund(refund_id=made.pk, now=clock.now())

    def check(case: Case, stripe: AtStripe) -> None:
        case.refresh_from_db()
        payment = case.payment
        assert payment is not None
        assert (case.state, payment.refunded_minor, stripe.refunds_of([payment])) == ("settled", 25000, [10000, 15000])
        seat = Seat.objects.get(coverage__order=payment.order)
        assert (seat.state, SeatCoverage.objects.get(seat=seat).settlement) == ("canceled", "refund")
        assert mails_to(payment.subscriber.user.email, "seat_canceled") == 1
        assert_sums_agree(payment, stripe)

    assert kill_at_each_step(shop, prepare=prepare, operate=refund_rest, again=refund_rest, check=check) >= 8


def test_killed_while_making_a_credit_note_there_is_one(shop: Shop, payment: Payment) -> None:
    def prepare() -> Refund:
        refund = owe(payment, PART)
        submit_refund(refund_id=refund.pk, now=clock.now())
        return refund

    def make(refund: Refund) -> None:
        make_credit_note(refund_id=refund.pk, now=clock.now())

    def check(refund: Refund, stripe: AtStripe) -> None:
        refund.refresh_from_db()
        notes = [note for note in stripe.having("credit_note") if note["metadata"].get("refund") == str(refund.public_id)]
        assert [(note["id"], note["amount"]) for note in notes] == [(refund.stripe_credit_note_id, PART)]
        assert refund.credit_note_due_at is None

    assert kill_at_each_step(shop, prepare=prepare, operate=make, check=check) >= 6


def test_killed_while_taking_in_a_refund_by_hand_its_row_is_made_once(shop: Shop) -> None:
    def prepare() -> Payment:
        payment = sold_seat(shop)
        owe(payment)
        refund_by_hand(payment, 10000)
        return payment

    def take_in(payment: Payment) -> None:
        sync_refunds_of_charge(stripe_charge_id=payment.stripe_charge_id, now=clock.now())

    def hear_of_it_again(payment: Payment) -> None:
        with time_machine.travel(clock.now() + SOON, tick=True):
            take_in(payment)

    def check(payment: Payment, stripe: AtStripe) -> None:
        rows = payment.refunds.order_by("id").values_list("amount_minor", "reason", "state")
        assert list(rows) == [(25000, "staff", "canceled"), (15000, "staff", "succeeded"), (10000, "dashboard", "succeeded")]
        assert stripe.refunds_of([payment]) == [10000, 15000]
        assert_sums_agree(payment, stripe)

    assert kill_at_each_step(shop, prepare=prepare, operate=take_in, again=hear_of_it_again, check=check) >= 8


@dataclass
class Lost:
    """A payment whose dispute the bank has decided for the reader."""

    payment: Payment
    dispute_id: str


def test_killed_while_hearing_of_a_lost_dispute_its_seat_goes_once_and_nothing_is_refunded(shop: Shop) -> None:
    def prepare() -> Lost:
        payment = sold_seat(shop)
        dispute_id = shop.stripe.open_dispute(payment.stripe_payment_intent_id)
        sync_dispute(stripe_dispute_id=dispute_id, now=clock.now())
        shop.stripe.settle_dispute(dispute_id, "lost")
        return Lost(payment, dispute_id)

    def hear(lost: Lost) -> None:
        sync_dispute(stripe_dispute_id=lost.dispute_id, now=clock.now())

    def hear_again(lost: Lost) -> None:
        with time_machine.travel(clock.now() + SOON, tick=True):
            hear(lost)

    def check(lost: Lost, stripe: AtStripe) -> None:
        dispute = Dispute.objects.get(payment=lost.payment)
        seat = Seat.objects.get(coverage__order=lost.payment.order)
        assert (dispute.status, seat.state, SeatCoverage.objects.get(seat=seat).settlement) == ("lost", "canceled", "nothing")
        assert list(Case.objects.filter(dispute=dispute).values_list("kind", "state")) == [("dispute", "settled")]
        assert (lost.payment.refunds.count(), stripe.refunds_of([lost.payment])) == (0, [])
        assert mails_to(lost.payment.subscriber.user.email, "seat_canceled") == 1

    assert kill_at_each_step(shop, prepare=prepare, operate=hear, again=hear_again, check=check) >= 6
