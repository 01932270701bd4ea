"""kill -9 at every step between our rows and Stripe, for each operation of buying: no second charge, no second refund."""

from redreport import clock
from subscriptions.models import CreditGrant, Order, Plan, Refund
from subscriptions.operations.checkouts import give_up_order, sync_checkout
from subscriptions.operations.comps import give_complimentary_seat
from subscriptions.operations.purchase import buy_seats, buy_year
from subscriptions.operations.subscribers import subscriber_of
from subscriptions.selectors import current_price
from tests.aftermath import AtStripe, mails_to, seats_in
from tests.factories import attendee_of, make_live_session, make_staff, make_user
from tests.fixtures_shop import Shop
from tests.killing import kill_at_each_step


def wish_for_a_seat() -> Order:
    return Order(subscriber=subscriber_of(make_user()), live_session=make_live_session(capacity=1))


def reserve(wanted: Order) -> None:
    assert wanted.live_session is not None
    buy_seats(
        user=wanted.subscriber.user,
        live_session_id=wanted.live_session.pk,
        attendees=[attendee_of(wanted.subscriber.user)],
        price_id=current_price(Plan.SINGLE_SEAT).pk,
        now=clock.now(),
    )


def confirm(order: Order) -> None:
    sync_checkout(checkout_session_id=str(order.stripe_checkout_session_id), now=clock.now())


def test_killed_while_reserving_the_reader_tries_again_and_pays_once(shop: Shop) -> None:
    def try_again_and_pay(wanted: Order) -> None:
        reserve(wanted)
        shop.pay(Order.objects.get(live_session=wanted.live_session))

    def check(wanted: Order, stripe: AtStripe) -> None:
        order = Order.objects.get(live_session=wanted.live_session)
        assert (order.state, stripe.charges_of(order), stripe.refunds_of(order.payments.all())) == ("paid", [25000], [])
        assert stripe.customers_of(order.subscriber) == [order.subscriber.stripe_customer_id]
        assert seats_in(order.live_session) == ["confirmed"]

    assert kill_at_each_step(shop, prepare=wish_for_a_seat, operate=reserve, again=try_again_and_pay, check=check) >= 8


def test_killed_while_reserving_a_reader_who_never_returns_leaves_no_open_checkout(shop: Shop) -> None:
    def check(wanted: Order, stripe: AtStripe) -> None:
        assert set(seats_in(wanted.live_session)) <= {"expired"}
        assert not stripe.having("checkout.session", status="open")
        assert not Order.objects.filter(live_session=wanted.live_session).exclude(state__in=["expired", "failed"]).exists()

    assert kill_at_each_step(shop, prepare=wish_for_a_seat, operate=reserve, check=check) >= 8


def test_killed_while_starting_a_year_the_reader_tries_again_and_pays_once(shop: Shop) -> None:
    def prepare() -> Order:
        return Order(subscriber=subscriber_of(make_user()))

    def subscribe(wanted: Order) -> None:
        buy_year(user=wanted.subscriber.user, price_id=current_price(Plan.ANNUAL).pk, now=clock.now())

    def try_again_and_pay(wanted: Order) -> None:
        subscribe(wanted)
        shop.pay(Order.objects.get(subscriber=wanted.subscriber))

    def check(wanted: Order, stripe: AtStripe) -> None:
        order = Order.objects.get(subscriber=wanted.subscriber)
        assert (order.state, stripe.charges_of(order)) == ("paid", [250000])
        assert CreditGrant.objects.get(subscriber=order.subscriber).balance == 12

    assert kill_at_each_step(shop, prepare=prepare, operate=subscribe, again=try_again_and_pay, check=check) >= 8


def test_killed_while_confirming_a_seat_it_is_given_once(shop: Shop) -> None:
    def prepare() -> Order:
        order = shop.hold_seat()
        shop.pay(order)
        return order

    def check(order: Order, stripe: AtStripe) -> None:
        order.refresh_from_db()
        assert (order.state, order.payments.count(), stripe.charges_of(order)) == ("paid", 1, [25000])
        assert (seats_in(order.live_session), stripe.refunds_of(order.payments.all())) == (["confirmed"], [])
        assert mails_to(order.subscriber.user.email, "seat_confirmed") == 1

    assert kill_at_each_step(shop, prepare=prepare, operate=confirm, check=check) >= 7


def test_killed_while_confirming_a_year_its_credits_are_granted_once(shop: Shop) -> None:
    def prepare() -> Order:
        order = shop.order_year()
        shop.pay(order)
        return order

    def check(order: Order, stripe: AtStripe) -> None:
        order.refresh_from_db()
        assert (order.state, order.payments.count(), stripe.charges_of(order)) == ("paid", 1, [250000])
        assert order.fulfilled_at is not None
        assert [grant.balance for grant in CreditGrant.objects.filter(subscriber=order.subscriber)] == [12]
        assert mails_to(order.subscriber.user.email, "year_started") == 1

    assert kill_at_each_step(shop, prepare=prepare, operate=confirm, check=check) >= 7


def test_killed_while_giving_an_order_up_its_seat_is_free_and_nothing_was_taken(shop: Shop) -> None:
    def give_up(order: Order) -> None:
        give_up_order(order_id=order.pk, by_buyer=True, now=clock.now())

    def check(order: Order, stripe: AtStripe) -> None:
        order.refresh_from_db()
        assert (order.state, seats_in(order.live_session), stripe.charges_of(order)) == ("expired", ["expired"], [])
        assert [row["status"] for row in stripe.having("checkout.session", id=order.stripe_checkout_session_id)] == ["expired"]

    assert kill_at_each_step(shop, prepare=shop.hold_seat, operate=give_up, check=check) >= 6


def test_killed_while_returning_a_payment_that_came_too_late_it_goes_back_once(shop: Shop) -> None:
    staff = make_staff()

    def prepare() -> Order:
        shop.stripe.take_payment_despite_expire()
        late = shop.hold_seat(live_session=make_live_session(capacity=1))
        shop.let_hold_lapse(late)
        assert late.live_session is not None
        give_complimentary_seat(
            live_session_id=late.live_session.pk,
            attendee=attendee_of(make_user()),
            actor=staff,
            reason="Guest",
            now=clock.now(),
        )
        shop.pay(late)
        return late

    def check(order: Order, stripe: AtStripe) -> None:
        order.refresh_from_db()
        refund = Refund.objects.get(payment__order=order)
        assert (order.state, refund.state, refund.amount_minor) == ("refunded", "succeeded", 25000)
        assert stripe.refunds_of(order.payments.all()) == [25000]
        assert mails_to(order.subscriber.user.email, "payment_refunded") == 1

    assert kill_at_each_step(shop, prepare=prepare, operate=confirm, check=check) >= 10
