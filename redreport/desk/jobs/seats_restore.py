"""Returning credits of seats that were canceled too late."""

from collections.abc import Sequence
from datetime import datetime

from redreport.desk.jobs.effects import Effects
from redreport.desk.jobs.kinds import Draft, JobKind, PlanRow, Wishes
from redreport.desk.jobs.kinds import register as register_kind
from redreport.desk.jobs.seats import planned_by_seat, refused_in_words, seat_of, ticked_seats
from redreport.desk.models import JobItem
from sessions_live.models import Seat
from subscriptions.errors import NotForfeited
from subscriptions.models import CreditGrant, SeatCoverage
from subscriptions.operations.credits import grants_of_years_gone
from subscriptions.operations.settle import check_restorable, restore_forfeited_credit


def register() -> None:
    """Make the job known."""
    register_kind(RESTORE)


def _planner(drafts: Sequence[Draft], wishes: Wishes, now: datetime) -> PlanRow:
    spent = CreditGrant.objects.filter(entries__coverage__seat__in=[draft.target_id for draft in drafts])
    years_gone = grants_of_years_gone(list(spent))

    def plan(seat: Seat) -> Effects:
        coverage = getattr(seat, "coverage", None)
        if coverage is None:
            raise NotForfeited
        if _is_back(coverage):
            return Effects(unchanged=1)
        check_restorable(coverage, years_gone)
        return Effects(credits_returned=1)

    return planned_by_seat(drafts, ticked_seats(), plan)


def _carry_out(item: JobItem, now: datetime) -> str:
    seat, job = seat_of(item), item.job
    if _is_back(SeatCoverage.objects.get(seat=seat)):
        return "The credit is back."
    with refused_in_words():
        restore_forfeited_credit(seat_id=seat.pk, actor=job.made_by, reason=job.wishes["reason"], now=now)
    return "The credit is back."


def _is_back(coverage: SeatCoverage) -> bool:
    return coverage.settlement == SeatCoverage.Settlement.CREDIT


RESTORE = JobKind(
    name="restore_credits",
    label="Return forfeited credits",
    permission="subscriptions.add_creditgrant",
    plan=None,
    carry_out=_carry_out,
    planner=_planner,
)
