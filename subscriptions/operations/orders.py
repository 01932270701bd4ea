"""What becomes of an order once Stripe has spoken: money recorded, seats given, or the price on its way back.

Received money is recorded in a transaction of its own before the seat is tried, so that it is known whatever happens next.
"""

from datetime import datetime

from django.db import transaction

from redreport import audit, policy
from redreport.transactions import retried
from sessions_live.errors import AlreadySeated, SalesClosed, SeatRefused, SessionOver
from sessions_live.models import LiveSession, Seat
from sessions_live.operations.seats import confirm_seat, release_held_seat
from subscriptions import mails
from subscriptions.models import Case, Order, Payment, Refund, SeatCoverage
from subscriptions.operations.cases import case_key, open_case
from subscriptions.operations.leases import Lease
from subscriptions.operations.locks import lock_order, lock_session_and_seats, locked_orders
from subscriptions.operations.payments import record_captured_payment
from subscriptions.operations.refunds import owe_refund
from subscriptions.selectors import id_of_customers_subscriber
from subscriptions.stripe_objects import CheckoutState, Sums

CLOSED_UNPAID = (Order.State.PENDING, Order.State.EXPIRED, Order.State.FAILED)


def record_payment(*, checkout: CheckoutState, lease: Lease, now: datetime) -> Order | None:
    """Note that Stripe took the money of a paid Checkout; an order that had expired is paid all the same.

    Returns the order to give something for. None for an order that is none of ours, for a second payment of an order, which is
    then owed back, and with a case opened when the amount before tax and discount, or the currency, is not the order's.
    """
    with transaction.atomic():
        lease.confirm()
        # The order's lock: the return page and a webhook bring the same payment at once.
        order = locked_orders().filter(number=checkout.order_number).first()
        if order is None or not _is_paid_by_its_buyer(order, checkout.customer_id):
            return None
        if checkout.payment:
            payment = record_captured_payment(
                captured=checkout.payment,
                subscriber_id=order.subscriber_id,
                order=order,
                invoice_id=checkout.invoice_id,
                now=now,
            )
            if _is_second_payment(order, payment):
                # A second Checkout of the same order, left over from a call without an answer, was paid as well.
                if not payment.refunds.exists():
                    owe_refund(payment_id=payment.pk, reason=Refund.Reason.PAID_TWICE, now=now)
                return None
        elif order.came_to_nothing:
            return None
        if (checkout.amount_minor, checkout.currency) != (order.amount_minor, order.currency):
            open_case(
                key=case_key(Case.Kind.AMOUNT_MISMATCH, order.number),
                kind=Case.Kind.AMOUNT_MISMATCH,
                summary=f"{order.number}: a price of {checkout.amount_minor} {checkout.currency} paid, "
                f"{order.amount_minor} {order.currency} ordered",
                proposal="Nothing was given for it. Refund it, or give what was ordered and settle the difference by mail.",
                order=order,
                payment=order.payments.order_by("-id").first(),
                now=now,
            )
            # Whatever was held stays held until the person decides.
            Order.objects.filter(pk=order.pk).update(next_check_at=None)
            return None
        if order.state in CLOSED_UNPAID:
            paid_at = checkout.payment.captured_at if checkout.payment else now
            mark_paid(order=order, paid_at=paid_at, sums=checkout, now=now)
        order.stripe_checkout_session_id = order.stripe_checkout_session_id or checkout.id
        order.hosted_invoice_url = checkout.hosted_invoice_url or order.hosted_invoice_url
        order.invoice_pdf_url = checkout.invoice_pdf_url or order.invoice_pdf_url
        order.receipt_url = (checkout.payment and checkout.payment.receipt_url) or order.receipt_url
        order.save()
        return order


def _is_paid_by_its_buyer(order: Order, customer_id: str) -> bool:
    """Whether the customer is, or was, the order's own: a payment link takes any reference from the address bar."""
    is_own = order.subscriber.stripe_customer_id == customer_id
    return is_own or id_of_customers_subscriber(customer_id) == order.subscriber_id


def _is_second_payment(order: Order, payment: Payment) -> bool:
    """Whether the order was paid by another payment before, or by none because a promotion left nothing to pay."""
    if order.state in CLOSED_UNPAID:
        return False
    return order.total_minor == 0 or order.payments.filter(id__lt=payment.pk).exists()


def mark_paid(*, order: Order, paid_at: datetime, sums: Sums, now: datetime) -> None:
    """Turn an unpaid order into a paid one, with what was paid; the caller has locked it, and saves it."""
    if order.state in CLOSED_UNPAID:
        audit.record(actor="stripe", verb="paid", target=order, detail={"was": order.state, "total": sums.total_minor}, now=now)
        order.state = Order.State.PAID
        order.discount_minor, order.tax_minor, order.total_minor = sums.discount_minor, sums.tax_minor, sums.total_minor
    order.paid_at = paid_at
    order.next_check_at = None
    order.checkout_url = ""


@retried
def fulfil_seat_order(*, order: Order, now: datetime) -> bool:
    """Give a paid order its seats, all of them or none; if they cannot be had any more, owe back all that was paid. An order
    for which a promotion left nothing to pay is closed then.

    Returns whether the seats are given. Doing it again changes nothing. Stripe is not called here: the refund is a row that
    `refunds.submit_refund` carries out.
    """
    try:
        return _give_seats(order, now)
    except SeatRefused as refusal:
        # None of its seats was kept: that transaction is rolled back.
        _return_what_was_paid(order, refusal, now)
        return False


