"""Disputes: a reader's bank takes a payment back, or asks about it first. What Stripe has now becomes our row and its case.

While a dispute is open nothing is taken from the reader; what a lost one bought goes with it.
"""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction

from redreport import audit
from redreport.money import format_money
from redreport.transactions import retried
from redreport.wording import house_time
from subscriptions import stripe_gateway as gateway
from subscriptions.models import Case, Dispute, Refund
from subscriptions.operations.cases import case_key, close_case_of_key, open_case, restate_case
from subscriptions.operations.double_payouts import watch_double_payout
from subscriptions.operations.leases import Lease, synchronize
from subscriptions.operations.locks import Bought, lock_bought
from subscriptions.operations.refund_states import CHARGE_DISPUTED, failure_key, settle_failures_of_double_payment
from subscriptions.operations.taking_back import proposal_for_year, take_back_what_it_bought, year_of
from subscriptions.operations.unknown_payments import learn_payment
from subscriptions.stripe_objects import DisputeState

ENDED_WELL = {
    "won": "Won: the bank returned the money to us.",
    "warning_closed": "The inquiry ended without a dispute.",
    "prevented": "The dispute was prevented before it began.",
}
TAKEN_BY_BANK = "The bank took the payment back in a dispute"


@dataclass(frozen=True)
class _Wording:
    """What a dispute's case says."""

    summary: str
    proposal: str


def sync_dispute(*, stripe_dispute_id: str, now: datetime) -> None:
    """Fetch a dispute and write it down, once its payment is known. Refuses with ObjectBusy when another worker is at it.

    One of money that no customer of ours paid is left alone.
    """

    def fetch_and_apply(lease: Lease) -> DisputeState:
        state = gateway.fetch_dispute(stripe_dispute_id)
        if state.livemode == settings.STRIPE_LIVEMODE:
            payment = learn_payment(payment_intent_id=state.payment_intent_id, now=now)
            if payment:
                _apply_dispute(payment_id=payment.pk, state=state, lease=lease, now=now)
        return state

    synchronize(stripe_dispute_id, fetch_and_apply)


@retried
def _apply_dispute(*, payment_id: int, state: DisputeState, lease: Lease, now: datetime) -> None:
    with transaction.atomic():
        lease.confirm()
        # Locks: session, seats, subscriber, grants, order, payment. A refund of the payment may be written at this moment.
        bought = lock_bought(payment_id)
        known = Dispute.objects.filter(stripe_dispute_id=state.id).first()
        was = known.status if known else ""
        dispute = known or Dispute(stripe_dispute_id=state.id, payment=bought.payment, opened_at=state.created_at)
        dispute.status, dispute.reason = state.status, state.reason
        dispute.amount_minor, dispute.currency = state.amount_minor, state.currency
        dispute.evidence_due_at, dispute.synced_at = state.evidence_due_at, now
        dispute.closed_at = None if dispute.is_open else dispute.closed_at or now
        dispute.save()
        _keep_case(dispute, bought, now)
        if was != dispute.status:
            audit.record(actor="stripe", verb="disputed", target=dispute, detail={"was": was, "is": dispute.status}, now=now)
            _follow_decision(dispute, bought, now)
            if was == Dispute.LOST:
                _propose_to_give_it_again(dispute, bought, now)
        close_case_of_key(
            key=case_key(Case.Kind.FRAUD_WARNING, bought.payment.stripe_payment_intent_id),
            resolution="The payment is disputed by now.",
            now=now,
        )
        watch_double_payout(payment=bought.payment, now=now)


def _keep_case(dispute: Dispute, bought: Bought, now: datetime) -> None:
    """One case for the dispute, which says how it stands."""
    key, wording = _key(dispute), _wording(dispute)
    open_case(
        key=key,
        kind=Case.Kind.DISPUTE,
        summary=wording.summary,
        proposal=wording.proposal,
        order=bought.order,
        payment=bought.payment,
        subscription=year_of(bought.payment) if bought.is_of_a_year else None,
        dispute=dispute,
        now=now,
    )
    restate_case(key=key, summary=wording.summary, proposal=wording.proposal)


