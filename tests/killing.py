"""A process that is killed with SIGKILL at a chosen step: around each commit of ours and around each call to Stripe.

The operation runs in a forked child with connections of its own, so nothing of it survives but what it committed and what
Stripe took. `kill_at_each_step` goes through all steps until one run finishes alive.
"""

import os
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeVar
from unittest.mock import patch

from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from requests import Session

from subscriptions.stripe_gateway.client import _client

MOST_STEPS = 200
FINISHED, FAILED = 0, 1

Scene = TypeVar("Scene")


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
            if not connection.in_atomic_block and sql.startswith(("INSERT", "UPDATE", "DELETE")):
                self.step("after a statement that commits itself")
            return outcome

        with (
            patch.object(BaseDatabaseWrapper, "_commit", committing),
            patch.object(Session, "send", sending),
            connection.execute_wrapper(executing),
        ):
            yield


def run_and_kill(operation: Callable[[], object], die_at: int) -> bool:
    """Run the operation in a child that is killed at that step; whether it came to an end before."""
    connections.close_all()
    child = os.fork()
    if child == 0:
        _run_in_child(operation, die_at)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return False
    assert os.WEXITSTATUS(status) == FINISHED, "the operation failed in the child; its trace is in the output"
    return True


def kill_at_each_step(
    prepare: Callable[[], Scene], operate: Callable[[Scene], object], recover_and_check: Callable[[Scene], None]
) -> int:
    """For each step in turn: a new scene, the operation killed there, recovery and its check. Returns how many were killed."""
    for die_at in range(1, MOST_STEPS):
        scene = prepare()
        finished = run_and_kill(lambda scene=scene: operate(scene), die_at)  # type: ignore[misc]
        recover_and_check(scene)
        if finished:
            print(f"killed at {die_at - 1} steps")
            return die_at - 1
    raise AssertionError(f"the operation takes more than {MOST_STEPS} steps")


def _run_in_child(operation: Callable[[], object], die_at: int) -> NoReturn:
    outcome = FAILED
    try:
        # The inherited connection to Stripe is the parent's; that to the database was closed.
        _client.cache_clear()
        with Steps(die_at).watched():
            operation()
        outcome = FINISHED
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(outcome)