def _give_seats(order: Order, now: datetime) -> bool:
    with transaction.atomic():
        # Locks: the session, its seats by id, the order. The price is given its seat or its way back exactly once.
        live_session, seats, order = _lock_all_of(order)
        if not _is_due(order):
            return order.fulfilled_at is not None
        assert order.paid_at is not None
        given = [confirm_seat(live_session=live_session, seat=seat, taken_at=order.paid_at, now=now) for seat in seats]
        held = {seat.pk for seat in seats}
        covered = {"kind": SeatCoverage.Kind.ORDER, "order": order, "created_at": now}
        SeatCoverage.objects.bulk_create(SeatCoverage(seat=seat, **covered) for seat in given if seat.pk not in held)
        mails.queue_seats_given(order=order, seats=given, now=now)
        order.fulfilled_at = now
        order.save(update_fields=["fulfilled_at"])
        return True


def _return_what_was_paid(order: Order, refusal: SeatRefused, now: datetime) -> None:
    with transaction.atomic():
        # Locks as in giving: somebody else may have given the seats or owed the price since.
        live_session, seats, order = _lock_all_of(order)
        if not _is_due(order):
            return
        for seat in seats:
            release_held_seat(seat=seat, now=now)
        for payment in order.payments.filter(refunds__isnull=True):
            owe_refund(payment_id=payment.pk, reason=_refund_reason(refusal, live_session), now=now)
        if not order.payments.exists():
            reason = _refund_reason(refusal, live_session).label
            audit.record(actor="stripe", verb="closed", target=order, reason=reason, now=now)
            order.state = Order.State.FAILED
            order.save(update_fields=["state"])
            mails.queue_hold_lapsed(order=order, seat=seats[0], now=now)


@retried
def close_unpaid_order(*, order_id: int, lease: Lease | None, now: datetime) -> None:
    """Give back what a pending order held, once it is certain that Stripe takes no payment for it any more.

    With a lease Stripe said that its Checkout expired. Without one no Checkout was ever opened: the order failed, and counts
    as no lapse of the buyer's.
    """
    order = Order.objects.get(pk=order_id)
    with transaction.atomic():
        if lease:
            lease.confirm()
        # Locks: the session, its seats by id, the order. A payment may be confirming these seats right now.
        seats, order = lock_seats_and_order(order)
        closed_checkout = lease.stripe_object_id if lease else None
        if order.state != Order.State.PENDING or order.stripe_checkout_session_id not in (None, closed_checkout):
            # Paid meanwhile; or it was another Checkout that expired, and the order's own is still open.
            return
        order.state = Order.State.EXPIRED if lease else Order.State.FAILED
        order.checkout_url = ""
        order.checks = 0
        schedule_next_check(order, now)
        order.save()
        released = [seat for seat in seats if release_held_seat(seat=seat, now=now)]
        if released and lease and not order.given_up_at:
            mails.queue_hold_lapsed(order=order, seat=released[0], now=now)


def schedule_next_check(order: Order, now: datetime) -> None:
    """Set when the sweep next asks Stripe: soon, and in the minute the hold or the sale ends; for a payment on its way each
    hour, until it has arrived or failed. The caller saves the order."""
    if order.under_way_since and order.state in (Order.State.PENDING, Order.State.EXPIRED):
        ends = [order.expires_at] if order.expires_at > now else []
        order.next_check_at = min([now + policy.CHECK_UNDER_WAY_EVERY, *ends])
    elif order.state == Order.State.PENDING:
        ends = [order.expires_at, *([order.live_session.starts_at] if order.live_session else [])]
        order.next_check_at = min([now + policy.CHECK_PENDING_EVERY, *(end for end in ends if end > now)])
    elif order.stripe_checkout_session_id and order.checks < len(policy.CHECK_EXPIRED_AFTER):
        order.next_check_at = now + policy.CHECK_EXPIRED_AFTER[order.checks]
        order.checks += 1
    else:
        order.next_check_at = None


def lock_seats_and_order(order: Order) -> tuple[list[Seat], Order]:
    """Everything an order holds, and the order itself, locked in the right order; a year holds nothing."""
    if order.live_session_id is None:
        return [], lock_order(order.pk)
    _, seats, order = _lock_all_of(order)
    return seats, order


def _lock_all_of(order: Order) -> tuple[LiveSession, list[Seat], Order]:
    """The session of a seat's order, its seats by id, and the order itself, each as it is now."""
    live_session, seats = lock_session_and_seats(order)
    return live_session, seats, lock_order(order.pk)


def _is_due(order: Order) -> bool:
    """Whether something is still to be given for it: paid, or free by a promotion, not given, and no payment on its way back."""
    if order.fulfilled_at or order.state not in (Order.State.PAID, Order.State.PARTLY_REFUNDED):
        return False
    refunds_of_payments = order.payments.values_list("refunds__id", flat=True)
    return not refunds_of_payments or None in refunds_of_payments


def _refund_reason(refusal: SeatRefused, live_session: LiveSession) -> Refund.Reason:
    if isinstance(refusal, AlreadySeated):
        return Refund.Reason.ALREADY_SEATED
    if isinstance(refusal, SessionOver):
        return Refund.Reason.HEARD_TOO_LATE
    if isinstance(refusal, SalesClosed):
        held = live_session.state in (LiveSession.State.PUBLISHED, LiveSession.State.ENDED)
        return Refund.Reason.STARTED if held else Refund.Reason.NOT_HELD
    return Refund.Reason.SOLD_OUT
