"""kill -9 at every step between our rows and Stripe, for each operation of buying: no second charge, no second refund."""

from datetime import timedelta

import time_machine

from redreport import clock
from redreport.outbox.models import OutgoingMail
from sessions_live.models import LiveSession, Seat
from subscriptions.models import CreditGrant, Order, Payment, Plan, Refund
from subscriptions.operations.checkouts import give_up_order, sync_checkout
from subscriptions.operations.comps import give_complimentary_seat
from subscriptions.operations.credit_notes import make_credit_note
from subscriptions.operations.purchase import buy_seat, buy_year
from subscriptions.operations.refund_sync import sync_refunds_of_charge
from subscriptions.operations.refunds import submit_refund
from subscriptions.operations.subscribers import subscriber_of
from subscriptions.selectors import current_price
from subscriptions.tasks import sweep_credit_notes_task, sweep_orders, sweep_refunds_task
from tests.factories import attendee_of, make_live_session, make_staff, make_user
from tests.fixtures_shop import Shop
from tests.killing import kill_at_each_step
from tests.money_back import bought_seat, owe, refund_by_hand


def charges_of(shop: Shop, order: Order) -> list[int]:
    """What Stripe took from this order's customer."""
    order.subscriber.refresh_from_db()
    customer = order.subscriber.stripe_customer_id
    return [charge["amount"] for charge in shop.stripe.objects("charge") if charge["customer"] == customer and charge["paid"]]


def refunds_of(shop: Shop, order: Order) -> list[int]:
    """What Stripe gave back for this order's payments."""
    intents = set(order.payments.values_list("stripe_payment_intent_id", flat=True))
    return [refund["amount"] for refund in shop.stripe.objects("refund") if refund["payment_intent"] in intents]


def seats_in(live_session: LiveSession | None) -> list[str]:
    return list(Seat.objects.filter(live_session=live_session).order_by("id").values_list("state", flat=True))


def a_day_passes(shop: Shop) -> None:
    """Leases run out, Stripe forgets its keys, and the sweeps come by: soon, after the holds' end, and a day later."""
    shop.stripe.prune_idempotency_keys()
    for later in (timedelta(minutes=2), timedelta(minutes=40), timedelta(days=1)):
        with time_machine.travel(clock.now() + later, tick=True):
            sweep_orders(now=clock.now())
            sweep_refunds_task()


def test_killed_while_reserving_the_reader_tries_again_and_pays_once(shop: Shop) -> None:
    def prepare() -> Order:
        return Order(subscriber=subscriber_of(make_user()), live_session=make_live_session())

    def reserve(wanted: Order) -> None:
        assert wanted.live_session is not None
        buy_seat(
            user=wanted.subscriber.user,
            live_session_id=wanted.live_session.pk,
            attendee=attendee_of(wanted.subscriber.user),
            price_id=current_price(Plan.SINGLE_SEAT).pk,
            now=clock.now(),
        )

    def recover_and_check(wanted: Order) -> None:
        reserve(wanted)
        order = Order.objects.get(live_session=wanted.live_session)
        shop.pay(order)
        a_day_passes(shop)
        order.refresh_from_db()
        assert (order.state, charges_of(shop, order), refunds_of(shop, order)) == ("paid", [25000], [])
        assert seats_in(order.live_session) == ["confirmed"]

    assert kill_at_each_step(prepare, reserve, recover_and_check) >= 8


def test_killed_while_reserving_a_reader_who_never_returns_leaves_no_open_checkout(shop: Shop) -> None:
    def prepare() -> Order:
        return Order(subscriber=subscriber_of(make_user()), live_session=make_live_session(capacity=1))

    def reserve(wanted: Order) -> None:
        assert wanted.live_session is not None
        buy_seat(
            user=wanted.subscriber.user,
            live_session_id=wanted.live_session.pk,
            attendee=attendee_of(wanted.subscriber.user),
            price_id=current_price(Plan.SINGLE_SEAT).pk,
            now=clock.now(),
        )

    def recover_and_check(wanted: Order) -> None:
        a_day_passes(shop)
        assert set(seats_in(wanted.live_session)) <= {"expired"}
        assert {checkout["status"] for checkout in shop.stripe.objects("checkout.session")} <= {"expired"}
        assert not Order.objects.filter(live_session=wanted.live_session).exclude(state__in=["expired", "failed"]).exists()

    assert kill_at_each_step(prepare, reserve, recover_and_check) >= 8


def test_killed_while_starting_a_year_the_reader_tries_again_and_pays_once(shop: Shop) -> None:
    def prepare() -> Order:
        return Order(subscriber=subscriber_of(make_user()))

    def subscribe(wanted: Order) -> None:
        buy_year(user=wanted.subscriber.user, price_id=current_price(Plan.ANNUAL).pk, now=clock.now())

    def recover_and_check(wanted: Order) -> None:
        subscribe(wanted)
        order = Order.objects.get(subscriber=wanted.subscriber)
        shop.pay(order)
        a_day_passes(shop)
        order.refresh_from_db()
        assert (order.state, charges_of(shop, order)) == ("paid", [250000])
        assert CreditGrant.objects.get(subscriber=order.subscriber).balance == 12

    assert kill_at_each_step(prepare, subscribe, recover_and_check) >= 8


