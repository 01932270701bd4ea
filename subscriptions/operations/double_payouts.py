"""Money that left twice: a refund stands, and the bank took the payment back as well."""

from datetime import datetime

from redreport.money import format_money
from subscriptions.models import Case, Dispute, Payment, Refund
from subscriptions.operations.cases import case_key, close_case_of_key, open_case
from subscriptions.selectors import given_back_minor


def watch_double_payout(*, payment: Payment, now: datetime) -> None:
    """Open a case for each refund and dispute that together give back more than was taken, and settle it when one is over;
    likewise for what went back past Stripe and by Stripe or a bank as well.

    The caller has locked the payment: a refund and a dispute that are written at the same moment both come by here, in turn.
    """
    refunds, disputes = list(payment.refunds.all()), list(payment.disputes.all())
    given_back = given_back_minor(payment)
    for dispute in disputes:
        is_double = dispute.keeps_refunds_back and given_back + dispute.amount_minor > payment.amount_minor
        for refund in refunds:
            key = case_key(Case.Kind.PAID_OUT_TWICE, dispute.stripe_dispute_id, refund.public_id)
            if is_double and refund.state in Refund.STANDING:
                _open(key, payment, refund, dispute, now)
            else:
                close_case_of_key(key=key, resolution="Not paid out twice any more: one of the two is over.", now=now)
    if payment.paid_back_minor:
        _watch_past_stripe(payment, given_back + sum(each.amount_minor for each in disputes if each.keeps_refunds_back), now)


def is_kept_by_bank(payment: Payment) -> bool:
    """Whether a refund of this payment now would pay it out twice, as far as we know."""
    return any(dispute.keeps_refunds_back for dispute in payment.disputes.all())


def _watch_past_stripe(payment: Payment, otherwise: int, now: datetime) -> None:
    key = case_key(Case.Kind.PAID_OUT_TWICE, payment.stripe_payment_intent_id, "past stripe")
    if payment.paid_back_minor + otherwise <= payment.amount_minor:
        close_case_of_key(key=key, resolution="Not paid out twice any more: one of the two is over.", now=now)
        return
    paid_back, taken = format_money(payment.paid_back_minor, payment.currency), format_money(otherwise, payment.currency)
    open_case(
        key=key,
        kind=Case.Kind.PAID_OUT_TWICE,
        summary=f"{paid_back} of {payment} went back past Stripe, and {taken} by a refund or a dispute: more than was paid",
        proposal="State in an open dispute what you paid back. Else ask the reader for the sum, or write it off.",
        order=payment.order,
        payment=payment,
        now=now,
    )


def _open(key: str, payment: Payment, refund: Refund, dispute: Dispute, now: datetime) -> None:
    refunded = format_money(refund.amount_minor, refund.currency)
    disputed = format_money(dispute.amount_minor, dispute.currency)
    open_case(
        key=key,
        kind=Case.Kind.PAID_OUT_TWICE,
        summary=f"{refunded} of {payment} was refunded, and the bank took {disputed} back in a dispute",
        proposal="Answer the dispute in Stripe and state the refund as evidence. If it is lost all the same, ask the reader for "
        "the sum or write it off.",
        order=payment.order,
        payment=payment,
        refund=refund,
        dispute=dispute,
        now=now,
    )
