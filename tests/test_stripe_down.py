"""Stripe down, slow, or silent after having done what was asked: no ghost seat, no ghost charge."""

from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress

from redreport import clock
from sessions_live.models import Seat
from subscriptions import stripe_gateway as gateway
from subscriptions.errors import GatewayRefused, GatewayUnavailable, OrderNotOpen
from subscriptions.models import Case, Order, Payment, Plan, Refund, StripeEvent, Subscription, SubscriptionChange
from subscriptions.operations import checkouts
from subscriptions.operations.booking import start_seat_order
from subscriptions.operations.changes import ask_renewal, submit_change
from subscriptions.operations.checkouts import open_checkout
from subscriptions.operations.purchase import buy_seats
from subscriptions.operations.refund_sync import check_refund
from subscriptions.operations.refunds import submit_refund
from subscriptions.selectors import current_price
from subscriptions.tasks import sweep_refunds_task
from subscriptions.webhooks.inbox import process_event
from tests.factories import attendee_of, make_live_session, make_user
from tests.fixtures_shop import Shop
from tests.money_back import bought_seat, bought_year, owe, refund_rows

CHECKOUTS = "/v1/checkout/sessions"


def test_seat_is_kept_only_for_as_long_as_trying_again_can_succeed(shop: Shop) -> None:
    shop.stripe.fault("500", method="POST", path=CHECKOUTS, count=5)
    with pytest.raises(GatewayUnavailable):
        shop.hold_seat()
    order = Order.objects.get()
    assert (order.state, order.expires_at) == ("pending", order.created_at + timedelta(minutes=3))
    shop.stripe.clear_faults()
    shop.sweep(now=clock.now() + timedelta(minutes=4))
    order.refresh_from_db()
    assert (order.state, Seat.objects.get().state) == ("failed", "expired")


def test_trying_again_opens_the_checkout_and_gives_the_full_time(shop: Shop) -> None:
    user, live_session = make_user(), make_live_session()
    shop.stripe.fault("503", method="POST", path=CHECKOUTS, count=5)
    with pytest.raises(GatewayUnavailable):
        shop.hold_seat(user, live_session)
    shop.stripe.clear_faults()
    order = shop.hold_seat(user, live_session)
    assert order.expires_at == order.created_at + timedelta(minutes=35)
    assert (Order.objects.count(), Seat.objects.count()) == (1, 1)


def test_checkout_whose_answer_was_lost_is_opened_once(shop: Shop) -> None:
    user, live_session = make_user(), make_live_session()
    shop.stripe.fault("drop_after", method="POST", path=CHECKOUTS, count=2)
    with pytest.raises(GatewayUnavailable):
        shop.hold_seat(user, live_session)
    shop.hold_seat(user, live_session)
    assert len(shop.stripe.objects("checkout.session")) == 1


def test_server_error_is_not_replayed_for_ever_and_what_it_did_is_found(shop: Shop) -> None:
    user, live_session = make_user(), make_live_session()
    shop.stripe.fault("500_after", method="POST", path=CHECKOUTS, count=1)
    with pytest.raises(GatewayUnavailable):
        shop.hold_seat(user, live_session)
    order = shop.hold_seat(user, live_session)
    assert [checkout["id"] for checkout in shop.stripe.objects("checkout.session")] == [order.stripe_checkout_session_id]


def test_server_error_while_the_customer_is_made_does_not_lock_the_buyer_out(shop: Shop) -> None:
    user, live_session = make_user(), make_live_session()
    shop.stripe.fault("500", method="POST", path="/v1/customers", count=1)
    with pytest.raises(GatewayUnavailable):
        shop.hold_seat(user, live_session)
    assert shop.hold_seat(user, live_session).checkout_url.startswith("http")


def test_checkout_nobody_heard_of_is_found_and_expired_before_its_seat_is_released(shop: Shop) -> None:
    shop.stripe.fault("drop_after", method="POST", path=CHECKOUTS, count=2)
    with pytest.raises(GatewayUnavailable):
        shop.hold_seat()
    shop.sweep(now=clock.now() + timedelta(minutes=4))
    assert Order.objects.get().state == Order.State.EXPIRED
    assert [checkout["status"] for checkout in shop.stripe.objects("checkout.session")] == ["expired"]