def _follow_decision(dispute: Dispute, bought: Bought, now: datetime) -> None:
    """The bank has decided: the case settles itself, and what a lost payment bought goes with it."""
    if dispute.status in ENDED_WELL:
        close_case_of_key(key=_key(dispute), resolution=ENDED_WELL[dispute.status], now=now)
    elif dispute.status == Dispute.LOST:
        taken_back = take_back_what_it_bought(bought=bought, refund=None, actor=None, reason=TAKEN_BY_BANK, now=now)
        close_case_of_key(key=_key(dispute), resolution=f"Lost. {taken_back}", now=now)
        _close_what_it_kept_back(dispute, bought, now)
        if bought.is_of_a_year:
            _propose_what_becomes_of_the_year(bought, dispute, f"The dispute of a year's payment is lost. {taken_back}", now)


def _key(dispute: Dispute) -> str:
    return case_key(Case.Kind.DISPUTE, dispute.stripe_dispute_id)


def _wording(dispute: Dispute) -> _Wording:
    amount, reason = format_money(dispute.amount_minor, dispute.currency), dispute.reason.replace("_", " ") or "no reason given"
    until = f" until {house_time(dispute.evidence_due_at)}" if dispute.evidence_due_at else ""
    if dispute.status.startswith(Dispute.INQUIRY):
        return _Wording(
            f"The bank inquires about {amount} ({reason}). No money was taken",
            f"Answer in Stripe{until} with the evidence pack, or refund the payment. Unanswered it can become a dispute.",
        )
    if dispute.status == "under_review":
        return _Wording(f"{amount} is disputed ({reason}), and the bank has our answer", "Wait. Do not refund meanwhile.")
    return _Wording(
        f"{amount} is disputed ({reason}). The bank has taken the money",
        f"Answer in Stripe{until} with the evidence pack, or accept the loss there. Do not refund: it would be paid out twice.",
    )


def _close_what_it_kept_back(dispute: Dispute, bought: Bought, now: datetime) -> None:
    """What was not returned only because the bank had the money is owed no more: the reader has it."""
    failed = bought.payment.refunds.filter(state=Refund.State.FAILED, error__contains=CHARGE_DISPUTED)
    keys = [failure_key(refund) for refund in failed]
    keys += Case.objects.filter(dispute=dispute, kind=Case.Kind.DISPUTED_RESTITUTION).values_list("key", flat=True)
    for key in keys:
        close_case_of_key(key=key, resolution=f"{TAKEN_BY_BANK}.", now=now)
    if bought.order:
        settle_failures_of_double_payment(order=bought.order, now=now)


def _propose_to_give_it_again(dispute: Dispute, bought: Bought, now: datetime) -> None:
    """A bank may decide anew: what the payment bought is gone, and we may have the money again."""
    amount, status = format_money(dispute.amount_minor, dispute.currency), dispute.status.replace("_", " ")
    open_case(
        key=case_key(Case.Kind.DISPUTE, dispute.stripe_dispute_id, "decided anew"),
        kind=Case.Kind.DISPUTE,
        summary=f"The dispute of {amount} was lost, and is {status} now. What it paid for was taken back",
        proposal="If we have the money again, give the seat or the credits anew, or refund the payment.",
        order=bought.order,
        payment=bought.payment,
        subscription=year_of(bought.payment) if bought.is_of_a_year else None,
        dispute=dispute,
        now=now,
    )


def _propose_what_becomes_of_the_year(bought: Bought, dispute: Dispute, summary: str, now: datetime) -> None:
    open_case(
        key=case_key(Case.Kind.DISPUTE, dispute.stripe_dispute_id, "year"),
        kind=Case.Kind.DISPUTE,
        summary=summary,
        proposal=proposal_for_year(bought.payment, or_else="or the next year is charged and disputed too", now=now),
        order=bought.order,
        payment=bought.payment,
        subscription=year_of(bought.payment),
        dispute=dispute,
        now=now,
    )
