"""A refund that failed, or seemed to: what is owed goes back once, by whatever way, and its case knows when it is over."""

from datetime import timedelta

import pytest

from redreport import clock
from redreport.outbox.models import OutgoingMail
from sessions_live.models import Seat
from subscriptions.models import Case, Order, Payment, Refund, SeatCoverage
from subscriptions.operations.checkouts import sync_checkout
from subscriptions.operations.refund_states import give_up_refund
from subscriptions.operations.refunds import retry_refund, submit_refund
from subscriptions.order_page import order_context
from subscriptions.settlement import settlement_made, what_comes_back
from tests.canceling import cancel
from tests.factories import make_staff
from tests.fixtures_shop import Shop
from tests.money_back import another_checkout, bought_seat, bought_year, case_states, owe, refund_by_hand, refund_rows
from tests.outbox_helpers import rendered_mail
from tests.timeline import Timeline

CARD_IS_GONE = "lost_or_stolen_card"


def lose_the_answer(shop: Shop, refund: Refund) -> None:
    """Stripe makes the refund, and we do not hear of it."""
    shop.stripe.fault("drop_after", method="POST", path="/v1/refunds", count=2)
    assert not submit_refund(refund_id=refund.pk, now=clock.now())
    shop.stripe.clear_faults()


def pay_once_more(shop: Shop, order: Order) -> None:
    """The order's other Checkout, left over from a call without an answer, is paid too."""
    left_over = another_checkout(order, key="a call without an answer")
    assert shop.stripe.pay(left_over.id)["outcome"] == "paid"
    shop.hear_all()


def said_of_the_seat() -> str:
    """What the canceled seat's page says came back."""
    made = settlement_made(SeatCoverage.objects.get())
    assert made
    return what_comes_back(made, is_done=True)


def test_refund_that_got_through_unheard_is_found_though_the_payment_is_disputed_by_now(shop: Shop) -> None:
    payment = bought_seat(shop)
    owed = owe(payment, 1000)
    lose_the_answer(shop, owed)
    shop.stripe.open_dispute(payment.stripe_payment_intent_id)
    shop.hear(shop.events("charge.dispute.created")[0])
    assert submit_refund(refund_id=owed.pk, now=clock.now() + timedelta(hours=1))
    assert refund_rows() == [(1000, "staff", "succeeded")]
    assert not Case.objects.filter(kind="refund_failed").exists()


@pytest.mark.parametrize("is_asked_for", [False, True])
def test_refund_made_again_is_dropped_or_told_when_the_first_had_reached_stripe(shop: Shop, is_asked_for: bool) -> None:
    payment = bought_year(shop)
    first = owe(payment, 100000)
    lose_the_answer(shop, first)
    give_up_refund(refund_id=first.pk, error="refused", now=clock.now())
    again = retry_refund(refund_id=first.pk, actor=make_staff(), now=clock.now())
    if is_asked_for:
        assert submit_refund(refund_id=again.pk, now=clock.now())
    shop.hear_all()
    payment.refresh_from_db()
    if is_asked_for:
        assert payment.refunded_minor == 200000
        assert case_states() == {"refund_failed": "settled", "difference": "opened"}
    else:
        assert (payment.refunded_minor, len(shop.stripe.objects("refund"))) == (100000, 1)
        assert refund_rows() == [(100000, "staff", "succeeded"), (100000, "staff", "canceled")]
        assert case_states() == {"refund_failed": "settled"}


def test_refund_that_a_restored_database_forgot_is_not_made_again(shop: Shop, timeline: Timeline) -> None:
    owed = owe(bought_year(shop), 100000)
    before = Refund.objects.filter(pk=owed.pk).values("state", "attempts", "next_attempt_at", "stripe_refund_id").get()
    assert submit_refund(refund_id=owed.pk, now=clock.now())
    timeline.let_pass(timedelta(days=3))
    # Stripe has forgotten the key by now.
    Refund.objects.filter(pk=owed.pk).update(**before, stripe_key_version=1)
    Payment.objects.update(refunded_minor=100000)
    assert submit_refund(refund_id=owed.pk, now=clock.now())
    assert [refund["amount"] for refund in shop.stripe.objects("refund")] == [100000]
    assert refund_rows() == [(100000, "staff", "succeeded")]


def test_failed_refund_that_went_back_by_hand_is_over_and_the_reader_is_told_so(shop: Shop) -> None:
    payment = bought_seat(shop)
    shop.stripe.next_refund("failed", reason=CARD_IS_GONE)
    cancel(Seat.objects.get())
    assert said_of_the_seat().startswith("We tried to return $250")
    refund_by_hand(payment)
    shop.hear_all()
    assert refund_rows() == [(25000, "given_back", "failed"), (25000, "dashboard", "succeeded")]
    assert case_states() == {"refund_failed": "settled"}
    assert said_of_the_seat() == "Its payment has gone back to you already, so nothing more is returned."


