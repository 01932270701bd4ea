"""What must hold among our own rows: what does not is told, healed where an operation can, and else left to a case."""

from datetime import timedelta

import pytest

from redreport import clock
from sessions_live.models import Seat
from subscriptions.models import Case, CreditGrant, Order, Payment, SeatCoverage, StripeEvent
from subscriptions.reconciliation.run import Report, reconcile
from tests.canceling import cancel
from tests.factories import make_credits, make_live_session, make_user
from tests.fixtures_shop import Shop
from tests.parties import BO, CY, party_of


def run(*, dry_run: bool = False, later: timedelta = timedelta(0)) -> Report:
    return reconcile(since=None, dry_run=dry_run, now=clock.now() + later)


def test_balance_that_is_not_the_sum_of_its_ledger_is_left_to_a_case(shop: Shop) -> None:
    right, wrong = make_credits(make_user(), credits=3), make_credits(make_user(), credits=3)
    CreditGrant.objects.filter(pk=wrong.pk).update(balance=2)
    assert run().lines == [f"grant {wrong.pk}, balance: ours 2 credits, its ledger 3, Stripe not asked: a case."]
    assert (run().known, Case.objects.count()) == (1, 1)
    CreditGrant.objects.filter(pk=wrong.pk).update(balance=3)
    assert run().is_whole
    assert (Case.objects.get().state, right.balance) == ("settled", 3)


def test_payment_whose_refunds_do_not_add_up_is_left_to_a_case(shop: Shop) -> None:
    order = shop.hold_seat()
    shop.pay(order)
    shop.hear_all()
    payment = Payment.objects.get()
    Payment.objects.update(refunded_minor=100)
    intent = payment.stripe_payment_intent_id
    assert run().lines == [f"payment {intent}, sum of refunds: ours $1, its refunds $0, Stripe not asked: a case."]


def test_paid_order_that_nobody_got_anything_for_is_given_it(shop: Shop) -> None:
    order = shop.hold_seat()
    shop.pay(order)
    shop.hear_all()
    # As if the process had died after the payment was recorded, and no sweep had come since.
    Order.objects.update(fulfilled_at=None)
    Seat.objects.update(state="held", hold_expires_at=clock.now(), confirmed_at=None)
    assert run(later=timedelta(minutes=5)).is_whole
    assert not run(dry_run=True, later=timedelta(minutes=20)).is_whole
    said = f"order {order.number}, what was paid for: ours neither given nor refunded, Stripe paid"
    assert run(later=timedelta(minutes=20)).lines == [f"{said}: fixed."]
    order.refresh_from_db()
    assert (order.fulfilled_at is not None, Seat.objects.get().state) == (True, "confirmed")


def test_paid_order_on_which_a_person_decides_is_no_difference(shop: Shop) -> None:
    order = shop.hold_seat()
    Order.objects.update(amount_minor=20000)
    shop.pay(order)
    shop.hear_all()
    assert Case.objects.get().kind == "amount_mismatch"
    assert run(later=timedelta(hours=1)).is_whole


@pytest.mark.parametrize("how", ["uncovered", "unpaid"])
def test_taken_seat_that_nothing_covers_is_left_to_a_case(shop: Shop, how: str) -> None:
    order = shop.hold_seat()
    seat = Seat.objects.get()
    if how == "uncovered":
        SeatCoverage.objects.all().delete()
    Seat.objects.update(state="confirmed", hold_expires_at=None, confirmed_at=clock.now())
    ours = "nothing" if how == "uncovered" else f"{order.number} is not paid"
    assert run().lines == [f"seat {seat.pk}, coverage: ours {ours}, Stripe not asked: a case."]


def test_failed_event_is_tried_once_more_and_then_left_to_a_case(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from subscriptions.webhooks import inbox

    tries = []

    def poison(object_id: str, now: object) -> None:
        tries.append(object_id)
        raise ZeroDivisionError

    monkeypatch.setattr(inbox, "MOST_FAULTS", 1)
    monkeypatch.setitem(inbox.HANDLERS, "checkout.session.completed", poison)
    shop.pay(shop.hold_seat())
    shop.hear_all()
    assert StripeEvent.objects.filter(state="failed").count() == 1
    report = run()
    assert (report.cases, len(tries), Case.objects.get().kind) == (1, 2, "difference")
    # A case stands: it is not tried every hour for ever.
    assert (run().known, len(tries)) == (1, 2)


def test_failed_event_that_is_mended_by_now_is_acted_on(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from subscriptions.webhooks import inbox

    def poison(object_id: str, now: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(inbox, "MOST_FAULTS", 1)
        patched.setitem(inbox.HANDLERS, "checkout.session.completed", poison)
        shop.pay(shop.hold_seat())
        shop.hear_all()
    report = run()
    assert report.is_whole
    assert [line.partition(" ")[0] for line in report.lines] == ["payment", "inbox"]
    assert set(StripeEvent.objects.exclude(state="ignored").values_list("state", flat=True)) == {"processed"}


def test_event_that_was_tried_for_longer_than_a_run_looks_back_is_not_forgotten(shop: Shop) -> None:
    assert run().is_whole
    shop.pay(shop.hold_seat())
    shop.hear_all()
    now = clock.now()
    failed = StripeEvent.objects.filter(type="checkout.session.completed")
    failed.update(state="failed", received_at=now - timedelta(hours=40), processed_at=now, error="GatewayUnavailable")
    report = run()
    assert (report.fixed, report.lines[0].startswith("inbox ")) == (1, True)


def test_event_that_no_sweep_took_up_is_acted_on(shop: Shop) -> None:
    shop.pay(shop.hold_seat())
    for event in shop.events("checkout.session.completed"):
        shop.post_webhook(event)
    StripeEvent.objects.update(due_at=clock.now() - timedelta(hours=1))
    report = run()
    assert report.is_whole
    assert StripeEvent.objects.get(type="checkout.session.completed").state == "processed"


def test_canceled_seat_that_no_sweep_settled_is_settled(shop: Shop) -> None:
    order = shop.hold_seat()
    shop.pay(order)
    shop.hear_all()
    seat = Seat.objects.get()
    canceled_at = clock.now() - timedelta(hours=1)
    Seat.objects.update(state="canceled", canceled_at=canceled_at, canceled_by="house", restitution="full")
    assert run().lines == [f"canceled seat {seat.pk}, settlement: ours owes full, not settled, Stripe not asked: fixed."]
    refund = Payment.objects.get().refunds.get()
    assert (SeatCoverage.objects.get().settlement, refund.amount_minor) == ("refund", 25000)


def test_order_that_was_given_fewer_seats_than_it_is_for_is_left_to_a_case(shop: Shop) -> None:
    buyer = make_user()
    order = shop.sell_seats(buyer, make_live_session(), party_of(buyer, BO, CY))
    cancel(Seat.objects.get(coverage__order=order, attendee_email=CY.email))
    assert run(later=timedelta(hours=1)).is_whole
    Seat.objects.filter(attendee_email=BO.email).update(state="expired")
    assert run().lines == [f"order {order.number}, seats: ours 2 given, 3 ordered, Stripe not asked: a case."]
