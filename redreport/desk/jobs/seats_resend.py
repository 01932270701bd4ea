"""Mailing confirmations once more, each with its door."""

from collections.abc import Sequence
from datetime import datetime

from redreport.desk.jobs.effects import Effects
from redreport.desk.jobs.kinds import Draft, JobKind, PlanRow, Wishes
from redreport.desk.jobs.kinds import register as register_kind
from redreport.desk.jobs.seats import planned_by_seat, refused_in_words, seat_of, ticked_seats
from redreport.desk.models import JobItem
from sessions_live.models import Seat
from subscriptions.operations.resending import check_resend, resend_confirmation


def register() -> None:
    """Make the job known."""
    register_kind(RESEND)


def _planner(drafts: Sequence[Draft], wishes: Wishes, now: datetime) -> PlanRow:
    def plan(seat: Seat) -> Effects:
        check_resend(seat=seat, now=now)
        return Effects(mails=1)

    return planned_by_seat(drafts, ticked_seats(), plan)


def _carry_out(item: JobItem, now: datetime) -> str:
    with refused_in_words():
        seat = resend_confirmation(seat_id=seat_of(item).pk, actor=item.job.made_by, request_id=item.public_id, now=now)
    return f"On its way to {seat.attendee_email}."


RESEND = JobKind(
    name="resend_confirmations",
    label="Send confirmations again",
    permission="outbox.change_outgoingmail",
    plan=None,
    carry_out=_carry_out,
    planner=_planner,
)