def test_canceled_seat_of_a_lost_dispute_is_not_said_to_be_undecided(shop: Shop) -> None:
    payment = bought_seat(shop)
    dispute_id = shop.stripe.open_dispute(payment.stripe_payment_intent_id)
    shop.hear_all()
    cancel(Seat.objects.get())
    assert said_of_the_seat().startswith("Your bank is deciding")
    shop.stripe.settle_dispute(dispute_id, "lost")
    shop.hear_all()
    assert case_states() == {"dispute": "settled", "disputed_restitution": "settled"}
    assert said_of_the_seat() == "Its payment has gone back to you already, so nothing more is returned."


def test_partial_refund_by_hand_that_fails_leaves_only_the_case_of_the_failure(shop: Shop) -> None:
    payment = bought_seat(shop)
    refund_id = refund_by_hand(payment, 1000)
    shop.hear_all()
    assert case_states() == {"partial_refund": "opened"}
    shop.stripe.settle_refund(refund_id, "failed", reason=CARD_IS_GONE)
    shop.hear_all()
    assert case_states() == {"partial_refund": "settled", "refund_failed": "opened"}


def test_of_an_order_paid_twice_either_payment_may_go_back_but_not_both(shop: Shop) -> None:
    payment = bought_seat(shop)
    assert payment.order
    shop.stripe.next_refund("failed", reason=CARD_IS_GONE)
    pay_once_more(shop, payment.order)
    assert case_states() == {"refund_failed": "opened"}
    refund_by_hand(payment)
    shop.hear_all()
    assert (case_states(), Seat.objects.get().state) == ({"refund_failed": "settled"}, "confirmed")
    # Canceled in time, the seat is paid back from the payment that stood.
    assert cancel(Seat.objects.get()).settlement == "refund"
    assert refund_rows()[-1] == (25000, "given_back", "succeeded")
    at_stripe = [refund["amount"] for refund in shop.stripe.objects("refund") if refund["status"] == "succeeded"]
    assert at_stripe == [25000, 25000]


def test_seat_whose_payments_the_bank_took_back_both_is_canceled(shop: Shop) -> None:
    payment = bought_seat(shop)
    assert payment.order
    shop.stripe.next_refund("failed", reason=CARD_IS_GONE)
    pay_once_more(shop, payment.order)
    states = []
    for each in Payment.objects.order_by("id"):
        shop.stripe.settle_dispute(shop.stripe.open_dispute(each.stripe_payment_intent_id), "lost")
        shop.hear_all()
        states.append((Seat.objects.get().state, Case.objects.get(kind="refund_failed").state))
    assert states == [("confirmed", "settled"), ("canceled", "settled")]


def test_page_of_an_order_paid_twice_whose_seat_was_canceled_late_does_not_say_that_it_stays(shop: Shop) -> None:
    payment = bought_seat(shop)
    assert payment.order
    pay_once_more(shop, payment.order)
    assert refund_rows() == [(25000, "paid_twice", "succeeded")]
    seat = Seat.objects.select_related("live_session").get()
    cancel(seat, seat.live_session.cancel_cutoff_at)
    page = order_context(Order.objects.get(), returned_paid=False, now=clock.now())
    assert (page["view"], page["refund"]) == ("canceled", None)
    told = [part.what_came_back for part in page["canceled_seats"]]
    assert told == ["Nothing is returned: the seat was canceled less than 24 hours before the start."]


def test_page_of_an_order_refunded_in_part_before_it_was_given_anything_says_that_we_look_into_it(shop: Shop) -> None:
    order = shop.hold_seat()
    shop.pay(order)
    refund_by_hand(shop.stripe.objects("payment_intent")[0]["id"], 10000)
    sync_checkout(checkout_session_id=str(order.stripe_checkout_session_id), now=clock.now())
    # As if the seat were still to be given.
    Order.objects.update(fulfilled_at=None)
    shop.hear(shop.events("refund.created")[0])
    page = order_context(Order.objects.get(), returned_paid=False, now=clock.now())
    assert (page["view"], page["looked_into"].startswith("We returned a part of your payment")) == ("looked_into", True)


def test_refund_that_a_mail_has_promised_and_stripe_then_refused_is_told(shop: Shop) -> None:
    shop.stripe.fault("503", method="POST", path="/v1/refunds", count=2)
    cancel(shop.sell_seat())
    shop.stripe.clear_faults()
    give_up_refund(refund_id=Refund.objects.get().pk, error="InvalidRequestError", now=clock.now())
    assert OutgoingMail.objects.filter(kind="refund_failed").count() == 1
    text = rendered_mail("refund_failed").text
    assert "We tried to send you $250 back, and Stripe, which carries our payments, could not deliver it." in text
    assert "your bank" not in text
