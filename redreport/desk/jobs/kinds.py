"""Which jobs there are. Each module of jobs registers its own; the forms, the pages and the worker know none of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from redreport.desk.jobs.effects import Effects
from redreport.desk.models import JobItem

Wishes = dict[str, Any]
# Plans one row after the other, each with those before it in mind.
PlanRow: TypeAlias = "Callable[[Draft], Effects]"


class Refused(Exception):
    """One row's part cannot be done; the message says why, in words for staff."""


@dataclass(frozen=True)
class Draft:
    """One row's part of a job that is not begun yet: whom it is about, the row it changes, and what else must be known."""

    about: str
    target_id: int | None = None
    values: dict[str, Any] = field(default_factory=dict)


def _nothing_more(drafts: Sequence[Draft], now: datetime) -> Effects:
    return Effects()


@dataclass(frozen=True)
class JobKind:
    """
    `plan(draft, wishes, now)` only reads, and says what `carry_out(item, now)` would do; both refuse with Refused. Where a row
    depends on those before it, as on the places they leave, `planner(drafts, wishes, now)` stands in its place: it reads what
    all of them need in a constant number of queries, and returns what plans each in turn.

    `together(drafts, now)` says what comes of all rows beside what comes of each, such as seats that are offered to who waits.
    `carry_out` owns its transactions and may be called again for an item that a crash left unfinished: it then changes nothing
    more. It returns what came of it, in words. `permission` is what somebody needs to be shown the form, and again to confirm.
    """

    name: str
    label: str
    permission: str
    plan: Callable[[Draft, Wishes, datetime], Effects] | None
    carry_out: Callable[[JobItem, datetime], str]
    together: Callable[[Sequence[Draft], datetime], Effects] = _nothing_more
    planner: Callable[[Sequence[Draft], Wishes, datetime], PlanRow] | None = None

    def plans_of(self, drafts: Sequence[Draft], wishes: Wishes, now: datetime) -> PlanRow:
        """What plans each of the drafts, in their order."""
        if self.planner:
            return self.planner(drafts, wishes, now)
        assert self.plan is not None
        plan = self.plan
        return lambda draft: plan(draft, wishes, now)


_KINDS: dict[str, JobKind] = {}


def register(kind: JobKind) -> None:
    """Make a kind known; its name is unique."""
    if kind.name in _KINDS and _KINDS[kind.name] != kind:
        raise ValueError(f"there is a job of that name: {kind.name}")
    _KINDS[kind.name] = kind


def find(name: str) -> JobKind:
    """The kind of that name. A worker that does not know it yet, or not any more, fails, and the job waits for one that does."""
    return _KINDS[name]


def known(name: str) -> JobKind | None:
    """The kind of that name, if there is still one: jobs outlive the program that did them."""
    return _KINDS.get(name)
