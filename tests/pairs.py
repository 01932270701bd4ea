"""Pairs of operations that meet: each is a scene with two actions and what must be so afterwards, whatever the order was."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.db.models import QuerySet

from redreport import clock
from redreport.accounts.models import User
from sessions_live.errors import SeatRefused
from sessions_live.models import LiveSession
from subscriptions.errors import BookingRefused
from subscriptions.models import Price
from subscriptions.operations.subscribers import subscriber_of
from tests.factories import make_credits, make_user
from tests.interleaving import Run, every_run
from tests.invariants import assert_invariants, assert_nothing_sold_twice
from tests.stage import Action, Stage

Refusals = tuple[type[Exception], ...]
REFUSALS: Refusals = (SeatRefused, BookingRefused)
Runs = Callable[[Stage, Callable[[], Sequence[Action]]], Iterator[Run]]


def nothing_more(one: object, other: object) -> None:
    """The invariants say it all."""


@dataclass(frozen=True)
class Scene:
    """Two actions on rows of their own. `check` gets what each returned or raised, lets run what runs by itself, and says what
    must be so then; afterwards the invariants hold as well."""

    one: Action
    other: Action
    check: Callable[[object, object], None] = nothing_more
    refusals: Refusals = REFUSALS
    sold_above_capacity: int = 0

    def assert_well(self, run: Run) -> None:
        for outcome in run.outcomes:
            if isinstance(outcome, Exception) and not isinstance(outcome, self.refusals):
                raise AssertionError(f"it failed: {outcome!r}") from outcome
        assert_nothing_sold_twice(sold_above_capacity=self.sold_above_capacity)
        self.check(*run.outcomes)
        assert_invariants(sold_above_capacity=self.sold_above_capacity)


@dataclass
class Explored:
    """Every run of a pair, and the harm that was done in some."""

    runs: list[Run] = field(default_factory=list)
    harms: list[tuple[Run, AssertionError]] = field(default_factory=list)

    @property
    def orders(self) -> int:
        return sum(run.stands_for for run in self.runs)

    @property
    def harmed(self) -> int:
        """How many runs did harm."""
        return len(self.harms)

    @property
    def harmed_orders(self) -> int:
        return sum(run.stands_for for run, _ in self.harms)

    def assert_unharmed(self) -> None:
        assert self.runs
        for run, harm in self.harms:
            harm.add_note(f"in this order, one of {self.harmed} of {len(self.runs)}:\n{run}")
            raise harm

    def __str__(self) -> str:
        return f"{len(self.runs)} runs for {self.orders} orders, harm in {self.harmed} runs for {self.harmed_orders} orders"


def explore(scene: Callable[[], Scene], runs: Runs = every_run, *, until_harm: bool = False) -> Explored:
    """Run a pair in every order that makes a difference, each time in an empty shop; prints how many they were.

    With `until_harm` only until the first harm is done.
    """
    explored = Explored()
    current: list[Scene] = []

    def prepare() -> Sequence[Action]:
        empty_the_shop()
        current[:] = [scene()]
        return [current[0].one, current[0].other]

    with Stage.open() as stage:
        for run in runs(stage, prepare):
            explored.runs.append(run)
            try:
                current[0].assert_well(run)
            except AssertionError as harm:
                explored.harms.append((run, harm))
                if until_harm:
                    break
    print(explored)
    return explored


def empty_the_shop() -> None:
    """No row is left but the prices, and what migrations put there. For tests whose commits are real, and for nobody else."""
    with connection.cursor() as cursor:
        # Triggers that guard ledgers from change, and those of foreign keys, are for the program.
        cursor.execute(f"SET session_replication_role = replica; {_deletions()}; SET session_replication_role = origin")


@cache
def _deletions() -> str:
    kept = ("contenttypes", "auth", "sites")
    models = [model for model in apps.get_models(include_auto_created=True) if model._meta.managed and model is not Price]
    return "; ".join(f'DELETE FROM "{model._meta.db_table}"' for model in models if model._meta.app_label not in kept)


def open_session(*, capacity: int = 12, starts_in: timedelta = timedelta(days=7)) -> LiveSession:
    """A session on sale, in one statement: a scene is set for every order."""
    now, name = clock.now(), uuid.uuid4().hex
    return LiveSession.objects.create(
        title="Reading the plenum",
        slug=name,
        section=LiveSession.Section.ZHONGNANHAI,
        starts_at=now + starts_in,
        capacity=capacity,
        meeting_url="https://meet.example.com/plenum",
        state=LiveSession.State.PUBLISHED,
        published_at=now,
    )


def reader(name: str, *, credits: int = 0) -> User:
    """A reader who has been here before, so that their subscriber's row is there."""
    user = make_user(name)
    subscriber_of(user)
    if credits:
        make_credits(user, credits)
    return user


@contextmanager
def no_row_is_locked() -> Iterator[None]:
    """Whoever asks for a row gets it, whoever else has it; what is written to it still waits."""

    def find_without_lock(rows: QuerySet[Any], **kind: Any) -> QuerySet[Any]:
        return rows.all()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(QuerySet, "select_for_update", find_without_lock)
        yield