def test_retry_after_the_key_could_be_used_again_begins_a_new_order(shop: Shop) -> None:
    user, live_session, began = make_user(), make_live_session(), clock.now() - timedelta(minutes=10)
    price = current_price(Plan.SINGLE_SEAT)
    stale = start_seat_order(
        user=user, live_session_id=live_session.pk, attendees=[attendee_of(user)], price_id=price.pk, now=began
    )
    Order.objects.filter(pk=stale.pk).update(expires_at=began + timedelta(minutes=3))
    address = buy_seats(
        user=user, live_session_id=live_session.pk, attendees=[attendee_of(user)], price_id=price.pk, now=clock.now()
    )
    assert "/c/pay/" in address
    assert list(Order.objects.order_by("id").values_list("state", flat=True)) == ["failed", "pending"]
    assert Seat.objects.filter(state="held").count() == 1


def test_order_given_up_while_its_checkout_was_being_opened_leaves_none_open(shop: Shop) -> None:
    """The sweep comes between Stripe's answer and our writing it down."""
    user, live_session = make_user(), make_live_session()
    order = start_seat_order(
        user=user,
        live_session_id=live_session.pk,
        attendees=[attendee_of(user)],
        price_id=current_price(Plan.SINGLE_SEAT).pk,
        now=clock.now(),
    )
    attach = checkouts._attach_checkout

    def attach_too_late(*arguments: object) -> bool:
        checkouts.close_unpaid_order(order_id=order.pk, lease=None, now=clock.now())
        return attach(*arguments)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkouts, "_attach_checkout", attach_too_late)
        with pytest.raises(OrderNotOpen):
            open_checkout(order=order, now=clock.now())
    assert [checkout["status"] for checkout in shop.stripe.objects("checkout.session")] == ["expired"]
    assert Seat.objects.get().state == Seat.State.EXPIRED


def owed_refund(shop: Shop) -> Refund:
    """A refund that our rows owe, with Stripe not yet asked."""
    shop.stripe.take_payment_despite_expire()
    order = shop.hold_seat(live_session=make_live_session(capacity=1))
    shop.let_hold_lapse(order)
    assert order.live_session is not None
    shop.hold_seat(live_session=order.live_session)
    shop.pay(order)
    shop.stripe.fault("503", method="POST", path="/v1/refunds", count=2)
    shop.hear(shop.events("checkout.session.completed")[0])
    shop.stripe.clear_faults()
    return Refund.objects.get()


def test_refund_that_stripe_did_not_take_waits_for_the_sweep(shop: Shop) -> None:
    refund = owed_refund(shop)
    assert (refund.state, refund.attempts, Payment.objects.get().refunded_minor) == ("pending", 1, 25000)
    Refund.objects.update(next_attempt_at=clock.now())
    sweep_refunds_task()
    refund.refresh_from_db()
    assert (refund.state, len(shop.stripe.objects("refund"))) == ("succeeded", 1)


def test_refund_whose_answer_was_lost_is_not_made_twice_even_after_stripe_forgot_the_key(shop: Shop) -> None:
    refund = owed_refund(shop)
    shop.stripe.fault("drop_after", method="POST", path="/v1/refunds", count=2)
    Refund.objects.update(next_attempt_at=clock.now())
    submit_refund(refund_id=refund.pk, now=clock.now())
    refund.refresh_from_db()
    assert (refund.state, len(shop.stripe.objects("refund"))) == ("pending", 1)
    shop.stripe.prune_idempotency_keys()
    Refund.objects.update(next_attempt_at=clock.now())
    submit_refund(refund_id=refund.pk, now=clock.now())
    refund.refresh_from_db()
    assert (refund.state, len(shop.stripe.objects("refund"))) == ("succeeded", 1)


def test_refund_answered_with_a_server_error_after_it_was_made_is_made_once(shop: Shop) -> None:
    refund = owed_refund(shop)
    shop.stripe.fault("500_after", method="POST", path="/v1/refunds", count=1)
    for _ in range(2):
        Refund.objects.update(next_attempt_at=clock.now())
        submit_refund(refund_id=refund.pk, now=clock.now())
    refund.refresh_from_db()
    assert (refund.state, len(shop.stripe.objects("refund"))) == ("succeeded", 1)


def test_refund_that_fails_later_opens_a_case_and_may_be_tried_again(shop: Shop) -> None:
    refund = owed_refund(shop)
    shop.stripe.next_refund("pending")
    Refund.objects.update(next_attempt_at=clock.now())
    submit_refund(refund_id=refund.pk, now=clock.now())
    refund.refresh_from_db()
    assert refund.state == "submitted"
    shop.stripe.settle_refund(str(refund.stripe_refund_id), "failed", reason="expired_or_canceled_card")
    for event in shop.events("refund.updated", "refund.failed"):
        shop.hear(event)
    refund.refresh_from_db()
    order = refund.payment.order
    assert order is not None
    assert (refund.state, order.state, order.cases.get().kind) == ("failed", "paid", "refund_failed")
    assert Payment.objects.get(order=order).refunded_minor == 0


