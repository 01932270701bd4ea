"""A single seat, from the hold to the confirmation, over the genuine SDK."""

from datetime import timedelta

import pytest

from redreport import clock
from redreport.outbox.models import OutgoingMail
from sessions_live.errors import AlreadySeated
from sessions_live.models import Seat
from sessions_live.operations.seats import Attendee
from subscriptions import stripe_gateway as gateway
from subscriptions.errors import EmailNotProven, PriceChanged, TooManyLapsedHolds
from subscriptions.models import Order, Payment, Plan, Refund, SeatCoverage
from subscriptions.operations.booking import start_seat_order
from subscriptions.operations.checkouts import give_up_order, sync_checkout
from subscriptions.operations.purchase import buy_seats
from subscriptions.order_page import order_context
from subscriptions.selectors import current_price
from subscriptions.stripe_objects import CheckoutRequest
from tests.factories import attendee_of, make_live_session, make_user
from tests.fixtures_shop import Shop, seats_given
from tests.money_back import another_checkout


def test_hold_lasts_longer_than_its_checkout(shop: Shop) -> None:
    order = shop.hold_seat()
    seat = Seat.objects.get(coverage__order=order)
    checkout = shop.stripe.objects("checkout.session")[0]
    assert seat.state == Seat.State.HELD
    assert seat.hold_expires_at == order.created_at + timedelta(minutes=35)
    assert checkout["expires_at"] == int((order.created_at + timedelta(minutes=33)).timestamp())
    assert checkout["client_reference_id"] == order.number
    assert checkout["amount_total"] == 25000


def test_payment_confirms_the_seat_when_stripe_is_asked_without_any_webhook(shop: Shop) -> None:
    order = shop.hold_seat()
    shop.pay(order)
    sync_checkout(checkout_session_id=str(order.stripe_checkout_session_id), now=clock.now())
    order.refresh_from_db()
    seat = Seat.objects.get(coverage__order=order)
    payment = Payment.objects.get()
    assert (order.state, seat.state, seat.hold_expires_at) == ("paid", "confirmed", None)
    assert (payment.order, payment.amount_minor, payment.currency, payment.refunded_minor) == (order, 25000, "usd", 0)
    assert order.fulfilled_at is not None
    assert order.invoice_pdf_url.startswith("http")
    assert order.receipt_url.startswith("http")
    assert [mail.kind for mail in OutgoingMail.objects.all()] == ["seat_confirmed"]


def test_sweep_confirms_a_payment_nobody_told_us_of(shop: Shop) -> None:
    order = shop.hold_seat()
    shop.pay(order)
    shop.sweep(now=clock.now() + timedelta(minutes=4))
    assert Seat.objects.get().state == Seat.State.CONFIRMED


def test_asking_twice_confirms_once(shop: Shop) -> None:
    order = shop.hold_seat()
    shop.pay(order)
    for _ in range(3):
        sync_checkout(checkout_session_id=str(order.stripe_checkout_session_id), now=clock.now())
    assert (Seat.objects.count(), Payment.objects.count(), OutgoingMail.objects.count()) == (1, 1, 1)


def test_second_click_gives_the_same_checkout(shop: Shop) -> None:
    user, live_session = make_user(), make_live_session()
    price = current_price(Plan.SINGLE_SEAT)
    addresses = {
        buy_seats(user=user, live_session_id=live_session.pk, attendees=[attendee_of(user)], price_id=price.pk, now=clock.now())
        for _ in range(2)
    }
    assert len(addresses) == 1
    assert (Order.objects.count(), Seat.objects.count(), len(shop.stripe.objects("checkout.session"))) == (1, 1, 1)


def test_nobody_holds_a_seat_before_their_address_is_proven(shop: Shop) -> None:
    stranger = make_user(proven=False)
    with pytest.raises(EmailNotProven):
        shop.hold_seat(user=stranger)
    assert not Seat.objects.exists()


def test_price_other_than_the_one_in_force_is_refused(shop: Shop) -> None:
    user, live_session = make_user(), make_live_session()
    annual = current_price(Plan.ANNUAL)
    with pytest.raises(PriceChanged):
        start_seat_order(
            user=user, live_session_id=live_session.pk, attendees=[attendee_of(user)], price_id=annual.pk, now=clock.now()
        )
    assert not Seat.objects.exists()


def test_lapsed_hold_goes_back_on_sale_only_after_stripe_expired_its_checkout(shop: Shop) -> None:
    order = shop.hold_seat()
    shop.stripe.fault("500", path="/v1/checkout/sessions/*/expire", count=10)
    shop.let_hold_lapse(order)
    order.refresh_from_db()
    assert (order.state, Seat.objects.get().state) == ("pending", "held")
    shop.stripe.clear_faults()
    shop.let_hold_lapse(order)
    order.refresh_from_db()
    assert (order.state, Seat.objects.get().state) == ("expired", "expired")
    assert shop.stripe.objects("checkout.session")[0]["status"] == "expired"
    assert [mail.kind for mail in OutgoingMail.objects.all()] == ["hold_lapsed"]


