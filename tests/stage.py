"""Two operations that go on one step at a time, by turns, as they are told.

Each runs on a connection of its own and stops before every statement, every commit and every call to Stripe. Who waits for the
other's lock counts as waiting, and the other goes on.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from unittest.mock import patch

from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from requests import Session

from tests.steps import Step, Transaction, call_to_stripe

Action = Callable[[], object]
PATIENCE = 30
LOOK_AGAIN = 0.002
FIRST, SECOND = 0, 1

_local = threading.local()


class Deadlock(AssertionError):
    """Each of the two waits for a lock that the other has."""


@dataclass(eq=False)
class Player:
    """One operation in its thread: it stands before `next_step`, runs or waits for a lock (None), or is finished."""

    changed: threading.Condition
    next_step: Step | None = None
    is_finished: bool = False
    outcome: object = None
    backend: int = 0
    _may_go: bool = False
    _is_free: bool = False
    _transaction: Transaction = field(default_factory=Transaction)

    def play(self, action: Action) -> None:
        """In its own thread: the action from its first step to its last; what it returned or raised is its outcome."""
        connection.ensure_connection()
        self.backend = connection.connection.info.backend_pid
        _local.player = self
        try:
            with connection.execute_wrapper(self._at_a_statement):
                self.outcome = action()
        except Exception as refusal:
            self.outcome = refusal
        finally:
            _local.player = None
            with self.changed:
                self.is_finished = True
                self.changed.notify_all()

    def let_go(self, *, for_good: bool = False) -> None:
        """Take the next step; or all that are left, without stopping any more."""
        with self.changed:
            self._may_go, self._is_free, self.next_step = True, for_good, None
            self.changed.notify_all()

    def stop_before(self, step: Step) -> None:
        """In its own thread: go on only when it is told to."""
        if self._is_free:
            return
        with self.changed:
            self.next_step = step
            self.changed.notify_all()
            assert self.changed.wait_for(lambda: self._may_go, PATIENCE), f"nobody lets go of {step.what}"
            self._may_go = False

    def stop_before_end(self, what: str) -> None:
        self.stop_before(self._transaction.end(what))

    def _at_a_statement(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        step = self._transaction.statement(sql, commits_itself=not connection.in_atomic_block)
        if step:
            self.stop_before(step)
        return execute(sql, params, many, context)

    @property
    def stands(self) -> bool:
        return self.is_finished or self.next_step is not None


@contextmanager
def _steps_are_watched() -> Iterator[None]:
    """Commits, rollbacks and calls to Stripe are steps too, where a player makes them."""
    commit, rollback, send = BaseDatabaseWrapper._commit, BaseDatabaseWrapper._rollback, Session.send  # type: ignore[attr-defined]

    def ending(what: str, end: Callable[[BaseDatabaseWrapper], Any]) -> Callable[[BaseDatabaseWrapper], Any]:
        def end_when_told(wrapper: BaseDatabaseWrapper) -> Any:
            if player := getattr(_local, "player", None):
                player.stop_before_end(what)
            return end(wrapper)

        return end_when_told

    def sending(session: Session, request: Any, **options: Any) -> Any:
        if player := getattr(_local, "player", None):
            player.stop_before(call_to_stripe(request.method, request.path_url))
        return send(session, request, **options)

    with (
        patch.object(BaseDatabaseWrapper, "_commit", ending("COMMIT", commit)),
        patch.object(BaseDatabaseWrapper, "_rollback", ending("ROLLBACK", rollback)),
        patch.object(Session, "send", sending),
    ):
        yield


@dataclass
class Event:
    """A step that was taken, and by whom. `frees` the other, who waited for its lock."""

    player: int
    step: Step
    frees_the_other: bool = False

    def __str__(self) -> str:
        return f"{'first' if self.player == FIRST else 'second'}: {self.step.what}"


class Race:
    """Two players, of whom each goes on when it is told to."""

    def __init__(self, stage: "Stage", actions: Sequence[Action]) -> None:
        changed = threading.Condition()
        self._changed = changed
        self.players = [Player(changed), Player(changed)]
        self.events: list[Event] = []
        self._ends: list[Future[None]] = []
        for thread, player, action in zip(stage.threads, self.players, actions, strict=True):
            self._ends.append(thread.submit(player.play, action))
            self._wait_until_all_stand_or_wait()

    def ready(self) -> dict[int, Step]:
        """Who can go on, and with which step."""
        return {number: player.next_step for number, player in enumerate(self.players) if player.next_step}

    def go(self, number: int) -> None:
        """This one takes its step. Raises Deadlock when now each waits for the other."""
        player, other = self.players[number], self.players[1 - number]
        assert player.next_step
        self.events.append(Event(number, player.next_step))
        other_waited = not other.stands
        player.let_go()
        self._wait_until_all_stand_or_wait()
        self.events[-1].frees_the_other = other_waited and other.stands

    def finish(self) -> list[object]:
        """Both run on to their ends, in whatever order; what each returned or raised."""
        for player in self.players:
            player.let_go(for_good=True)
        for end in self._ends:
            end.result(PATIENCE)
        return [player.outcome for player in self.players]

    def _wait_until_all_stand_or_wait(self) -> None:
        while True:
            with self._changed:
                moving = [player for player in self._started() if not player.stands]
                if not moving or (self._changed.wait(LOOK_AGAIN) and not [p for p in moving if not p.stands]):
                    return
            # Who waited while the other still moved may be free by now: only if the other stood all along it goes on waiting.
            waiting = [player for player in moving if self._waits_for_another(player)]
            if len(waiting) == len(self.players):
                raise Deadlock("each waits for a lock that the other has")
            if len(waiting) == len(moving):
                return

    def _started(self) -> list[Player]:
        return self.players[: len(self._ends)]

    def _waits_for_another(self, player: Player) -> bool:
        """Whether it waits for a lock of the other's. The other stands, so it waits until the other goes on."""
        others = [other.backend for other in self.players if other is not player]
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_blocking_pids(%s) && %s::int[]", [player.backend, others])
            return bool(cursor.fetchone()[0])


class Stage:
    """Two threads that keep their connections from race to race."""

    def __init__(self, threads: Sequence[ThreadPoolExecutor]) -> None:
        self.threads = threads

    @classmethod
    @contextmanager
    def open(cls) -> "Iterator[Stage]":
        with ExitStack() as afterwards:
            threads = [afterwards.enter_context(ThreadPoolExecutor(1)) for _ in range(2)]
            for thread in threads:
                afterwards.callback(partial(_close_connections, thread))
            afterwards.enter_context(_steps_are_watched())
            yield cls(threads)


def _close_connections(thread: ThreadPoolExecutor) -> None:
    thread.submit(connections.close_all).result(PATIENCE)