def test_refund_waits_while_stripe_refuses_our_key(shop: Shop, settings: Any) -> None:
    refund = owed_refund(shop)
    settings.STRIPE_SECRET_KEY = "sk_test_rolled"
    Refund.objects.update(next_attempt_at=clock.now())
    submit_refund(refund_id=refund.pk, now=clock.now())
    refund.refresh_from_db()
    assert (refund.state, refund.attempts) == ("pending", 2)


def test_refund_under_way_is_looked_at_daily_where_no_webhook_comes(shop: Shop) -> None:
    refund = owed_refund(shop)
    shop.stripe.next_refund("pending")
    now = clock.now() + timedelta(minutes=2)
    check_refund(refund_id=refund.pk, now=now)
    refund.refresh_from_db()
    shop.stripe.settle_refund(str(refund.stripe_refund_id), "failed", reason="declined")
    assert (refund.state, refund.next_attempt_at) == ("submitted", now + timedelta(days=1))
    check_refund(refund_id=refund.pk, now=now + timedelta(days=1))
    refund.refresh_from_db()
    assert (refund.state, refund.next_attempt_at, Case.objects.get().kind) == ("failed", None, "refund_failed")


def test_customer_deleted_in_the_dashboard_is_made_anew(shop: Shop) -> None:
    user = make_user()
    first = shop.hold_seat(user)
    gateway.client().v1.customers.delete(str(first.subscriber.stripe_customer_id))
    live_session = make_live_session()
    with pytest.raises(GatewayRefused):
        shop.hold_seat(user, live_session)
    order = shop.hold_seat(user, live_session)
    assert order.subscriber.stripe_customer_id not in (None, first.subscriber.stripe_customer_id)
    assert order.checkout_url.startswith("http")


def test_customer_whose_answer_was_lost_is_made_although_the_address_changed_since(shop: Shop) -> None:
    user, live_session = make_user(), make_live_session()
    shop.stripe.fault("drop_after", method="POST", path="/v1/customers", count=2)
    with pytest.raises(GatewayUnavailable):
        shop.hold_seat(user, live_session)
    user.email = "moved@example.com"
    user.save()
    EmailAddress.objects.filter(user=user).update(email=user.email)
    with pytest.raises(GatewayUnavailable):
        shop.hold_seat(user, live_session)
    assert shop.hold_seat(user, live_session).checkout_url.startswith("http")


def test_whatever_waited_for_days_is_carried_out_when_stripe_is_back(shop: Shop) -> None:
    user = make_user()
    year, refund = bought_year(shop, user), owe(bought_seat(shop))
    change = ask_renewal(user=user, renews=False, now=clock.now())
    # Half an hour apart at the end: more than twenty hours.
    Refund.objects.update(attempts=45)
    SubscriptionChange.objects.update(attempts=45)
    shop.stripe.fault("503", path="*", count=1000)
    now = clock.now()
    assert not submit_refund(refund_id=refund.pk, now=now)
    assert not submit_change(change_id=change.pk, now=now)
    refund.refresh_from_db()
    assert (refund.attempts, refund.next_attempt_at) == (46, now + timedelta(minutes=30))
    shop.stripe.clear_faults()
    later = now + timedelta(minutes=31)
    assert submit_refund(refund_id=refund.pk, now=later)
    assert submit_change(change_id=change.pk, now=later)
    change.refresh_from_db()
    assert (refund_rows(), change.state) == ([(25000, "staff", "succeeded")], "done")
    assert not Subscription.objects.get(started_by=year.order).renews


def test_event_that_waited_for_a_day_waits_on(shop: Shop) -> None:
    shop.pay(shop.hold_seat())
    shop.post_webhook(shop.events("checkout.session.completed")[0])
    StripeEvent.objects.update(attempts=50)
    shop.stripe.fault("503", path="*", count=1000)
    now = clock.now()
    assert not process_event(event_id=StripeEvent.objects.get().pk, now=now)
    event = StripeEvent.objects.get()
    assert (event.state, event.due_at) == ("received", now + timedelta(minutes=30))
