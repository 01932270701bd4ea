"""Moving ticked seats to another session."""

from collections.abc import Sequence
from datetime import datetime

from redreport.desk.jobs.effects import Effects
from redreport.desk.jobs.kinds import Draft, JobKind, PlanRow, Wishes
from redreport.desk.jobs.kinds import register as register_kind
from redreport.desk.jobs.seats import offers_once_free, planned_by_seat, refused_in_words, seat_of, ticked_seats
from redreport.desk.models import JobItem
from sessions_live.models import LiveSession, Seat
from subscriptions.operations.seat_moves import RoomThere, move_seat, plan_move_of_seat


def register() -> None:
    """Make the job known."""
    register_kind(MOVE)


def _planner(drafts: Sequence[Draft], wishes: Wishes, now: datetime) -> PlanRow:
    room = RoomThere(LiveSession.objects.get(pk=wishes["to"]))

    def plan(seat: Seat) -> Effects:
        return Effects(seats_moved=1, mails=len(plan_move_of_seat(seat=seat, to=room, now=now)))

    return planned_by_seat(drafts, ticked_seats(), plan)


def _carry_out(item: JobItem, now: datetime) -> str:
    job = item.job
    to = LiveSession.objects.get(pk=job.wishes["to"])
    # Where it is to be already, a crash came before this was noted, or another worker is at the same job: found there between
    # two looks, it is no stranger.
    seat = seat_of(item, or_in=to)
    if seat.live_session_id != to.pk:
        with refused_in_words():
            seat = move_seat(seat_id=seat.pk, to_live_session_id=to.pk, actor=job.made_by, reason=job.wishes["reason"], now=now)
    return f"Is in “{to.title[:200]}” now, seat {seat.number}."


MOVE = JobKind(
    name="move_seats",
    label="Move seats to another session",
    permission="sessions_live.change_seat",
    plan=None,
    carry_out=_carry_out,
    together=offers_once_free,
    planner=_planner,
)
