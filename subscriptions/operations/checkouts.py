"""An order's Checkout at Stripe: opened, looked at, given up. Every function here calls Stripe: never inside a transaction."""

from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from redreport import policy
from redreport.addresses import address_of
from sessions_live.models import LiveSession
from subscriptions import stripe_gateway as gateway
from subscriptions.errors import CatalogNotReady, GatewayError, GatewayNotFound, OrderNotOpen, PaymentUnderWay
from subscriptions.models import Order, Refund
from subscriptions.operations.delayed_payments import await_bank, close_failed_payment, waits_until
from subscriptions.operations.keys import new_key_after_server_error
from subscriptions.operations.leases import Lease, synchronize
from subscriptions.operations.locks import lock_order
from subscriptions.operations.orders import close_unpaid_order, fulfil_seat_order, record_payment, schedule_next_check
from subscriptions.operations.refunds import submit_refund
from subscriptions.operations.renewals import sync_invoice, sync_subscription
from subscriptions.operations.subscribers import ensure_customer, new_customer_if_deleted
from subscriptions.selectors import id_of_customers_subscriber
from subscriptions.stripe_objects import CheckoutRequest, CheckoutState


def open_checkout(*, order: Order, now: datetime) -> str:
    """The address at which Stripe takes this order's payment; asking again gives the same Checkout.

    Refuses with OrderNotOpen when the order is not pending any more, with PaymentUnderWay when it was paid from a bank that has
    not moved the money yet, with a GatewayError when Stripe gives no answer; the hold
    is then kept only for as long as trying again can succeed.
    """
    if order.state != Order.State.PENDING:
        raise OrderNotOpen
    if order.under_way_since:
        raise PaymentUnderWay
    if order.checkout_url:
        return order.checkout_url
    try:
        customer_id = ensure_customer(order.subscriber)
        with new_key_after_server_error(order), new_customer_if_deleted(order):
            checkout = _find_or_create_checkout(order, customer_id)
    except (GatewayError, CatalogNotReady):
        _keep_only_while_it_can_be_retried(order.pk, now)
        raise
    if not _attach_checkout(order, checkout, now):
        # Given up meanwhile, or another tab's Checkout is its own by now: this one must not be paid.
        gateway.expire_checkout(checkout.id)
        raise OrderNotOpen
    return checkout.url


def give_up_order(*, order_id: int, by_buyer: bool, now: datetime) -> None:
    """Ask Stripe to take no payment for a pending order any more, then do as Stripe answers: give back what it held, or,
    when the payment was quicker, treat it as paid. Refuses with GatewayUnavailable, and a buyer whose payment is on its way with
    PaymentUnderWay: then everything stays as it is."""
    order = Order.objects.select_related("subscriber").get(pk=order_id)
    if order.state != Order.State.PENDING:
        return
    if by_buyer and order.under_way_since:
        raise PaymentUnderWay
    if by_buyer:
        Order.objects.filter(pk=order_id, given_up_at__isnull=True).update(given_up_at=now)
    checkout_id = order.stripe_checkout_session_id or _adopt_unanswered_checkout(order, now)
    if checkout_id is None:
        close_unpaid_order(order_id=order_id, lease=None, now=now)
        return
    gateway.expire_checkout(checkout_id)
    try:
        sync_checkout(checkout_session_id=checkout_id, now=now)
    except GatewayNotFound:
        # Stripe has no such Checkout, so nobody can pay it any more.
        Order.objects.filter(pk=order_id, state=Order.State.PENDING).update(stripe_checkout_session_id=None)
        close_unpaid_order(order_id=order_id, lease=None, now=now)


def sync_checkout(*, checkout_session_id: str, now: datetime) -> None:
    """Fetch a Checkout and apply what it is now: paid, expired, or still open. Refuses with ObjectBusy while another does."""

    def fetch_and_apply(lease: Lease) -> tuple[CheckoutState, bool]:
        checkout = gateway.fetch_checkout(checkout_session_id)
        return checkout, _apply_checkout(checkout, lease, now)

    checkout, seats_given = synchronize(checkout_session_id, fetch_and_apply)
    if not checkout.is_paid:
        return
    if checkout.subscription_id:
        sync_subscription(stripe_subscription_id=checkout.subscription_id, now=now)
        sync_invoice(stripe_invoice_id=checkout.invoice_id, now=now)
    elif not seats_given:
        _submit_refunds_of(checkout.order_number, now)


def check_order(*, order_id: int, now: datetime) -> None:
    """One turn of the minute sweep for one order: give it up when its time is over, else compare it with Stripe."""
    order = Order.objects.select_related("live_session").get(pk=order_id)
    if order.paid_at is not None:
        _finish_paid_order(order, now)
        return
    with transaction.atomic():
        # The order's lock: put off before Stripe is asked, so that a Stripe which is down is not asked in every turn.
        locked = lock_order(order_id)
        schedule_next_check(locked, now)
        locked.save(update_fields=["next_check_at", "checks"])
    if order.state == Order.State.PENDING and _time_is_over(order, now):
        give_up_order(order_id=order_id, by_buyer=False, now=now)
    elif order.stripe_checkout_session_id:
        sync_checkout(checkout_session_id=order.stripe_checkout_session_id, now=now)


