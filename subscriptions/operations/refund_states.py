"""What Stripe says of a refund becomes our rows: its state, the sum given back, the order's state, what a person must know.

The caller of a function here has locked order, payment and refund, unless it says otherwise.
"""

from datetime import datetime, timedelta

from django.db import transaction

from redreport import audit
from redreport.money import format_money
from subscriptions import mails
from subscriptions.models import Case, Order, Payment, Refund
from subscriptions.operations.cases import case_key, close_case_of_key, open_case
from subscriptions.operations.double_payouts import watch_double_payout
from subscriptions.operations.leases import Lease
from subscriptions.operations.locks import lock_refund
from subscriptions.selectors import returned_minor
from subscriptions.stripe_objects import RefundState

LOOK_AGAIN = timedelta(days=1)
MAY_STILL_FAIL = timedelta(days=10)
CHARGE_DISPUTED = "charge_disputed"
NEEDS_READER = "requires_action"

STATE_OF_STATUS = {
    "pending": Refund.State.SUBMITTED,
    NEEDS_READER: Refund.State.SUBMITTED,
    "succeeded": Refund.State.SUCCEEDED,
    "failed": Refund.State.FAILED,
    "canceled": Refund.State.CANCELED,
}


def apply_refund(*, refund_id: int, state: RefundState, lease: Lease | None, now: datetime) -> None:
    """Write what Stripe says of a refund, and the order's state that follows. A failed one opens a case, and the reader is told.

    What Stripe called failed stays failed. A row that we gave up without Stripe's word is taken up again if Stripe has it.
    """
    with transaction.atomic():
        if lease:
            lease.confirm()
        # The locks of order, payment and refund: its webhook and our own call bring the answer at once.
        order, payment, refund = lock_refund(refund_id)
        new_state = STATE_OF_STATUS.get(state.status, Refund.State.SUBMITTED)
        if refund.state == Refund.State.SUCCEEDED and new_state == Refund.State.SUBMITTED:
            return
        if refund.state in Refund.GIVEN_UP and (
            refund.stripe_refund_id or new_state in Refund.GIVEN_UP or not _count_again(payment, refund, now)
        ):
            return
        is_first_answer = refund.stripe_refund_id is None
        refund.state, refund.stripe_refund_id, refund.error = new_state, state.id, state.failure_reason
        refund.next_attempt_at = next_look(refund, now)
        note_credit_note_due(payment, refund, now)
        refund.save()
        if new_state in Refund.GIVEN_UP:
            _release_amount(order, payment, refund, now)
            if new_state == Refund.State.FAILED:
                mails.queue_refund_failed(refund=refund, now=now)
            return
        if is_first_answer:
            mails.queue_payment_refunded(refund=refund, asks_reader=state.status == NEEDS_READER, now=now)
        follow_refund(order, payment, now)


def give_up_refund(*, refund_id: int, error: str, now: datetime) -> None:
    """Stripe refused to carry out a pending refund, or would: it failed, and a case is opened. It locks the rows itself."""
    with transaction.atomic():
        # The locks of order, payment and refund: a refund by hand may be canceling this one.
        order, payment, refund = lock_refund(refund_id)
        if refund.state != Refund.State.PENDING:
            return
        refund.state, refund.error, refund.next_attempt_at = Refund.State.FAILED, error[:200], None
        refund.save()
        _release_amount(order, payment, refund, now)
        if refund.is_told_already and CHARGE_DISPUTED not in error:
            # The mail about the canceled seat or the ended year has promised this money.
            mails.queue_refund_failed(refund=refund, now=now)


def next_look(refund: Refund, now: datetime) -> datetime | None:
    """A refund under way, or one that went through lately and may still fail, is looked at daily: its webhook may never come."""
    may_change = refund.state == Refund.State.SUBMITTED or now < refund.created_at + MAY_STILL_FAIL
    return now + LOOK_AGAIN if may_change and refund.state not in Refund.GIVEN_UP else None


def note_credit_note_due(payment: Payment, refund: Refund, now: datetime) -> None:
    """An invoiced payment's refund that went through is owed its credit note; one that failed, no longer. The caller saves it."""
    if refund.state != Refund.State.SUCCEEDED:
        refund.credit_note_due_at = None
    elif payment.stripe_invoice_id and not refund.stripe_credit_note_id and refund.credit_note_attempts == 0:
        refund.credit_note_due_at = now


def make_room(*, payment: Payment, amount_minor: int, reason: str, now: datetime) -> bool:
    """Cancel pending refunds, the latest first, until so much more of the payment can count as given back; False if it cannot.

    What of a canceled one still fits is owed anew, as a row that replaces it.
    """
    pending = list(payment.refunds.filter(state=Refund.State.PENDING).order_by("-id").select_for_update(no_key=True))
    short = amount_minor - payment.left_at_stripe_minor
    if short > sum(refund.amount_minor for refund in pending):
        return False
    for refund in pending:
        if short <= 0:
            break
        _cancel_pending(payment, refund, max(0, refund.amount_minor - short), reason, now)
        short -= refund.amount_minor
    payment.save(update_fields=["refunded_minor"])
    return True


def _release_amount(order: Order | None, payment: Payment, refund: Refund, now: datetime) -> None:
    """A refund that failed gave nothing back: its amount may be refunded again, and a person decides how."""
    payment.refunded_minor -= refund.amount_minor
    payment.save(update_fields=["refunded_minor"])
    follow_refund(order, payment, now)
    if refund.stripe_refund_id:
        close_case_of_key(
            key=case_key(Case.Kind.PARTIAL_REFUND, refund.stripe_refund_id), resolution="That refund failed.", now=now
        )
    report_failure(payment, refund, now)


