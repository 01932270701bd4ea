"""Giving a seat to another attendee, by staff."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime

from redreport.accounts.models import User
from redreport.desk.jobs.effects import Effects
from redreport.desk.jobs.kinds import Draft, JobKind, PlanRow, Wishes
from redreport.desk.jobs.kinds import register as register_kind
from redreport.desk.jobs.seats import attendee_of, planned_by_seat, refused_in_words, seat_of, ticked_seats
from redreport.desk.models import Job, JobItem
from sessions_live.models import Seat
from sessions_live.operations.handover import hand_over_seat_by_staff, plan_hand_over
from sessions_live.operations.seats import Attendee


def register() -> None:
    """Make the job known."""
    register_kind(HAND_OVER)


def to_attendee(draft: Draft, attendee: Attendee) -> Draft:
    """The row of a seat that this attendee is to have."""
    return replace(
        draft, about=f"{draft.about}, to {attendee.name}, {attendee.email}", values={**draft.values, **asdict(attendee)}
    )


def _planner(drafts: Sequence[Draft], wishes: Wishes, now: datetime) -> PlanRow:
    attendees = {draft.target_id: attendee_of(draft) for draft in drafts}
    actor = User.objects.get(pk=wishes["by"])

    def plan(seat: Seat) -> Effects:
        owed = plan_hand_over(seat=seat, attendee=attendees[seat.pk], by=actor, now=now)
        return Effects(unchanged=1) if owed is None else Effects(seats_handed_over=1, mails=len(owed))

    return planned_by_seat(drafts, ticked_seats(), plan)


def _carry_out(item: JobItem, now: datetime) -> str:
    job, seat, attendee = item.job, seat_of(item), attendee_of(item)
    if seat.attendee_email != attendee.email.lower() and _was_given(seat, attendee, job):
        # A crash came before this was noted; whoever has handed it on since meant it so.
        return f"{attendee.name} was given the seat."
    with refused_in_words():
        hand_over_seat_by_staff(seat_id=seat.pk, attendee=attendee, actor=job.made_by, reason=job.wishes["reason"], now=now)
    return f"{attendee.name} has the seat."


def _was_given(seat: Seat, attendee: Attendee, job: Job) -> bool:
    """Whether the seat was handed over to this attendee since the job was asked for."""
    return seat.hand_overs.filter(to_email=attendee.email.lower(), made_by=job.made_by, made_at__gte=job.made_at).exists()


HAND_OVER = JobKind(
    name="hand_over_seat",
    label="Hand a seat over",
    permission="sessions_live.change_seat",
    plan=None,
    carry_out=_carry_out,
    planner=_planner,
)
