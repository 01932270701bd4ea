"""Making a season: a draft for each of several months, all of them or none."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from redreport.desk.jobs import kinds
from redreport.desk.jobs.effects import Effects
from redreport.desk.jobs.kinds import Draft, JobKind, Wishes
from redreport.desk.models import JobItem
from redreport.wording import MONTHS, counted, full_day, house_day
from sessions_live.models import Host, LiveSession
from sessions_live.operations.drafts import draft_live_session

PLACES = ("number", "month", "year")
_PLACE = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True)
class SeasonDate:
    """A date of a season to be, and what the schedule has on that day already."""

    starts_at: datetime
    title: str
    others: Sequence[LiveSession] = ()


def places_in(pattern: str) -> set[str]:
    """The names between braces."""
    return set(_PLACE.findall(pattern))


def fill_in(pattern: str, *, number: int, starts_at: datetime) -> str:
    """'Reading the month: January 2027' for 'Reading the month: {month} {year}'."""
    day = house_day(starts_at)
    values = {"number": str(number), "month": MONTHS[day.month - 1], "year": str(day.year)}
    return _PLACE.sub(lambda place: values.get(place[1], place[0]), pattern)


def season_dates(title: str, starts: Sequence[datetime]) -> list[SeasonDate]:
    """The dates with their titles, and the sessions that stand on the same day of the house. One query."""
    stands = LiveSession.objects.exclude(state=LiveSession.State.CANCELED)
    days = {house_day(start) for start in starts}
    # Django's zone is that of the house, and so are its days.
    near = stands.filter(starts_at__date__in=days).order_by("starts_at", "id")
    others: dict[Any, list[LiveSession]] = {}
    for live_session in near:
        others.setdefault(house_day(live_session.starts_at), []).append(live_session)
    return [
        SeasonDate(start, fill_in(title, number=number, starts_at=start), others.get(house_day(start), []))
        for number, start in enumerate(starts, 1)
    ]


def draft_of(starts: Sequence[datetime]) -> Draft:
    """One row for the whole season: it is made as one."""
    about = f"{counted(len(starts), 'session')}, {full_day(house_day(starts[0]))} to {full_day(house_day(starts[-1]))}"
    return Draft(about, values={"starts": [start.isoformat() for start in starts]})


def _plan(draft: Draft, wishes: Wishes, now: datetime) -> Effects:
    return Effects(drafts=len(draft.values["starts"]))


def _carry_out(item: JobItem, now: datetime) -> str:
    wishes, starts = item.job.wishes, _starts_in(item.values)
    with transaction.atomic():
        # The item's row, locked: drafts and mark are one commit, so a worker beside us or after a crash finds it done.
        locked = JobItem.objects.select_for_update(no_key=True).get(pk=item.pk)
        if locked.state != JobItem.State.WAITING:
            return locked.outcome
        hosts = list(Host.objects.filter(pk__in=wishes["hosts"]))
        for number, start in enumerate(starts, 1):
            draft_live_session(
                live_session=_session(wishes, number, start),
                hosts=hosts,
                detail={"season": str(item.job.public_id)},
                actor=item.job.made_by,
                now=now,
            )
        locked.state, locked.outcome, locked.done_at = JobItem.State.DONE, f"{counted(len(starts), 'draft')} made.", now
        locked.save(update_fields=["state", "outcome", "done_at"])
        return locked.outcome


def _session(wishes: Wishes, number: int, starts_at: datetime) -> LiveSession:
    return LiveSession(
        title=fill_in(wishes["title"], number=number, starts_at=starts_at),
        question=fill_in(wishes["question"], number=number, starts_at=starts_at),
        section=wishes["section"],
        starts_at=starts_at,
        duration_minutes=wishes["duration_minutes"],
        capacity=wishes["capacity"],
        meeting_url=wishes["meeting_url"],
    )


def _starts_in(values: Mapping[str, Any]) -> list[datetime]:
    return [datetime.fromisoformat(start) for start in values["starts"]]


MAKE_SEASON = JobKind("make_season", "Make a season", "sessions_live.add_livesession", _plan, _carry_out)


def register() -> None:
    """Make the kind known."""
    kinds.register(MAKE_SEASON)