def _finish_paid_order(order: Order, now: datetime) -> None:
    """What a crash left between the recorded payment and what it paid for."""
    if order.kind == Order.Kind.SEAT:
        fulfil_seat_order(order=order, now=now)
        _submit_refunds_of(order.number, now)
    elif order.stripe_checkout_session_id:
        sync_checkout(checkout_session_id=order.stripe_checkout_session_id, now=now)


def _time_is_over(order: Order, now: datetime) -> bool:
    if order.live_session and (order.live_session.starts_at <= now or order.live_session.state == LiveSession.State.CANCELED):
        return True
    return order.expires_at <= now


def _find_or_create_checkout(order: Order, customer_id: str) -> CheckoutState:
    # After a server error the key is a new one: first look whether the old one got through all the same.
    found = gateway.find_checkout(customer_id=customer_id, order_number=order.number) if order.stripe_key_version else None
    return found if found and found.status == "open" else _create_checkout(order, customer_id)


def _create_checkout(order: Order, customer_id: str) -> CheckoutState:
    if order.price.stripe_account_id != gateway.account_id():
        # The key was changed to another account's: what is paid there, our orders would never learn of.
        raise CatalogNotReady(order.price)
    page = address_of("subscriptions:order", order.number)
    request = CheckoutRequest(
        key=f"checkout-{order.number}-{order.stripe_key_version}",
        order_number=order.number,
        customer_id=customer_id,
        price_id=order.price.stripe_price_id,
        quantity=order.quantity,
        expires_at=order.checkout_expires_at,
        return_url=f"{page}?returned=paid",
        back_url=f"{page}?returned=back",
        session_slug=order.live_session.slug if order.live_session else "",
    )
    if order.live_session is None:
        return gateway.create_year_checkout(request)
    is_in_time = order.checkout_expires_at < waits_until(order.live_session)
    return gateway.create_seat_checkout(
        request, title=order.live_session.title, may_pay_late=settings.STRIPE_DELAYED_PAYMENTS and is_in_time
    )


def _attach_checkout(order: Order, checkout: CheckoutState, now: datetime) -> bool:
    """Write the Checkout down; False when a sweep gave the order up while Stripe was opening it, or it has another."""
    order.stripe_checkout_session_id = checkout.id
    order.checkout_url = checkout.url
    order.expires_at = order.created_at + policy.HOLD
    schedule_next_check(order, now)
    fields = ("stripe_checkout_session_id", "checkout_url", "expires_at", "next_check_at")
    is_first = Q(stripe_checkout_session_id__isnull=True) | Q(stripe_checkout_session_id=checkout.id)
    still_pending = Order.objects.filter(is_first, pk=order.pk, state=Order.State.PENDING)
    return bool(still_pending.update(**{field: getattr(order, field) for field in fields}))


def _keep_only_while_it_can_be_retried(order_id: int, now: datetime) -> None:
    with transaction.atomic():
        # The order's lock: the other tab's call may have been answered.
        order = lock_order(order_id)
        if order.state == Order.State.PENDING and not order.stripe_checkout_session_id:
            order.expires_at = order.checkout_expires_at - policy.SHORTEST_CHECKOUT
            schedule_next_check(order, now)
            order.save(update_fields=["expires_at", "next_check_at"])


def _adopt_unanswered_checkout(order: Order, now: datetime) -> str | None:
    """The Checkout that a call without an answer may have opened; None when there is none, and none can come any more."""
    if order.subscriber.stripe_customer_id is None:
        return None
    checkout = gateway.find_checkout(customer_id=order.subscriber.stripe_customer_id, order_number=order.number)
    if checkout is None:
        return None
    _attach_checkout(order, checkout, now)
    return checkout.id


def _apply_checkout(checkout: CheckoutState, lease: Lease, now: datetime) -> bool:
    """Write what Stripe says; returns whether an order's seats are given."""
    if checkout.livemode != settings.STRIPE_LIVEMODE:
        return False
    if checkout.is_paid:
        order = record_payment(checkout=checkout, lease=lease, now=now)
        return bool(order and order.kind == Order.Kind.SEAT and fulfil_seat_order(order=order, now=now))
    order = Order.objects.filter(number=checkout.order_number).first()
    if order is None or order.subscriber_id != id_of_customers_subscriber(checkout.customer_id):
        return False
    if checkout.status == "expired":
        close_unpaid_order(order_id=order.pk, lease=lease, now=now)
    elif checkout.payment_failed:
        close_failed_payment(order_id=order.pk, lease=lease, now=now)
    elif checkout.is_under_way:
        await_bank(order_id=order.pk, lease=lease, now=now)
    return False


def _submit_refunds_of(order_number: str, now: datetime) -> None:
    owed = Refund.objects.filter(payment__order__number=order_number, state=Refund.State.PENDING)
    for refund_id in owed.order_by("id").values_list("id", flat=True):
        submit_refund(refund_id=refund_id, now=now)
