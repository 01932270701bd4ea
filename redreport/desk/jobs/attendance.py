"""Checking in everybody who was in the meeting, by the report of its provider."""

from datetime import datetime

from redreport.desk.jobs.effects import Effects
from redreport.desk.jobs.kinds import Draft, JobKind, Refused, Wishes
from redreport.desk.jobs.kinds import register as register_kind
from redreport.desk.jobs.seats import seat_of
from redreport.desk.models import JobItem
from sessions_live.errors import DoorClosed, SeatNotTaken
from sessions_live.models import Seat
from sessions_live.operations.attendance import check_in_seat

REASON = "In the report of the meeting's participants"


def register() -> None:
    """Make the kind known."""
    register_kind(ATTENDANCE)


def _plan(draft: Draft, wishes: Wishes, now: datetime) -> Effects:
    """The seats were read for this very preview, all at once: their state is not asked for again row by row."""
    return Effects(unchanged=1) if _was_there(draft.values) else Effects(checked_in=1)


def _carry_out(item: JobItem, now: datetime) -> str:
    try:
        check_in_seat(seat_id=seat_of(item).pk, actor=item.job.made_by, reason=REASON, now=now)
    except SeatNotTaken:
        raise Refused("The seat is not theirs any more.") from None
    except DoorClosed:
        raise Refused("The session was moved: its door is not open yet.") from None
    return "Was there already." if _was_there(item.values) else "Checked in."


def _was_there(values: Wishes) -> bool:
    return bool(values["was"] == Seat.State.ATTENDED)


ATTENDANCE = JobKind("attendance", "Import attendance", "sessions_live.change_seat", _plan, _carry_out)
