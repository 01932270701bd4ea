"""The house cancels: every seat is given back without anybody asking, and no payment is kept."""

from datetime import timedelta

import pytest

from redreport import clock
from redreport.audit.models import AuditEntry
from redreport.outbox import kinds
from redreport.outbox.models import OutgoingMail
from sessions_live.errors import NotCancelable, SeatNotTaken
from sessions_live.models import LiveSession, Seat
from subscriptions import tasks
from subscriptions.models import CreditGrant, Order, Payment, Refund, SeatCoverage
from subscriptions.operations.cancel import cancel_live_session_and_settle
from subscriptions.operations.settle import settle_seat
from subscriptions.tasks import settle_canceled_seats, sweep_refunds_task
from tests.canceling import assert_books_balance, book, cancel_by_house
from tests.factories import make_credits, make_guest_seat, make_live_session, make_staff, make_user
from tests.fixtures_shop import Shop


def call_off(live_session: LiveSession) -> None:
    cancel_live_session_and_settle(live_session_id=live_session.pk, actor=make_staff(), reason="The host is ill", now=clock.now())


def reader_with_credits():
    user = make_user()
    make_credits(user, 2)
    return user


def test_everybody_gets_it_back_without_asking(shop: Shop) -> None:
    live_session = make_live_session()
    sold, by_credit = shop.sell_seat(live_session=live_session), book(reader_with_credits(), live_session)
    given = make_guest_seat(live_session)
    for _ in range(2):
        call_off(live_session)
        settle_canceled_seats(now=clock.now())
        sweep_refunds_task()
    settled = {coverage.seat_id: coverage.settlement for coverage in SeatCoverage.objects.all()}
    assert settled == {sold.pk: "refund", by_credit.pk: "credit", given.pk: "nothing"}
    assert [refund["amount"] for refund in shop.stripe.objects("refund")] == [25000]
    assert (Order.objects.get().state, CreditGrant.objects.get().balance) == ("refunded", 2)
    mails = OutgoingMail.objects.exclude(kind="seat_confirmed")
    assert sorted(mails.values_list("kind", flat=True)) == ["seat_canceled"] * 3
    assert AuditEntry.objects.filter(verb="canceled", target_type="sessions_live.livesession").count() == 1
    assert_books_balance()


def test_while_stripe_is_down_credits_return_at_once_and_money_later_once(shop: Shop) -> None:
    live_session = make_live_session()
    seats = [shop.sell_seat(live_session=live_session) for _ in range(2)]
    book(reader_with_credits(), live_session)
    shop.stripe.fault("503", path="/v1/*", count=200)
    call_off(live_session)
    settle_canceled_seats(now=clock.now())
    sweep_refunds_task()
    assert CreditGrant.objects.get().balance == 2
    assert list(Refund.objects.values_list("state", flat=True)) == ["pending"] * 2
    shop.stripe.clear_faults()
    for _ in range(2):
        Refund.objects.filter(state="pending").update(next_attempt_at=clock.now())
        sweep_refunds_task()
    assert list(Refund.objects.values_list("state", flat=True)) == ["succeeded"] * 2
    assert len(shop.stripe.objects("refund")) == len(seats) == 2


def test_seat_that_is_only_held_can_no_longer_be_paid_for(shop: Shop) -> None:
    order = shop.hold_seat()
    assert order.live_session is not None
    call_off(order.live_session)
    assert Seat.objects.get().state == "held"
    shop.sweep()
    order.refresh_from_db()
    assert (order.state, Seat.objects.get().state) == ("expired", "expired")
    assert shop.stripe.objects("checkout.session")[0]["status"] == "expired"
    mail = OutgoingMail.objects.get(kind="hold_lapsed")
    assert "Nothing was charged. We canceled this session." in kinds.find("hold_lapsed").render(mail).text


def test_money_paid_while_it_was_being_canceled_goes_back(shop: Shop) -> None:
    order = shop.hold_seat()
    assert order.live_session is not None
    shop.pay(order)
    call_off(order.live_session)
    shop.sweep()
    order.refresh_from_db()
    refund = Refund.objects.get()
    assert (refund.reason, refund.amount_minor, refund.state) == ("not_held", 25000, "succeeded")
    assert (order.state, Seat.objects.get().state) == ("refunded", "expired")
    assert OutgoingMail.objects.filter(kind="payment_refunded").count() == 1


def test_money_taken_although_its_checkout_had_been_expired_goes_back(shop: Shop) -> None:
    shop.stripe.take_payment_despite_expire()
    order = shop.hold_seat()
    assert order.live_session is not None
    call_off(order.live_session)
    shop.sweep()
    shop.pay(order)
    shop.hear_all()
    assert Refund.objects.get().reason == "not_held"
    assert Payment.objects.get().refunded_minor == 25000


@pytest.mark.django_db
def test_session_that_has_begun_is_not_canceled() -> None:
    live_session = make_live_session(starts_in=-timedelta(minutes=1))
    with pytest.raises(NotCancelable):
        call_off(live_session)


def test_seat_that_is_only_held_is_not_the_houses_to_cancel(shop: Shop) -> None:
    shop.hold_seat()
    with pytest.raises(SeatNotTaken):
        cancel_by_house(Seat.objects.get())


@pytest.mark.django_db
def test_one_seats_trouble_keeps_no_other_from_its_credit(monkeypatch: pytest.MonkeyPatch) -> None:
    live_session = make_live_session()
    first, second = (book(reader_with_credits(), live_session) for _ in range(2))
    call_off(live_session)

    def trouble_with_the_first(*, seat_id: int, now: object) -> None:
        if seat_id == first.pk:
            raise RuntimeError("a fault of ours")
        settle_seat(seat_id=seat_id, now=clock.now())

    monkeypatch.setattr(tasks, "settle_seat", trouble_with_the_first)
    assert settle_canceled_seats(now=clock.now()) == 2
    settled = {coverage.seat_id: coverage.settlement for coverage in SeatCoverage.objects.all()}
    assert settled == {first.pk: "", second.pk: "credit"}
    monkeypatch.undo()
    assert settle_canceled_seats(now=clock.now()) == 1
    assert settle_canceled_seats(now=clock.now()) == 0
    assert_books_balance()