def test_killed_while_confirming_a_seat_it_is_given_once(shop: Shop) -> None:
    def prepare() -> Order:
        order = shop.hold_seat()
        shop.pay(order)
        return order

    def confirm(order: Order) -> None:
        sync_checkout(checkout_session_id=str(order.stripe_checkout_session_id), now=clock.now())

    def recover_and_check(order: Order) -> None:
        a_day_passes(shop)
        order.refresh_from_db()
        assert (order.state, order.payments.count(), charges_of(shop, order)) == ("paid", 1, [25000])
        assert (seats_in(order.live_session), refunds_of(shop, order)) == (["confirmed"], [])
        assert OutgoingMail.objects.filter(kind="seat_confirmed", recipient=order.subscriber.user.email).count() == 1

    assert kill_at_each_step(prepare, confirm, recover_and_check) >= 7


def test_killed_while_confirming_a_year_its_credits_are_granted_once(shop: Shop) -> None:
    def prepare() -> Order:
        order = shop.order_year()
        shop.pay(order)
        return order

    def confirm(order: Order) -> None:
        sync_checkout(checkout_session_id=str(order.stripe_checkout_session_id), now=clock.now())

    def recover_and_check(order: Order) -> None:
        a_day_passes(shop)
        order.refresh_from_db()
        assert (order.state, order.payments.count(), order.fulfilled_at is not None) == ("paid", 1, True)
        assert [grant.balance for grant in CreditGrant.objects.filter(subscriber=order.subscriber)] == [12]
        assert OutgoingMail.objects.filter(kind="year_started", recipient=order.subscriber.user.email).count() == 1

    assert kill_at_each_step(prepare, confirm, recover_and_check) >= 7


def test_killed_while_giving_an_order_up_its_seat_is_free_and_nothing_was_taken(shop: Shop) -> None:
    def give_up(order: Order) -> None:
        give_up_order(order_id=order.pk, by_buyer=True, now=clock.now())

    def recover_and_check(order: Order) -> None:
        a_day_passes(shop)
        order.refresh_from_db()
        assert (order.state, seats_in(order.live_session), charges_of(shop, order)) == ("expired", ["expired"], [])

    assert kill_at_each_step(shop.hold_seat, give_up, recover_and_check) >= 6


def test_killed_while_returning_a_payment_that_came_too_late_it_goes_back_once(shop: Shop) -> None:
    def prepare() -> Order:
        shop.stripe.take_payment_despite_expire()
        late = shop.hold_seat(live_session=make_live_session(capacity=1))
        shop.let_hold_lapse(late)
        assert late.live_session is not None
        give_complimentary_seat(
            live_session_id=late.live_session.pk,
            attendee=attendee_of(make_user()),
            actor=make_staff(),
            reason="Guest",
            now=clock.now(),
        )
        shop.pay(late)
        return late

    def hear_of_it(order: Order) -> None:
        sync_checkout(checkout_session_id=str(order.stripe_checkout_session_id), now=clock.now())

    def recover_and_check(order: Order) -> None:
        a_day_passes(shop)
        order.refresh_from_db()
        refund = Refund.objects.get(payment__order=order)
        assert (order.state, refund.state, refunds_of(shop, order)) == ("refunded", "succeeded", [25000])
        assert OutgoingMail.objects.filter(kind="payment_refunded", recipient=order.subscriber.user.email).count() == 1

    assert kill_at_each_step(prepare, hear_of_it, recover_and_check) >= 10


def test_killed_while_taking_in_a_refund_by_hand_its_row_is_made_once(shop: Shop) -> None:
    def prepare() -> Payment:
        payment = bought_seat(shop)
        owe(payment)
        refund_by_hand(payment, 10000)
        return payment

    def take_in(payment: Payment) -> None:
        sync_refunds_of_charge(stripe_charge_id=payment.stripe_charge_id, now=clock.now())

    def recover_and_check(payment: Payment) -> None:
        # Stripe sends its webhook again.
        with time_machine.travel(clock.now() + timedelta(minutes=2), tick=True):
            take_in(payment)
        a_day_passes(shop)
        rows = payment.refunds.order_by("id").values_list("amount_minor", "reason", "state")
        assert list(rows) == [(25000, "staff", "canceled"), (15000, "staff", "succeeded"), (10000, "dashboard", "succeeded")]
        payment.refresh_from_db()
        assert payment.order is not None
        assert (payment.refunded_minor, sorted(refunds_of(shop, payment.order))) == (25000, [10000, 15000])

    assert kill_at_each_step(prepare, take_in, recover_and_check) >= 3


def test_killed_while_making_a_credit_note_there_is_one(shop: Shop) -> None:
    def prepare() -> Refund:
        refund = owe(bought_seat(shop))
        submit_refund(refund_id=refund.pk, now=clock.now())
        return refund

    def make(refund: Refund) -> None:
        make_credit_note(refund_id=refund.pk, now=clock.now())

    def recover_and_check(refund: Refund) -> None:
        shop.stripe.prune_idempotency_keys()
        with time_machine.travel(clock.now() + timedelta(minutes=2), tick=True):
            sweep_credit_notes_task()
        refund.refresh_from_db()
        notes = [note["id"] for note in shop.stripe.objects("credit_note") if note["invoice"] == refund.payment.stripe_invoice_id]
        assert notes == [refund.stripe_credit_note_id]

    assert kill_at_each_step(prepare, make, recover_and_check) >= 3
