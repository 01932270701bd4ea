"""Canceling ticked seats for the house, with the restitution that staff chose."""

from collections.abc import Sequence
from datetime import datetime

from redreport.desk.jobs.effects import Effects
from redreport.desk.jobs.kinds import Draft, JobKind, PlanRow, Wishes
from redreport.desk.jobs.kinds import register as register_kind
from redreport.desk.jobs.seats import offers_once_free, planned_by_seat, refused_in_words, seat_of, ticked_seats
from redreport.desk.models import JobItem
from redreport.money import format_money
from sessions_live.models import Seat
from subscriptions.mails import mails_of_cancellation
from subscriptions.models import SeatCoverage
from subscriptions.operations.cancel import cancel_seat_by_house, plan_house_cancellation
from subscriptions.operations.what_paid import what_paid_for
from subscriptions.settlement import SettlementPlan, settlement_made

Made = SeatCoverage.Settlement

BY_RULE = "rule"

CHOICES = [
    (BY_RULE, "As the rule says: all of it until the cut-off, nothing later"),
    (Seat.Restitution.FULL.value, "In full"),
    (Seat.Restitution.NONE.value, "Nothing"),
]


def register() -> None:
    """Make the job known."""
    register_kind(CANCEL)


def _planner(drafts: Sequence[Draft], wishes: Wishes, now: datetime) -> PlanRow:
    ticked = [draft.target_id for draft in drafts]
    coverages = SeatCoverage.objects.filter(seat__in=ticked).select_related("credit_entry__grant")
    paid, restitution = what_paid_for(list(coverages)), _restitution(wishes)

    def plan(seat: Seat) -> Effects:
        if seat.state == Seat.State.CANCELED:
            return Effects(unchanged=1)
        planned = plan_house_cancellation(seat=seat, restitution=restitution, paid=paid, now=now).settlement
        if planned.payment:
            # The next seat of the same order finds so much less.
            planned.payment.refunded_minor += planned.amount_minor
        return _effects(seat, planned)

    return planned_by_seat(drafts, ticked_seats(), plan)


def _effects(seat: Seat, planned: SettlementPlan) -> Effects:
    return Effects(
        seats_canceled=1,
        refunds=((planned.currency, planned.amount_minor),) if planned.settlement == Made.REFUND else (),
        credits_returned=int(planned.settlement == Made.CREDIT),
        cases=int(planned.settlement == Made.CASE),
        mails=len(mails_of_cancellation(seat, seat.coverage)),
    )


def _carry_out(item: JobItem, now: datetime) -> str:
    seat, job = seat_of(item), item.job
    if seat.state == Seat.State.CANCELED and _was_before(seat, job.made_at):
        return "Was canceled already."
    with refused_in_words():
        cancel_seat_by_house(
            seat_id=seat.pk,
            actor=job.made_by,
            reason=job.wishes["reason"],
            restitution=_restitution(job.wishes),
            asked_at=job.made_at,
            now=now,
        )
    made = settlement_made(SeatCoverage.objects.select_related("seat", "order", "refund__payment").get(seat=seat))
    return f"Canceled. {_what_came_back(made)}" if made else "Canceled."


def _restitution(wishes: Wishes) -> Seat.Restitution | None:
    return None if wishes["restitution"] == BY_RULE else Seat.Restitution(wishes["restitution"])


def _was_before(seat: Seat, asked_at: datetime) -> bool:
    return seat.canceled_at is not None and seat.canceled_at < asked_at


def _what_came_back(made: SettlementPlan) -> str:
    if made.settlement == Made.REFUND:
        return f"{format_money(made.amount_minor, made.currency)} goes back."
    if made.settlement == Made.CREDIT:
        return "1 credit is back."
    if made.settlement == Made.CASE:
        return "What was paid is for a person to return: see the cases."
    return "Nothing is returned."


CANCEL = JobKind(
    name="cancel_seats",
    label="Cancel seats",
    permission="sessions_live.change_seat",
    plan=None,
    carry_out=_carry_out,
    together=offers_once_free,
    planner=_planner,
)
