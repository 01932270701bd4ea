"""Refunding seats that were paid for and canceled too late, as a goodwill of the house."""

from collections.abc import Sequence
from datetime import datetime

from redreport.desk.jobs.effects import Effects
from redreport.desk.jobs.kinds import Draft, JobKind, PlanRow, Wishes
from redreport.desk.jobs.kinds import register as register_kind
from redreport.desk.jobs.seats import planned_by_seat, refused_in_words, seat_of, ticked_seats
from redreport.desk.models import JobItem
from redreport.money import format_money
from sessions_live.models import Seat
from subscriptions.errors import NothingForfeited
from subscriptions.models import SeatCoverage
from subscriptions.operations.goodwill import plan_goodwill, refund_forfeited_seat
from subscriptions.operations.what_paid import what_paid_for


def register() -> None:
    """Make the job known."""
    register_kind(GOODWILL)


def _planner(drafts: Sequence[Draft], wishes: Wishes, now: datetime) -> PlanRow:
    paid = what_paid_for(list(SeatCoverage.objects.filter(seat__in=[draft.target_id for draft in drafts], order__isnull=False)))

    def plan(seat: Seat) -> Effects:
        coverage = getattr(seat, "coverage", None)
        if coverage is None:
            raise NothingForfeited
        if coverage.settlement == SeatCoverage.Settlement.GOODWILL:
            return Effects(unchanged=1)
        planned = plan_goodwill(coverage, paid)
        assert planned.payment is not None
        # The next seat of the same order finds so much less, and the reader is told of each refund.
        planned.payment.refunded_minor += planned.amount_minor
        return Effects(refunds=((planned.currency, planned.amount_minor),), mails=1)

    return planned_by_seat(drafts, ticked_seats(), plan)


def _carry_out(item: JobItem, now: datetime) -> str:
    seat, job = seat_of(item), item.job
    with refused_in_words():
        refund = refund_forfeited_seat(seat_id=seat.pk, actor=job.made_by, reason=job.wishes["reason"], now=now)
    return f"{format_money(refund.amount_minor, refund.currency)} goes back."


GOODWILL = JobKind(
    name="refund_goodwill",
    label="Refund seats canceled too late",
    permission="sessions_live.change_seat",
    plan=None,
    carry_out=_carry_out,
    planner=_planner,
)
