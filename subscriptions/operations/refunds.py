"""Giving money back: the row is committed first, then Stripe is asked with a key made from it, then the answer is committed."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Sum

from redreport import audit
from redreport.accounts.models import User
from subscriptions import mails
from subscriptions import stripe_gateway as gateway
from subscriptions.errors import GatewayRefused, GatewayUnavailable, RefundTooLarge
from subscriptions.models import Case, Order, Payment, Refund
from subscriptions.operations.cases import open_case
from subscriptions.operations.keys import new_key_after_server_error
from subscriptions.operations.leases import Lease, synchronize
from subscriptions.stripe_objects import RefundState

FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(minutes=30)
LOOK_AGAIN = timedelta(days=1)
MAY_STILL_FAIL = timedelta(days=10)

STATE_OF_STATUS = {
    "pending": Refund.State.SUBMITTED,
    "requires_action": Refund.State.SUBMITTED,
    "succeeded": Refund.State.SUCCEEDED,
    "failed": Refund.State.FAILED,
    "canceled": Refund.State.CANCELED,
}
GIVEN_UP = (Refund.State.FAILED, Refund.State.CANCELED)


def owe_refund(
    *,
    payment_id: int,
    reason: Refund.Reason,
    now: datetime,
    amount_minor: int | None = None,
    made_by: User | None = None,
    note: str = "",
    replaces: Refund | None = None,
) -> Refund | None:
    """Owe so much of a payment, or what is left of it, in the caller's transaction; None when nothing is left.

    The minute sweep carries it out. Refuses with RefundTooLarge what is more than is left.
    """
    # The payment's lock: two refunds at once must not give back more than was taken; the database refuses it too.
    payment = Payment.objects.select_for_update(no_key=True).get(pk=payment_id)
    left = payment.amount_minor - payment.refunded_minor
    amount = left if amount_minor is None else amount_minor
    if amount > left:
        raise RefundTooLarge(left)
    if amount == 0:
        return None
    payment.refunded_minor = F("refunded_minor") + amount
    payment.save(update_fields=["refunded_minor"])
    refund = Refund.objects.create(
        payment=payment,
        amount_minor=amount,
        currency=payment.currency,
        reason=reason,
        made_by=made_by,
        note=note,
        replaces=replaces,
        created_at=now,
        next_attempt_at=now,
    )
    audit.record(actor=made_by, verb="owed", target=refund, reason=note or refund.get_reason_display(), now=now)
    return refund


def submit_refund(*, refund_id: int, now: datetime) -> bool:
    """
    Ask Stripe to carry out a pending refund. When Stripe cannot be reached, which the answer False says, it stays pending for
    the sweep.
    """
    refund = _claim_attempt(refund_id, now)
    if refund is None:
        return True
    try:
        with new_key_after_server_error(refund):
            state = _find_or_create(refund)
    except GatewayUnavailable:
        return False
    except GatewayRefused as refusal:
        _give_up(refund_id, str(refusal), now)
    else:
        apply_refund(refund_id=refund_id, state=state, lease=None, now=now)
    return True


def sync_refund(*, stripe_refund_id: str, now: datetime) -> None:
    """Fetch a refund and apply it. Refuses with ObjectBusy when another worker is at it."""

    def fetch_and_apply(lease: Lease) -> None:
        state = gateway.fetch_refund(stripe_refund_id)
        refund = Refund.objects.filter(public_id=state.reference).first() if state.reference else None
        if refund:
            apply_refund(refund_id=refund.pk, state=state, lease=lease, now=now)

    synchronize(stripe_refund_id, fetch_and_apply)


def apply_refund(*, refund_id: int, state: RefundState, lease: Lease | None, now: datetime) -> None:
    """Write what Stripe says of a refund, and the order's state that follows. A failed one opens a case."""
    order_id = Refund.objects.values_list("payment__order_id", flat=True).get(pk=refund_id)
    with transaction.atomic():
        if lease:
            lease.confirm()
        # Locks: order, payment, refund: its webhook and our own call bring the answer at once.
        order = Order.objects.select_for_update(no_key=True).get(pk=order_id) if order_id else None
        refund = _lock_with_payment(refund_id)
        new_state = STATE_OF_STATUS.get(state.status, Refund.State.SUBMITTED)
        if refund.state in GIVEN_UP or (refund.state == Refund.State.SUCCEEDED and new_state == Refund.State.SUBMITTED):
            return
        first_answer = refund.state == Refund.State.PENDING
        refund.state = new_state
        refund.stripe_refund_id = state.id
        refund.next_attempt_at = _next_look(refund, now)
        refund.error = state.failure_reason
        refund.save()
        if new_state in GIVEN_UP:
            _release_amount(refund, order, now)
        elif order:
            order.state = _state_after_refunds(order)
            order.save(update_fields=["state"])
            if first_answer:
                mails.queue_payment_refunded(order=order, refund=refund, now=now)


