"""The hand-off from a committed transaction to a Celery worker, for use inside `transaction.on_commit`."""

import time
from typing import Any

import structlog
from celery import Task, current_app

log = structlog.get_logger(__name__)

WAIT_SECONDS = 2
# After a failure nobody tries again for so long: a hundred requests must not each wait for a broker that hangs.
QUIET_SECONDS = 10


class _Memory:
    """When this process may try the broker again (on the monotonic clock). One float: read and written whole, so no lock."""

    quiet_until = 0.0


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
        # A connection of its own each time: no pool to wait for, none to repair after a failure or a fork.
        with current_app.connection_for_write(connect_timeout=WAIT_SECONDS, transport_options=_impatient()) as connection:
            if isinstance(task, str):
                current_app.send_task(task, args, connection=connection, retry=False)
            else:
                task.apply_async(args, connection=connection, retry=False)
    except Exception as error:  # The transaction is committed: whatever went wrong here must not reach the reader.
        log.warning("hand_off_failed", task=name, error=type(error).__name__)
        _Memory.quiet_until = time.monotonic() + QUIET_SECONDS
        return False
    return True


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
