"""Refunds that nobody here knows of: made in Stripe's dashboard, or by us before our database was restored.

The money has gone, so the row follows: it counts, what we still owed of the payment makes room, and what was bought goes with it
if all of the payment is back.
"""

from datetime import datetime
from uuid import uuid4

from django.db import transaction

from redreport import audit
from redreport.money import format_money
from redreport.transactions import retried
from subscriptions import mails
from subscriptions import stripe_gateway as gateway
from subscriptions.models import Case, Order, Payment, Refund
from subscriptions.operations.cases import case_key, open_case
from subscriptions.operations.leases import Lease, synchronize
from subscriptions.operations.locks import Bought, lock_bought
from subscriptions.operations.refund_states import (
    NEEDS_READER,
    STATE_OF_STATUS,
    apply_refund,
    follow_refund,
    make_room,
    next_look,
    note_credit_note_due,
    report_failure,
)
from subscriptions.operations.taking_back import proposal_for_year, take_back_what_it_bought, year_of
from subscriptions.stripe_objects import RefundState

BY_HAND = "Refunded in Stripe's dashboard"
RESTORED = "Found at Stripe: we made it before the database was restored"


def take_in_refund(*, stripe_refund_id: str, now: datetime) -> RefundState | None:
    """Fetch a refund and write it down, one that nobody here made too. Refuses with ObjectBusy when another worker is at it.

    Returns what Stripe says of a refund that could not be written because its payment is not known here.
    """
    left_over = _fetch_and_write(stripe_refund_id, now)
    payment = _payment_of(left_over) if left_over else None
    if payment is None:
        return left_over
    # It does not fit beside what we count as given back: one of those must have failed since.
    for known in payment.refunds.filter(stripe_refund_id__isnull=False).exclude(state__in=Refund.GIVEN_UP):
        _fetch_and_write(str(known.stripe_refund_id), now)
    if _fetch_and_write(stripe_refund_id, now):
        open_case(
            key=case_key(Case.Kind.DIFFERENCE, stripe_refund_id),
            kind=Case.Kind.DIFFERENCE,
            summary=f"Stripe's refund {stripe_refund_id} is more than is left of {payment} by our count",
            proposal="Compare the refunds of this payment in Stripe's dashboard with ours.",
            payment=payment,
            order=payment.order,
            now=now,
        )
    return None


def take_in_refunds_of_payment(*, payment: Payment, now: datetime) -> None:
    """Write down every refund that Stripe has of a payment of ours. Refuses as `take_in_refund` does."""
    for refund_id in gateway.list_refund_ids(payment_intent_id=payment.stripe_payment_intent_id):
        take_in_refund(stripe_refund_id=refund_id, now=now)


def _fetch_and_write(stripe_refund_id: str, now: datetime) -> RefundState | None:
    """Returns what could not be written: its payment is not known, or has too little left."""

    def fetch_and_write(lease: Lease) -> RefundState | None:
        state = gateway.fetch_refund(stripe_refund_id)
        refund = _row_of(state)
        if refund:
            apply_refund(refund_id=refund.pk, state=state, lease=lease, now=now)
            return None
        payment = _payment_of(state)
        written = payment and _adopt_refund(payment_id=payment.pk, state=state, lease=lease, now=now)
        return None if written else state

    return synchronize(stripe_refund_id, fetch_and_write)


def _row_of(state: RefundState) -> Refund | None:
    own = Refund.objects.filter(stripe_refund_id=state.id).first()
    return own or (Refund.objects.filter(public_id=state.own_reference).first() if state.own_reference else None)


def _payment_of(state: RefundState) -> Payment | None:
    return Payment.objects.filter(stripe_payment_intent_id=state.payment_intent_id).first()


@retried
def _adopt_refund(*, payment_id: int, state: RefundState, lease: Lease, now: datetime) -> bool:
    """Make the row of a refund that nobody here made, with all that follows; False when it does not fit into its payment."""
    with transaction.atomic():
        lease.confirm()
        # Locks: session, seats, subscriber, grants, order, payment. A booking or a refund of ours may be under way.
        bought = lock_bought(payment_id)
        payment, new_state = bought.payment, STATE_OF_STATUS.get(state.status, Refund.State.SUBMITTED)
        stands = new_state in Refund.STANDING
        if stands and not make_room(payment=payment, amount_minor=state.amount_minor, reason=BY_HAND, now=now):
            return False
        refund = Refund(
            public_id=state.own_reference or uuid4(),
            payment=payment,
            amount_minor=state.amount_minor,
            currency=state.currency,
            reason=Refund.Reason.DASHBOARD,
            note=RESTORED if state.own_reference else BY_HAND,
            state=new_state,
            stripe_refund_id=state.id,
            error=state.failure_reason,
            created_at=state.created_at,
        )
        refund.next_attempt_at = next_look(refund, now)
        note_credit_note_due(payment, refund, now)
        refund.save()
        audit.record(actor="stripe", verb="refunded", target=refund, reason=refund.note, detail={"state": new_state}, now=now)
        if not stands:
            report_failure(payment, refund, now)
            return True
        payment.refunded_minor += refund.amount_minor
        payment.save(update_fields=["refunded_minor"])
        _draw_consequences(bought, refund, now)
        follow_refund(bought.order, payment, now)
        mails.queue_payment_refunded(refund=refund, asks_reader=state.status == NEEDS_READER, now=now)
        return True


def _draw_consequences(bought: Bought, refund: Refund, now: datetime) -> None:
    """All of it back: what it bought goes with it. A part: only a person knows what it was for."""
    payment, amount = bought.payment, format_money(refund.amount_minor, refund.currency)
    if payment.left_minor == 0:
        taken_back = take_back_what_it_bought(bought=bought, refund=refund, actor=None, reason=BY_HAND, now=now)
        if bought.is_of_a_year:
            _propose_what_becomes_of_the_year(bought, refund, f"{amount} of a year was refunded by hand. {taken_back}", now)
        return
    keeps, advice = "the year and its credits" if bought.is_of_a_year else "the seat", ""
    if bought.order and bought.order.quantity > 1:
        keeps = f"all {bought.order.quantity} seats"
        advice = " If it was for some of the seats, cancel those without restitution."
    if bought.order and bought.order.kind == Order.Kind.SEAT and not bought.order.fulfilled_at:
        keeps = "its seat in waiting, since nothing is given while a refund stands"
    open_case(
        key=case_key(Case.Kind.PARTIAL_REFUND, refund.stripe_refund_id),
        kind=Case.Kind.PARTIAL_REFUND,
        summary=f"{amount} of {format_money(payment.amount_minor, payment.currency)} was refunded in Stripe's dashboard",
        proposal=f"The reader keeps {keeps}. If that is meant, settle this; if not, refund the rest, which ends it.{advice}",
        order=bought.order,
        payment=payment,
        refund=refund,
        now=now,
    )


def _propose_what_becomes_of_the_year(bought: Bought, refund: Refund, summary: str, now: datetime) -> None:
    open_case(
        key=case_key(Case.Kind.YEAR_REFUNDED, refund.stripe_refund_id),
        kind=Case.Kind.YEAR_REFUNDED,
        summary=summary,
        proposal=proposal_for_year(bought.payment, or_else="or it renews", now=now),
        order=bought.order,
        subscription=year_of(bought.payment),
        payment=bought.payment,
        refund=refund,
        now=now,
    )
