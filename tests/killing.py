"""A process that is killed with SIGKILL at a chosen step: around each commit of ours and around each call to Stripe.

The operation runs in a forked child with connections of its own, so nothing of it survives but what it committed and what
Stripe took. `kill_at_each_step` goes through all steps until one run finishes alive, and then has two processes do it at once.
"""

import os
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any, NoReturn, TypeVar
from unittest.mock import patch

from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from requests import Session

from subscriptions.errors import GatewayUnavailable, ObjectBusy
from subscriptions.stripe_gateway.client import _client
from tests.aftermath import AtStripe, a_day_passes
from tests.fixtures_shop import Shop

MOST_STEPS = 400
FINISHED, FAILED = 0, 1
NEVER = 0

Scene = TypeVar("Scene")
# How one of two clicks at once may be answered: try again.
TRY_AGAIN = (ObjectBusy, GatewayUnavailable)


@dataclass
class Steps:
    """Counts what the operation does and dies when its time has come."""

    die_at: int
    taken: list[str] = field(default_factory=list)

    def step(self, what: str) -> None:
        self.taken.append(what)
        if len(self.taken) == self.die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Every commit and every call to Stripe in this block is two steps: before it and after it."""
        commit, send = BaseDatabaseWrapper._commit, Session.send  # type: ignore[attr-defined]

        def committing(wrapper: BaseDatabaseWrapper) -> Any:
            self.step("before a commit")
            outcome = commit(wrapper)
            self.step("after a commit")
            return outcome

        def sending(session: Session, request: Any, **options: Any) -> Any:
            self.step(f"before {request.method} {request.path_url}")
            answer = send(session, request, **options)
            self.step(f"after {request.method} {request.path_url}")
            return answer

        def executing(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
            outcome = execute(sql, params, many, context)
            if not connection.in_atomic_block and sql.lstrip().startswith(("INSERT", "UPDATE", "DELETE")):
                self.step("after a statement that commits itself")
            return outcome

        with (
            patch.object(BaseDatabaseWrapper, "_commit", committing),
            patch.object(Session, "send", sending),
            connection.execute_wrapper(executing),
        ):
            yield


def kill_at_each_step(
    shop: Shop,
    *,
    prepare: Callable[[], Scene],
    operate: Callable[[Scene], object],
    check: Callable[[Scene, AtStripe], None],
    again: Callable[[Scene], object] | None = None,
    recover: Callable[[Shop], AtStripe] = a_day_passes,
) -> int:
    """For each step a new scene, in which the operation is killed there; the last two see it finish, and done twice at once.

    `again` is the person's second click, or Stripe's second webhook. Then what runs by itself runs, once for all scenes, and each
    is checked. Returns how many were killed.
    """
    scenes = list(killed_scenes(prepare, operate, again=again))
    killed = len(scenes) - 1
    scenes.append(prepare())
    operate_in_two_processes(lambda: operate(scenes[-1]))
    if again:
        again(scenes[-1])
    at_stripe = recover(shop)
    names = [*(f"killed at step {number}" for number in range(1, killed + 1)), "finished alive", "done twice at once"]
    for name, scene in zip(names, scenes, strict=True):
        try:
            check(scene, at_stripe)
        except Exception as fault:
            fault.add_note(name)
            raise
    return killed


def killed_scenes(
    prepare: Callable[[], Scene],
    operate: Callable[[Scene], object],
    *,
    again: Callable[[Scene], object] | None = None,
    every: int = 1,
    begin: int = 1,
) -> Iterator[Scene]:
    """For each step in turn (or every so many) a new scene, in which the operation was killed there; the last saw it finish."""
    for killed, die_at in enumerate(count(begin, every)):
        assert die_at < MOST_STEPS, f"the operation takes more than {MOST_STEPS} steps"
        scene = prepare()
        finished = run_and_kill(lambda scene=scene: operate(scene), die_at)  # type: ignore[misc]
        if again:
            again(scene)
        yield scene
        if finished:
            print(f"killed at {killed} steps")
            return


def run_and_kill(operation: Callable[[], object], die_at: int) -> bool:
    """Run the operation in a child that is killed at that step; whether it came to an end before."""
    child = _fork(operation, die_at)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return False
    assert os.WEXITSTATUS(status) == FINISHED, "the operation failed in the child; its trace is in the output"
    return True


def operate_in_two_processes(operation: Callable[[], object]) -> None:
    """Two processes do the same at one moment; either may be told to try again."""
    starting_shot, hold = os.pipe()

    def wait_and_operate() -> None:
        os.close(hold)
        connection.ensure_connection()
        os.read(starting_shot, 1)
        with suppress(*TRY_AGAIN):
            operation()

    children = [_fork(wait_and_operate, NEVER) for _ in range(2)]
    os.close(hold)
    os.close(starting_shot)
    outcomes = [os.waitpid(child, 0)[1] for child in children]
    assert outcomes == [FINISHED, FINISHED], "the operation failed in a child; its trace is in the output"


def _fork(operation: Callable[[], object], die_at: int) -> int:
    connections.close_all()
    child = os.fork()
    if child == 0:
        _run_in_child(operation, die_at)
    return child


def _run_in_child(operation: Callable[[], object], die_at: int) -> NoReturn:
    outcome = FAILED
    try:
        # The inherited connection to Stripe is the parent's; that to the database was closed, else its locks outlived the child.
        assert connection.connection is None
        _client.cache_clear()
        with Steps(die_at).watched():
            operation()
        outcome = FINISHED
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(outcome)
