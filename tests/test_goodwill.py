"""Seats that were paid for and canceled too late: staff refund them all the same, once, and see beforehand what goes back."""

from datetime import timedelta
from functools import partial

import pytest

from redreport import clock
from redreport.audit.models import AuditEntry
from redreport.outbox import kinds
from redreport.outbox.models import OutgoingMail
from sessions_live.models import LiveSession, Seat
from subscriptions.models import Case, Payment, Refund, SeatCoverage
from subscriptions.operations.goodwill import refund_forfeited_seat
from subscriptions.operations.refunds import submit_refund
from subscriptions.settlement import settlement_made, what_comes_back
from tests.bookkeeping import assert_every_cent_is_accounted_for, cents, day, pass_to, said, session_on
from tests.canceling import cancel
from tests.desk_actions import Desk, outcomes, refusals, run_again
from tests.factories import make_guest_seat, make_live_session, make_staff, make_user
from tests.fixtures_shop import Shop
from tests.money_back import refund_rows
from tests.parties import BO, CY, DI
from tests.racing import at_once
from tests.timeline import Timeline

WHY = {"reason": "Was ill"}
NOTHING = "No money of this seat was forfeited, it went back already, or the bank has it."


def forfeited(shop: Shop, live_session: LiveSession) -> Seat:
    """A seat that its reader paid for and gave up an hour before the start."""
    seat = shop.sell_seat(live_session=live_session)
    cancel(seat, live_session.starts_at - timedelta(hours=1))
    return seat


def test_seats_canceled_too_late_are_refunded_once_and_the_page_says_which(shop: Shop) -> None:
    live_session = make_live_session()
    late, in_time, still_there = (
        forfeited(shop, live_session),
        shop.sell_seat(live_session=live_session),
        shop.sell_seat(live_session=live_session),
    )
    cancel(in_time)
    guest = make_guest_seat(live_session)
    desk = Desk("desk_goodwill", live_session)
    page = desk.look([late, in_time, still_there, guest], **WHY)
    assert (refusals(page), page.context["sentence"]) == ([NOTHING] * 3, "Refunds $250, sends 1 mail.")
    job = desk.do([late], **WHY)
    run_again(job)
    assert outcomes(job) == [("done", "$250 goes back.")]
    coverage = SeatCoverage.objects.get(seat=late)
    assert (coverage.settlement, coverage.refund and coverage.refund.made_by) == ("goodwill", desk.staff)
    assert Refund.objects.filter(coverages=coverage).count() == 1
    assert AuditEntry.objects.get(verb="gave_back").reason == "Was ill"
    again = desk.look([late], **WHY)
    assert again.context["sentence"] == "Changes nothing."


def test_reader_is_told_of_the_money_and_the_seat_says_that_it_went_back(shop: Shop) -> None:
    seat = forfeited(shop, make_live_session())
    refund = refund_forfeited_seat(seat_id=seat.pk, actor=make_staff(), reason="Was ill", now=clock.now())
    submit_refund(refund_id=refund.pk, now=clock.now())
    assert refund_rows() == [(25000, "staff", "succeeded")]
    mail = OutgoingMail.objects.get(kind="payment_refunded")
    assert "$250" in kinds.find(mail.kind).render(mail).text
    made = settlement_made(SeatCoverage.objects.select_related("seat", "order", "refund__payment").get(seat=seat))
    assert made
    assert what_comes_back(made, is_done=True).startswith("You get $250 back, to the card")


def test_two_seats_of_one_order_get_their_shares_and_no_more_than_is_left(shop: Shop) -> None:
    live_session = make_live_session()
    shop.sell_seats(make_user(), live_session, [BO, CY, DI])
    seats = list(Seat.objects.order_by("id")[:2])
    for seat in seats:
        cancel(seat, live_session.starts_at - timedelta(hours=1))
    Payment.objects.update(refunded_minor=40000)
    desk = Desk("desk_goodwill", live_session)
    assert desk.look(seats, **WHY).context["sentence"] == "Refunds $350, sends 2 mails."
    desk.do(seats, **WHY)
    assert list(Refund.objects.order_by("id").values_list("amount_minor", flat=True)) == [25000, 10000]
    assert Payment.objects.get().left_minor == 0


def test_nothing_goes_back_that_the_bank_has_or_that_went_back_already(shop: Shop) -> None:
    live_session = make_live_session()
    disputed, returned = forfeited(shop, live_session), forfeited(shop, live_session)
    shop.stripe.open_dispute(Payment.objects.get(order=SeatCoverage.objects.get(seat=disputed).order).stripe_payment_intent_id)
    shop.hear_all()
    Payment.objects.filter(order=SeatCoverage.objects.get(seat=returned).order).update(refunded_minor=25000)
    page = Desk("desk_goodwill", live_session).look([disputed, returned], **WHY)
    assert refusals(page) == [NOTHING, NOTHING]
    assert not Case.objects.filter(kind="disputed_restitution").exists()


def test_several_members_of_staff_at_once_refund_a_seat_once(shop: Shop) -> None:
    seat = forfeited(shop, make_live_session())
    refund = partial(refund_forfeited_seat, seat_id=seat.pk, reason="Was ill", now=clock.now())
    outcomes = at_once([partial(refund, actor=make_staff()) for _ in range(3)])
    assert {type(outcome).__name__ for outcome in outcomes} == {"Refund"}
    assert (Refund.objects.count(), Payment.objects.get().refunded_minor) == (1, 25000)


@pytest.mark.parametrize("fails", [False, True])
def test_books_keep_it_earned_when_it_was_canceled_and_give_it_back_when_it_is_refunded(timeline: Timeline, fails: bool) -> None:
    timeline.go_to(day(1, 10))
    shop = timeline.shop
    seat = shop.sell_seat(live_session=session_on(day(2, 1, hour=10)))
    pass_to(timeline, day(1, 31, hour=20))
    cancel(seat)
    assert said("2027-01") == cents(payments=25000, earned_late=25000)
    pass_to(timeline, day(2, 10))
    if fails:
        shop.stripe.next_refund("failed")
    refund = refund_forfeited_seat(seat_id=seat.pk, actor=make_staff(), reason="Was ill", now=clock.now())
    submit_refund(refund_id=refund.pk, now=clock.now())
    assert said("2027-01") == cents(payments=25000, earned_late=25000)
    assert said("2027-02") == ({} if fails else cents(refunds=-25000, earned_given_back=-25000))
    assert_every_cent_is_accounted_for()