def report_failure(payment: Payment, refund: Refund, now: datetime) -> None:
    """Open the case of a refund that gave nothing back."""
    summary = f"Refund of {format_money(refund.amount_minor, refund.currency)} failed: {refund.error or 'no reason given'}"
    if refund.stripe_credit_note_id:
        summary += f". Its credit note {refund.stripe_credit_note_id} stands; a refund made instead takes it over"
    proposal = "Try it again once; if it fails again, ask the reader for another way, pay outside Stripe and write that down."
    if CHARGE_DISPUTED in refund.error:
        proposal = "Wait for the dispute: if it is won, try the refund again; if it is lost, the reader has the money already."
    open_case(
        key=failure_key(refund),
        kind=Case.Kind.REFUND_FAILED,
        summary=summary,
        proposal=proposal,
        order=payment.order,
        payment=payment,
        refund=refund,
        now=now,
    )


def follow_refund(order: Order | None, payment: Payment, now: datetime) -> None:
    """What follows from what went back of a payment by now: its order's state, and cases that have no cause any more."""
    if order:
        _follow_in_order(order)
        settle_failures_of_double_payment(order=order, now=now)
    watch_double_payout(payment=payment, now=now)
    if returned_minor(payment) < payment.amount_minor:
        return
    kinds = (Case.Kind.FRAUD_WARNING, Case.Kind.UNKNOWN_PAYMENT, Case.Kind.PAYMENT_WITHOUT_SEAT)
    keys = [case_key(kind, payment.stripe_payment_intent_id) for kind in kinds]
    for refund in payment.refunds.all():
        keys += [case_key(Case.Kind.PARTIAL_REFUND, refund.stripe_refund_id), failure_key(refund)]
    keys += [case_key(Case.Kind.AMOUNT_MISMATCH, order.number)] if order and order.state == Order.State.REFUNDED else []
    for key in keys:
        close_case_of_key(key=key, resolution="All of the payment was refunded.", now=now)


def failure_key(refund: Refund) -> str:
    """The key of the case of a refund that failed."""
    return case_key(Case.Kind.REFUND_FAILED, refund.public_id)


def settle_failures_of_double_payment(*, order: Order, now: datetime) -> None:
    """An order that was paid twice keeps one payment: once the other is back, this one's failed refund is owed no more."""
    payments = order.payments.exclude(disputes__status="lost")
    kept = [payment for payment in payments if returned_minor(payment) < payment.amount_minor]
    if len(kept) == 1 and order.payments.count() > 1:
        for refund in kept[0].refunds.filter(reason=Refund.Reason.PAID_TWICE, state=Refund.State.FAILED):
            close_case_of_key(key=failure_key(refund), resolution="The order's other payment went back instead.", now=now)


def _count_again(payment: Payment, refund: Refund, now: datetime) -> bool:
    """Count a refund that we had given up, and that reached Stripe all the same: what was to replace it is owed no more."""
    reason = "Another refund of the payment turned out to have gone through"
    replacing = payment.refunds.filter(replaces=refund).select_for_update(no_key=True).first()
    if replacing and replacing.state == Refund.State.PENDING:
        _cancel_pending(payment, replacing, 0, reason, now)
        payment.save(update_fields=["refunded_minor"])
    if not make_room(payment=payment, amount_minor=refund.amount_minor, reason=reason, now=now):
        return False
    payment.refunded_minor += refund.amount_minor
    payment.save(update_fields=["refunded_minor"])
    close_case_of_key(key=failure_key(refund), resolution="It had reached Stripe all the same.", now=now)
    if replacing and replacing.state in Refund.STANDING:
        open_case(
            key=case_key(Case.Kind.DIFFERENCE, refund.public_id, "refunded twice"),
            kind=Case.Kind.DIFFERENCE,
            summary=f"{format_money(refund.amount_minor, refund.currency)} of {payment} was refunded, and once more because "
            "that refund seemed to have failed",
            proposal="Ask the reader for the sum, or write it off.",
            order=payment.order,
            payment=payment,
            refund=refund,
            now=now,
        )
    return True


def _cancel_pending(payment: Payment, refund: Refund, rest: int, reason: str, now: datetime) -> None:
    """Owe a pending refund no more, but for so much of it, as a row that replaces it. The caller saves the payment."""
    payment.refunded_minor -= refund.amount_minor - rest
    refund.state, refund.next_attempt_at, refund.note = Refund.State.CANCELED, None, reason
    refund.save()
    audit.record(actor="stripe", verb="canceled", target=refund, reason=reason, detail={"owed_anew": rest}, now=now)
    if rest:
        _owe_the_rest(refund, rest, now)


def _owe_the_rest(canceled: Refund, amount_minor: int, now: datetime) -> None:
    Refund.objects.create(
        payment_id=canceled.payment_id,
        amount_minor=amount_minor,
        currency=canceled.currency,
        reason=canceled.reason,
        made_by=canceled.made_by,
        replaces=canceled,
        created_at=now,
        next_attempt_at=now,
    )


def _follow_in_order(order: Order) -> None:
    """The order's state after its refunds. One that its payment did not fit is over once that is back."""
    payments = list(order.payments.all())
    paid, given_back = sum(payment.amount_minor for payment in payments), sum(returned_minor(payment) for payment in payments)
    if given_back and given_back >= paid:
        order.state = Order.State.REFUNDED
        order.paid_at = order.paid_at or min(payment.captured_at for payment in payments)
    elif order.paid_at:
        order.state = Order.State.PARTLY_REFUNDED if given_back else Order.State.PAID
    order.save(update_fields=["state", "paid_at"])