def test_payment_quicker_than_the_lapse_gets_its_seat(shop: Shop) -> None:
    order = shop.hold_seat()
    shop.pay(order)
    shop.let_hold_lapse(order)
    order.refresh_from_db()
    assert (order.state, Seat.objects.get().state) == ("paid", "confirmed")


def test_giving_a_hold_back_frees_the_seat_at_once_and_is_no_lapse(shop: Shop) -> None:
    user, live_session = make_user(), make_live_session()
    for _ in range(4):
        order = shop.hold_seat(user, live_session)
        give_up_order(order_id=order.pk, by_buyer=True, now=clock.now())
        order.refresh_from_db()
        assert order.state == Order.State.EXPIRED
    assert not OutgoingMail.objects.exists()


def test_three_lapsed_holds_end_holding_for_a_day(shop: Shop) -> None:
    user, live_session = make_user(), make_live_session()
    for _ in range(3):
        shop.let_hold_lapse(shop.hold_seat(user, live_session))
    with pytest.raises(TooManyLapsedHolds):
        shop.hold_seat(user, live_session)
    Order.objects.update(created_at=clock.now() - timedelta(hours=25))
    assert shop.hold_seat(user, live_session).state == Order.State.PENDING


def late_payment(shop: Shop, *, capacity: int) -> Order:
    """An order whose payment Stripe took although it was asked to expire the Checkout, after the seat was released."""
    shop.stripe.take_payment_despite_expire()
    order = shop.hold_seat(live_session=make_live_session(capacity=capacity))
    shop.let_hold_lapse(order)
    return order


def test_late_payment_gets_a_seat_when_one_is_left(shop: Shop) -> None:
    order = late_payment(shop, capacity=1)
    shop.pay(order)
    shop.hear(shop.events("checkout.session.completed")[0])
    order.refresh_from_db()
    assert order.state == Order.State.PAID
    assert sorted(Seat.objects.values_list("state", flat=True)) == ["confirmed", "expired"]
    assert SeatCoverage.objects.get(seat__state="confirmed").order == order


def test_late_payment_is_refunded_when_sold_out(shop: Shop) -> None:
    order = late_payment(shop, capacity=1)
    assert order.live_session is not None
    rival = shop.hold_seat(live_session=order.live_session)
    shop.pay(order)
    shop.hear(shop.events("checkout.session.completed")[0])
    order.refresh_from_db()
    refund = Refund.objects.get()
    assert (order.state, refund.state, refund.amount_minor, refund.reason) == ("refunded", "succeeded", 25000, "sold_out")
    assert [stripe_refund["amount"] for stripe_refund in shop.stripe.objects("refund")] == [25000]
    assert Seat.objects.get(state="held").coverage.order == rival
    assert OutgoingMail.objects.filter(kind="payment_refunded", recipient=order.subscriber.user.email).count() == 1


def test_late_payment_is_found_by_the_sweep_where_no_webhook_reaches_us(shop: Shop) -> None:
    order = late_payment(shop, capacity=1)
    shop.pay(order)
    shop.sweep(now=clock.now() + timedelta(minutes=11))
    order.refresh_from_db()
    assert order.state == Order.State.PAID
    assert order.fulfilled_at is not None


def test_payment_taken_before_the_start_counts_although_we_hear_of_it_during_the_session(shop: Shop) -> None:
    order = shop.hold_seat(live_session=make_live_session(starts_in=timedelta(minutes=20)))
    shop.pay(order)
    shop.sweep(now=clock.now() + timedelta(hours=1))
    assert Seat.objects.get().state == Seat.State.CONFIRMED


def test_payment_we_hear_of_only_after_the_session_is_refunded(shop: Shop) -> None:
    order = shop.hold_seat(live_session=make_live_session(starts_in=timedelta(minutes=20)))
    shop.pay(order)
    shop.sweep(now=clock.now() + timedelta(hours=3))
    order.refresh_from_db()
    assert (order.state, Refund.objects.get().reason, Seat.objects.get().state) == ("refunded", "heard_too_late", "expired")


def test_payment_taken_after_the_start_is_refunded(shop: Shop) -> None:
    order = shop.hold_seat()
    live_session = order.live_session
    assert live_session is not None
    shop.pay(order)
    live_session.starts_at = clock.now() - timedelta(minutes=2)
    live_session.save()
    shop.hear(shop.events("checkout.session.completed")[0])
    order.refresh_from_db()
    assert (order.state, Refund.objects.get().reason, Seat.objects.get().state) == ("refunded", "started", "expired")


def test_open_checkouts_are_expired_when_the_sale_closes(shop: Shop) -> None:
    order = shop.hold_seat(live_session=make_live_session(starts_in=timedelta(minutes=10)))
    shop.sweep(now=clock.now() + timedelta(minutes=10))
    order.refresh_from_db()
    assert (order.state, shop.stripe.objects("checkout.session")[0]["status"]) == ("expired", "expired")