def check_refund(*, refund_id: int, now: datetime) -> bool:
    """One turn of the minute sweep for one refund: carry it out, or look what became of it. False as in `submit_refund`."""
    refund = Refund.objects.get(pk=refund_id)
    if refund.state == Refund.State.PENDING or refund.stripe_refund_id is None:
        return submit_refund(refund_id=refund_id, now=now)
    # Put off first, so that a refund which cannot be fetched is not asked for in every turn.
    Refund.objects.filter(pk=refund_id).update(next_attempt_at=now + LOOK_AGAIN)
    sync_refund(stripe_refund_id=refund.stripe_refund_id, now=now)
    return True


def _next_look(refund: Refund, now: datetime) -> datetime | None:
    """A refund under way, or one that went through lately and may still fail, is looked at daily: its webhook may never come."""
    may_change = refund.state == Refund.State.SUBMITTED or now < refund.created_at + MAY_STILL_FAIL
    return now + LOOK_AGAIN if may_change and refund.state not in GIVEN_UP else None


def _find_or_create(refund: Refund) -> RefundState:
    reference, intent_id = str(refund.public_id), refund.payment.stripe_payment_intent_id
    # Stripe may forget a key after a day: from the second attempt on, look whether an earlier one got through.
    found = gateway.find_refund(reference=reference, payment_intent_id=intent_id) if refund.attempts > 1 else None
    return found or gateway.create_refund(
        key=f"refund-{reference}-{refund.stripe_key_version}",
        reference=reference,
        payment_intent_id=intent_id,
        amount_minor=refund.amount_minor,
    )


def _claim_attempt(refund_id: int, now: datetime) -> Refund | None:
    with transaction.atomic():
        # The refund's lock: two sweeps at once make one attempt. Counted before the call, so that a crash is seen as an attempt.
        refund = Refund.objects.select_for_update(of=["self"], no_key=True).select_related("payment").get(pk=refund_id)
        if refund.state != Refund.State.PENDING or refund.next_attempt_at is None or refund.next_attempt_at > now:
            return None
        refund.attempts += 1
        refund.next_attempt_at = now + min(FIRST_WAIT * 2 ** (refund.attempts - 1), LONGEST_WAIT)
        refund.save(update_fields=["attempts", "next_attempt_at"])
        return refund


def _give_up(refund_id: int, error: str, now: datetime) -> None:
    order_id = Refund.objects.values_list("payment__order_id", flat=True).get(pk=refund_id)
    with transaction.atomic():
        # Locks: order, payment, refund.
        order = Order.objects.select_for_update(no_key=True).get(pk=order_id) if order_id else None
        refund = _lock_with_payment(refund_id)
        if refund.state != Refund.State.PENDING:
            return
        refund.state = Refund.State.FAILED
        refund.error = error[:200]
        refund.next_attempt_at = None
        refund.save()
        _release_amount(refund, order, now)


def _release_amount(refund: Refund, order: Order | None, now: datetime) -> None:
    """A refund that failed gave nothing back: its amount may be refunded again, and a person decides how."""
    Payment.objects.filter(pk=refund.payment_id).update(refunded_minor=F("refunded_minor") - refund.amount_minor)
    if order:
        order.state = _state_after_refunds(order)
        order.save(update_fields=["state"])
    open_case(
        key=f"refund_failed:{refund.public_id}",
        kind=Case.Kind.REFUND_FAILED,
        summary=f"Refund of {refund.amount_minor} {refund.currency} failed: {refund.error or 'no reason given'}",
        order=order,
        subscriber=refund.payment.subscriber,
        now=now,
    )


def _lock_with_payment(refund_id: int) -> Refund:
    payment_id = Refund.objects.values_list("payment_id", flat=True).get(pk=refund_id)
    Payment.objects.select_for_update(no_key=True).get(pk=payment_id)
    return Refund.objects.select_for_update(no_key=True).get(pk=refund_id)


def _state_after_refunds(order: Order) -> str:
    if order.paid_at is None:
        return order.state
    standing = Refund.objects.filter(payment__order=order, state__in=[Refund.State.SUBMITTED, Refund.State.SUCCEEDED]).aggregate(
        total=Sum("amount_minor")
    )["total"]
    paid = order.payments.aggregate(total=Sum("amount_minor"))["total"]
    if not standing:
        return Order.State.PAID
    return Order.State.REFUNDED if standing >= paid else Order.State.PARTLY_REFUNDED
