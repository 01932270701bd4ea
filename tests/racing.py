"""Many people at one moment, each on a database connection of their own; and the guards that a race must not get past."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from django.db import connection, connections
from psycopg import errors

from sessions_live.models import Seat
from tests.stack import wait_for

NUMBER_GUARD = "seat_number_unique_while_active"
ATTENDEE_GUARD = "seat_attendee_unique_while_active"
INSERT_SEAT = f'INSERT INTO "{Seat._meta.db_table}"'

Outcome = TypeVar("Outcome")


def at_once(actions: Sequence[Callable[[], object]]) -> list[object]:
    """Run every action in a thread of its own from one starting shot; what each returned or raised, in the order given."""
    start = threading.Barrier(len(actions))

    def run(action: Callable[[], object]) -> object:
        try:
            connection.ensure_connection()
            start.wait(60)
            return action()
        except Exception as refusal:
            return refusal
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(actions)) as pool:
        return list(pool.map(run, actions))


def is_deadlock(outcome: object) -> bool:
    """Whether the database ended this one because two transactions waited for each other."""
    return isinstance(outcome, Exception) and isinstance(outcome.__cause__, errors.DeadlockDetected)


class EverybodyLooksFirst:
    """The worst interleaving, every time: nobody sends the statement that begins with `before`, usually the insert of a seat,
    until every rival has looked what there is.

    A rival who is finished, or whom a lock keeps from looking, is not waited for.
    """

    def __init__(self, buyers: int, before: str = INSERT_SEAT) -> None:
        self._buyers, self._before = buyers, before
        self._coming: dict[int, int] = {}
        self._looked: set[int] = set()

    def __call__(self, action: Callable[[], Outcome]) -> Outcome:
        thread, own = threading.get_ident(), connection.connection.info.backend_pid
        self._coming[thread] = own
        try:
            with connection.execute_wrapper(self._at_the_write):
                return action()
        finally:
            self._looked.add(thread)

    def _at_the_write(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        thread = threading.get_ident()
        if sql.startswith(self._before) and thread not in self._looked:
            self._looked.add(thread)
            wait_for(self._everybody_has_looked, "the rivals to look")
        return execute(sql, params, many, context)

    def _everybody_has_looked(self) -> bool:
        rivals = dict(self._coming)
        if len(rivals) < self._buyers:
            return False
        with connection.cursor() as cursor:
            cursor.execute("SELECT pid FROM pg_locks WHERE NOT granted")
            kept_waiting = {pid for (pid,) in cursor.fetchall()}
        return all(thread in self._looked or pid in kept_waiting for thread, pid in rivals.items())


@contextmanager
def without_index(name: str, clear: Callable[[], object]) -> Iterator[None]:
    """This index is gone; it stands again afterwards, come what may. `clear` takes away first what it refuses."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = %s", [name])
        [definition] = cursor.fetchone()
        cursor.execute(f"DROP INDEX {name}")
    try:
        yield
    finally:
        clear()
        with connection.cursor() as cursor:
            cursor.execute(definition)


@contextmanager
def without_check(table: str, name: str, clear: Callable[[], object]) -> Iterator[None]:
    """This check of the table is gone; it stands again afterwards, come what may. `clear` takes away first what it refuses."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s", [name])
        [definition] = cursor.fetchone()
        cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    try:
        yield
    finally:
        clear()
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")


@contextmanager
def without_number_guard() -> Iterator[None]:
    """The index that makes a seat's number unique among the active ones is gone."""
    with without_index(NUMBER_GUARD, lambda: Seat.objects.update(state=Seat.State.EXPIRED, hold_expires_at=None)):
        yield