def test_paid_amount_other_than_the_orders_opens_a_case_and_gives_nothing(shop: Shop) -> None:
    order = shop.hold_seat()
    Order.objects.filter(pk=order.pk).update(amount_minor=30000)
    shop.pay(order)
    shop.hear(shop.events("checkout.session.completed")[0])
    order.refresh_from_db()
    case = order.cases.get()
    assert (case.kind, case.state) == ("amount_mismatch", "opened")
    assert (order.fulfilled_at, Seat.objects.get().state) == (None, "held")
    assert Payment.objects.get().amount_minor == 25000
    assert order.next_check_at is None
    assert order_context(order, returned_paid=True, now=clock.now())["view"] == "looked_into"


def test_order_paid_twice_keeps_one_payment_and_gives_the_other_back(shop: Shop) -> None:
    order = shop.hold_seat()
    assert order.live_session is not None
    left_over = another_checkout(order, key="a call without an answer")
    shop.pay(order)
    assert shop.stripe.pay(left_over.id)["outcome"] == "paid"
    shop.hear_all()
    shop.hear_all()
    order.refresh_from_db()
    assert (order.state, order.fulfilled_at is not None, seats_given(order.live_session)) == ("partly_refunded", True, 1)
    assert Refund.objects.get().reason == "paid_twice"
    assert [refund["amount"] for refund in shop.stripe.objects("refund")] == [25000]


def test_expiry_of_a_left_over_checkout_does_not_release_the_seat_of_the_open_one(shop: Shop) -> None:
    order = shop.hold_seat()
    left_over = str(order.stripe_checkout_session_id)
    Order.objects.update(stripe_checkout_session_id="cs_still_open")
    gateway.expire_checkout(left_over)
    sync_checkout(checkout_session_id=left_over, now=clock.now())
    order.refresh_from_db()
    assert (order.state, Seat.objects.get().state) == ("pending", "held")


def test_buyer_who_comes_back_with_another_name_means_that_one(shop: Shop) -> None:
    user, live_session = make_user(), make_live_session()
    order = shop.hold_seat(user, live_session)
    address = buy_seats(
        user=user,
        live_session_id=live_session.pk,
        attendees=[Attendee("Bob Colleague", "Bob@example.com", "Hill & Co")],
        price_id=order.price.pk,
        now=clock.now(),
    )
    shop.pay(order)
    shop.sweep(now=clock.now() + timedelta(minutes=4))
    seat = Seat.objects.get()
    assert address == order.checkout_url
    assert (seat.attendee_name, seat.attendee_email, seat.state) == ("Bob Colleague", "bob@example.com", "confirmed")


def test_corrected_name_of_somebody_already_seated_is_refused(shop: Shop) -> None:
    user, live_session = make_user(), make_live_session()
    other = shop.hold_seat(live_session=live_session)
    order = shop.hold_seat(user, live_session)
    with pytest.raises(AlreadySeated):
        start_seat_order(
            user=user,
            live_session_id=live_session.pk,
            attendees=[attendee_of(other.subscriber.user)],
            price_id=order.price.pk,
            now=clock.now(),
        )
    assert Seat.objects.get(coverage__order=order).attendee_email == user.email


def test_holds_given_back_at_the_last_moment_count_as_lapsed(shop: Shop) -> None:
    user, live_session = make_user(), make_live_session()
    for _ in range(3):
        order = shop.hold_seat(user, live_session)
        give_up_order(order_id=order.pk, by_buyer=True, now=clock.now() + timedelta(minutes=30))
    with pytest.raises(TooManyLapsedHolds):
        shop.hold_seat(user, live_session)


def test_foreign_checkout_that_names_our_order_changes_nothing(shop: Shop) -> None:
    """A payment link takes any reference from the address bar."""
    order = shop.hold_seat()
    stranger = make_user()
    customer = gateway.create_customer(key="stranger", email=stranger.email, name=stranger.name, reference="stranger")
    assert order.live_session is not None
    foreign = gateway.create_seat_checkout(
        CheckoutRequest(
            key="foreign",
            order_number=order.number,
            customer_id=customer,
            price_id=order.price.stripe_price_id,
            expires_at=order.checkout_expires_at,
            return_url="http://testserver/",
            back_url="http://testserver/",
        ),
        title="A link of somebody else's",
    )
    assert shop.stripe.pay(foreign.id)["outcome"] == "paid"
    shop.hear_all()
    order.refresh_from_db()
    assert (order.state, Payment.objects.count(), Seat.objects.get().state) == ("pending", 0, "held")
    shop.pay(order)
    shop.hear_all()
    order.refresh_from_db()
    assert (order.state, Seat.objects.get().state, Refund.objects.count()) == ("paid", "confirmed", 0)


def test_order_whose_checkout_stripe_does_not_know_is_closed(shop: Shop) -> None:
    order = shop.hold_seat()
    Order.objects.update(stripe_checkout_session_id="cs_test_gone")
    shop.let_hold_lapse(order)
    order.refresh_from_db()
    assert (order.state, Seat.objects.get().state) == ("failed", "expired")
