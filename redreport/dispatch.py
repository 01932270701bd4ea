"""The hand-off from a committed transaction to a Celery worker, for use inside `transaction.on_commit`."""

import os
import threading
import time
from contextlib import suppress
from typing import Any

import structlog
from celery import Task, current_app
from kombu import Connection

log = structlog.get_logger(__name__)

WAIT_SECONDS = 2
# After a failure nobody tries again for so long: a hundred requests must not each wait for a broker that hangs.
QUIET_SECONDS = 10


class _Memory:
    """When this process may try the broker again (on the monotonic clock). One float: read and written whole, so no lock."""

    quiet_until = 0.0


class _Link(threading.local):
    """This thread's connection to the broker, with the process and the address that it was made for: to make one costs three
    times as much as the hand-off itself. None is shared, so that nobody waits for another."""

    connection: Connection | None = None
    made_for: tuple[int, str] = (0, "")


_link = _Link()


def hand_to_worker(task: Task | str, *args: Any) -> bool:
    """
    Ask a worker to run the task with these arguments (JSON: ids). Never raises; waits about two seconds at most. A task is named
    instead of given where the caller stands below the module of tasks.

    Returns whether the broker took it. Where it did not, the caller's committed rows still stand, and the sweep over them does
    what the task would have done.
    """
    name = task if isinstance(task, str) else task.name
    if time.monotonic() < _Memory.quiet_until:
        log.info("hand_off_skipped", task=name)
        return False
    try:
        _publish(task, args)
    except Exception as error:  # The transaction is committed: whatever went wrong here must not reach the reader.
        log.warning("hand_off_failed", task=name, error=type(error).__name__)
        _Memory.quiet_until = time.monotonic() + QUIET_SECONDS
        return False
    return True


def _publish(task: Task | str, args: tuple[Any, ...]) -> None:
    is_old, began = _connect(), time.monotonic()
    try:
        _send(task, args)
    except Exception:
        # A connection that was idle may have been closed by the broker. One that made us wait is not waited for again.
        if not is_old or time.monotonic() - began > WAIT_SECONDS / 2:
            raise
        _connect()
        _send(task, args)


def _send(task: Task | str, args: tuple[Any, ...]) -> None:
    try:
        if isinstance(task, str):
            current_app.send_task(task, args, connection=_link.connection, retry=False)
        else:
            task.apply_async(args, connection=_link.connection, retry=False)
    except Exception:
        _drop()
        raise


def _connect() -> bool:
    """Have a connection; returns whether it was there before. A fork leaves its parent's alone."""
    made_for = (os.getpid(), current_app.conf.broker_write_url)
    is_old = _link.connection is not None and _link.made_for == made_for
    if not is_old:
        _link.connection = current_app.connection_for_write(connect_timeout=WAIT_SECONDS, transport_options=_impatient())
        _link.made_for = made_for
    return is_old


def _drop() -> None:
    connection, _link.connection = _link.connection, None
    if connection is not None:
        with suppress(Exception):
            connection.release()


def try_again_now() -> None:
    """Forget that the broker was out of reach."""
    _Memory.quiet_until = 0.0


def _impatient() -> dict[str, Any]:
    """One try, and a socket that gives up: Celery's own defaults wait for ever for a broker that accepts and says nothing."""
    options: dict[str, Any] = {"max_retries": 0}
    if current_app.conf.broker_write_url.startswith(("redis", "unix", "valkey")):
        return {
            **options,
            "socket_timeout": WAIT_SECONDS,
            "socket_connect_timeout": WAIT_SECONDS,
        }
    if current_app.conf.broker_write_url.startswith(("amqp", "pyamqp")):
        return {**options, "read_timeout": WAIT_SECONDS, "write_timeout": WAIT_SECONDS}
    return options
