"""What a job would do, row by row and altogether, before anything is done. Only reads."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from redreport.desk.jobs.effects import Effects
from redreport.desk.jobs.kinds import Draft, JobKind, PlanRow, Refused, Wishes


@dataclass(frozen=True)
class PlannedRow:
    """What would become of one row: effects, or why there are none."""

    draft: Draft
    effects: Effects
    refusal: str = ""


@dataclass(frozen=True)
class Plan:
    """What would become of all of them."""

    rows: list[PlannedRow]
    together: Effects

    @property
    def effects(self) -> Effects:
        """The sum over all rows, with what comes of them together."""
        return sum((row.effects for row in self.rows), self.together)

    @property
    def digest(self) -> str:
        """The same for plans that read the same, row by row: what was confirmed is compared with what is so by then. The sums
        alone would not tell that a colleague has given the same reader the same meanwhile."""
        read = [(row.draft.about, row.effects.sentence(), row.refusal) for row in self.rows]
        return hashlib.sha256(repr((read, self.effects.sentence())).encode()).hexdigest()[:16]

    @property
    def refused(self) -> list[PlannedRow]:
        """The rows that nothing would be done to, each with its reason."""
        return [row for row in self.rows if row.refusal]


def plan_job(*, kind: JobKind, drafts: Sequence[Draft], wishes: Wishes, now: datetime) -> Plan:
    """What the kind says of each draft, and of those together that it does not refuse."""
    plan = kind.plans_of(drafts, wishes, now)
    rows = [_plan_row(plan, draft) for draft in drafts]
    return Plan(rows, kind.together([row.draft for row in rows if not row.refusal], now))


def _plan_row(plan: PlanRow, draft: Draft) -> PlannedRow:
    try:
        return PlannedRow(draft, plan(draft))
    except Refused as refusal:
        return PlannedRow(draft, Effects(), str(refusal))
