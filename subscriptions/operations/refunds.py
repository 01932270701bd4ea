"""Giving money back: the row is committed first, then Stripe is asked with a key made from it, then the answer is committed."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import F

from redreport import audit
from redreport.accounts.models import User
from redreport.waits import growing_wait
from subscriptions import stripe_gateway as gateway
from subscriptions.errors import (
    GatewayRefused,
    GatewayUnavailable,
    ObjectBusy,
    PaymentDisputed,
    RefundNotFailed,
    RefundTooLarge,
)
from subscriptions.models import Refund
from subscriptions.operations.dashboard_refunds import take_in_refunds_of_payment
from subscriptions.operations.double_payouts import is_kept_by_bank
from subscriptions.operations.keys import new_key_after_server_error
from subscriptions.operations.locks import lock_payment, lock_refund
from subscriptions.operations.refund_states import CHARGE_DISPUTED, apply_refund, give_up_refund
from subscriptions.stripe_objects import RefundState

FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(minutes=30)
# Stripe may forget a key after a day.
KEY_IS_SURE = timedelta(hours=23)


def owe_refund(
    *,
    payment_id: int,
    reason: Refund.Reason,
    now: datetime,
    amount_minor: int | None = None,
    made_by: User | None = None,
    note: str = "",
    replaces: Refund | None = None,
    public_id: UUID | None = None,
) -> Refund | None:
    """Owe so much of a payment, or what is left of it, in the caller's transaction; None when nothing is left.

    The minute sweep carries it out. Refuses with RefundTooLarge what is more than is left. A credit note of the refund that it
    replaces becomes its own.
    """
    # The payment's lock: two refunds at once must not give back more than was taken; the database refuses it too.
    payment = lock_payment(payment_id)
    amount = payment.left_minor if amount_minor is None else amount_minor
    if amount > payment.left_minor:
        raise RefundTooLarge(payment.left_minor)
    if amount == 0:
        return None
    # Reckoned in the database, so that its own bound holds even where the lock should be missing.
    payment.refunded_minor = F("refunded_minor") + amount
    payment.save(update_fields=["refunded_minor"])
    refund = Refund.objects.create(
        public_id=public_id or uuid4(),
        payment=payment,
        amount_minor=amount,
        currency=payment.currency,
        reason=reason,
        made_by=made_by,
        note=note,
        replaces=replaces,
        stripe_credit_note_id=replaces.stripe_credit_note_id if replaces else "",
        created_at=now,
        next_attempt_at=now,
    )
    audit.record(actor=made_by, verb="owed", target=refund, reason=note or refund.get_reason_display(), now=now)
    return refund


def refund_payment(
    *, payment_id: int, amount_minor: int | None, actor: User, note: str, request_id: UUID, now: datetime
) -> Refund | None:
    """Give back part of a payment, or what is left of it, on a staff member's word; None when nothing is left.

    One `request_id`, made with the form, is one refund however often it is sent. Refuses with RefundTooLarge, or with
    PaymentDisputed while the bank has the money. What the payment bought stays.
    """
    with transaction.atomic():
        # The payment's lock: the second click waits here for the first, and finds its refund.
        payment = lock_payment(payment_id)
        known = payment.refunds.filter(public_id=request_id).first()
        if known:
            return known
        if is_kept_by_bank(payment):
            raise PaymentDisputed
        return owe_refund(
            payment_id=payment_id,
            reason=Refund.Reason.STAFF,
            amount_minor=amount_minor,
            made_by=actor,
            note=note,
            public_id=request_id,
            now=now,
        )


def retry_refund(*, refund_id: int, actor: User, now: datetime) -> Refund:
    """Make a failed refund again, once: asking a second time gives the same one.

    Refuses with RefundNotFailed, with RefundTooLarge when the money went back in another way since, or with PaymentDisputed.
    """
    with transaction.atomic():
        # The locks of payment and refund: two clicks make one.
        _, payment, failed = lock_refund(refund_id)
        known = Refund.objects.filter(replaces=failed).first()
        if known:
            return known
        if failed.state != Refund.State.FAILED:
            raise RefundNotFailed
        if is_kept_by_bank(payment):
            raise PaymentDisputed
        by_hand = failed.reason == Refund.Reason.DASHBOARD
        refund = owe_refund(
            payment_id=payment.pk,
            reason=Refund.Reason.STAFF if by_hand else Refund.Reason(failed.reason),
            amount_minor=failed.amount_minor,
            made_by=actor,
            note="Made again after it failed",
            replaces=failed,
            now=now,
        )
        assert refund is not None
        return refund


def submit_refund(*, refund_id: int, now: datetime) -> bool:
    """
    Ask Stripe to carry out a pending refund. When Stripe cannot be reached, which the answer False says, it stays pending for
    the sweep. While the bank has the money because of a dispute, Stripe is not asked, and the refund fails.
    """
    refund = _claim_attempt(refund_id, now)
    if refund is None:
        return True
    try:
        with new_key_after_server_error(refund):
            state = _find(refund, now)
            if state is None and is_kept_by_bank(refund.payment):
                give_up_refund(refund_id=refund_id, error=CHARGE_DISPUTED, now=now)
                return True
            state = state or _create(refund)
    except GatewayUnavailable:
        return False
    except GatewayRefused as refusal:
        return _after_refusal(refund, refusal, now)
    apply_refund(refund_id=refund_id, state=state, lease=None, now=now)
    return True


def _after_refusal(refund: Refund, refusal: GatewayRefused, now: datetime) -> bool:
    """Somebody may have refunded the payment by hand: what is at Stripe is written down first, and may cancel this refund."""
    try:
        take_in_refunds_of_payment(payment=refund.payment, now=now)
    except ObjectBusy:
        return True
    except GatewayUnavailable:
        return False
    give_up_refund(refund_id=refund.pk, error=str(refusal), now=now)
    return True


def _find(refund: Refund, now: datetime) -> RefundState | None:
    """What an earlier attempt may have got through: one that was not answered, or one that a restored database forgot."""
    if refund.attempts == 1 and now < refund.created_at + KEY_IS_SURE:
        return None
    return gateway.find_refund(reference=str(refund.public_id), payment_intent_id=refund.payment.stripe_payment_intent_id)


def _create(refund: Refund) -> RefundState:
    reference = str(refund.public_id)
    return gateway.create_refund(
        key=f"refund-{reference}-{refund.stripe_key_version}",
        reference=reference,
        payment_intent_id=refund.payment.stripe_payment_intent_id,
        amount_minor=refund.amount_minor,
    )


def _claim_attempt(refund_id: int, now: datetime) -> Refund | None:
    with transaction.atomic():
        # The refund's lock: two sweeps at once make one attempt. Counted before the call, so that a crash is seen as an attempt.
        refund = Refund.objects.select_for_update(of=["self"], no_key=True).select_related("payment").get(pk=refund_id)
        if refund.state != Refund.State.PENDING or refund.next_attempt_at is None or refund.next_attempt_at > now:
            return None
        refund.attempts += 1
        refund.next_attempt_at = now + growing_wait(attempts=refund.attempts, first=FIRST_WAIT, longest=LONGEST_WAIT)
        refund.save(update_fields=["attempts", "next_attempt_at"])
        return refund
