"""The hand-off from a committed transaction to a Celery worker, for use inside `transaction.on_commit`."""

import threading
import time
from typing import Any

import structlog
from celery import Task, current_app

log = structlog.get_logger(__name__)

WAIT_SECONDS = 2
# After a failure nobody tries again for so long: a hundred requests must not each wait for a broker that hangs.
QUIET_SECONDS = 10

_quiet_until = 0.0
_lock = threading.Lock()


def hand_to_worker(task: Task, *args: Any) -> bool:
    """
    Ask a worker to run the task with these arguments (JSON: ids). Never raises; waits about two seconds at most.

    Returns whether the broker took it. Where it did not, the caller's committed rows still stand, and the sweep over them does
    what the task would have done.
    """
    if time.monotonic() < _quiet_until:
        log.info("hand_off_skipped", task=task.name)
        return False
    try:
        # A connection of its own each time: no pool to wait for, none to repair after a failure or a fork.
        with current_app.connection_for_write(connect_timeout=WAIT_SECONDS, transport_options=_impatient()) as connection:
            task.apply_async(args, connection=connection, retry=False)
    except Exception as error:  # The transaction is committed: whatever went wrong here must not reach the reader.
        log.warning("hand_off_failed", task=task.name, error=type(error).__name__)
        _keep_quiet(QUIET_SECONDS)
        return False
    return True


def try_again_now() -> None:
    """Forget that the broker was out of reach."""
    _keep_quiet(0)


def _keep_quiet(seconds: float) -> None:
    global _quiet_until
    with _lock:
        _quiet_until = time.monotonic() + seconds


def _impatient() -> dict[str, Any]:
    """One try, and a socket that gives up: Celery's own defaults wait for ever for a broker that accepts and says nothing."""
    options: dict[str, Any] = {"max_retries": 0}
    if current_app.conf.broker_url.startswith(("redis", "unix", "valkey")):
        return {
            **options,
            "socket_timeout": WAIT_SECONDS,
            "socket_connect_timeout": WAIT_SECONDS,
        }
    if current_app.conf.broker_url.startswith(("amqp", "pyamqp")):
        return {**options, "read_timeout": WAIT_SECONDS, "write_timeout": WAIT_SECONDS}
    return options
