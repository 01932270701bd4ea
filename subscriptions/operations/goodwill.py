"""Money of a seat that was canceled too late, given back because staff decided so."""

from datetime import datetime

from django.db import transaction

from redreport import audit
from redreport.accounts.models import User
from redreport.transactions import retried
from subscriptions.errors import NothingForfeited
from subscriptions.models import Refund, SeatCoverage
from subscriptions.operations.refunds import owe_refund
from subscriptions.operations.settle import lock_seat_with_coverage, plan_refund
from subscriptions.operations.what_paid import WhatPaid, what_paid_for
from subscriptions.settlement import SettlementPlan

Made = SeatCoverage.Settlement


def plan_goodwill(coverage: SeatCoverage, paid: WhatPaid) -> SettlementPlan:
    """The refund of a forfeited seat's share of its order's payment; never more than is left of it. Only reads.

    Refuses with NothingForfeited: the seat was not paid by an order or forfeited nothing, nothing is left, or the bank has it.
    """
    if coverage.settlement != Made.FORFEITED or coverage.order_id is None:
        raise NothingForfeited
    plan = plan_refund(coverage, paid)
    if plan.settlement != Made.REFUND:
        raise NothingForfeited
    return plan


@retried
def refund_forfeited_seat(*, seat_id: int, actor: User, reason: str, now: datetime) -> Refund:
    """Owe the share of a seat that was canceled too late, by a named member of staff for a written reason; once: asked again, it
    is the same refund. The sweep of refunds carries it out, and whoever paid is told then.

    Refuses with NothingForfeited.
    """
    with transaction.atomic():
        # Locks as in settling: session and seat, order and payments. Two members of staff give it back at once, one refund.
        _, coverage = lock_seat_with_coverage(seat_id)
        if coverage.settlement == Made.GOODWILL and coverage.refund:
            return coverage.refund
        plan = plan_goodwill(coverage, what_paid_for([coverage]))
        assert plan.payment is not None
        refund = owe_refund(
            payment_id=plan.payment.pk,
            reason=Refund.Reason.STAFF,
            amount_minor=plan.amount_minor,
            made_by=actor,
            note=reason,
            now=now,
        )
        assert refund is not None
        coverage.settlement, coverage.refund = Made.GOODWILL, refund
        coverage.save(update_fields=["settlement", "refund"])
        detail = {"amount_minor": refund.amount_minor, "currency": refund.currency}
        audit.record(actor=actor, verb="gave_back", target=coverage, reason=reason, detail=detail, now=now)
        return refund
