"""The database and the broker of a test run, and real workers beside the test process."""

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest

from redreport.dispatch import try_again_now
from redreport.local.processes import Process, python_module, start_process
from tests import environment

MADE_BY_MIGRATIONS = {"django_content_type", "auth_permission", "auth_group", "auth_group_permissions"}
NEVER_EMPTIED = "audit_auditentry"


class RunningServices:
    """PostgreSQL (unless DATABASE_URL names one) and the broker of this run."""

    def __init__(self) -> None:
        self._broker: Process | None = None
        self._database: Process | None = None

    def start(self) -> None:
        if environment.DATABASE:
            self._database = environment.DATABASE.start(log=environment.FOLDER / "database.log")
        self.start_broker()

    def stop(self) -> None:
        self.stop_broker()
        if self._database:
            self._database.stop()

    def start_broker(self) -> None:
        self._broker = environment.BROKER.start(log=environment.FOLDER / "broker.log")

    def stop_broker(self) -> None:
        if self._broker:
            self._broker.stop()


@pytest.fixture(scope="session")
def services() -> Iterator[RunningServices]:
    running = RunningServices()
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None, services: RunningServices) -> None:
    """pytest-django asks for this before it makes the test database: the server must be up by then."""


@pytest.fixture(scope="session", autouse=True)
def rows_are_deleted_after_a_test(django_db_modify_db_settings: None) -> Iterator[None]:
    """Tests whose commits are real leave few rows: to delete those is twenty times as fast as to truncate every table, and what
    migrations put there (content types, permissions, groups) stays instead of being made anew.

    The triggers that keep ledgers from being changed must look away for it, which only an owner of the server may ask for. On a
    database of one's own tables are truncated, which needs those of the trail away alone.
    """
    from django.db import connection
    from django.db.backends.postgresql.operations import DatabaseOperations
    from django.test import TransactionTestCase

    truncation = DatabaseOperations.sql_flush

    def sql_truncate(self: Any, style: Any, tables: Iterable[str], **options: Any) -> list[str]:
        off, on = (f"ALTER TABLE {self.quote_name(NEVER_EMPTIED)} {verb} TRIGGER USER" for verb in ("DISABLE", "ENABLE"))
        emptied = [table for table in tables if table not in MADE_BY_MIGRATIONS]
        return [off, *truncation(self, style, emptied, **options), on]

    if environment.DATABASE is None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(DatabaseOperations, "sql_flush", sql_truncate)
            yield
        return

    def delete_rows(self: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute(deletions())

    @cache
    def deletions() -> str:
        """In one statement, which is one way to the server and back."""
        tables = [
            table for table in connection.introspection.django_table_names(only_existing=True) if table not in MADE_BY_MIGRATIONS
        ]
        rows = "; ".join(f"DELETE FROM {connection.ops.quote_name(table)}" for table in tables)
        return f"SET session_replication_role = replica; {rows}; SET session_replication_role = origin"

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", delete_rows)
        yield


@pytest.fixture(scope="session")
def test_database_url(django_db_setup: None) -> str:
    """The test database as a DATABASE_URL, for processes beside this one."""
    from django.db import connection

    parts = urlsplit(os.environ["DATABASE_URL"])
    return urlunsplit(parts._replace(path=f"/{connection.settings_dict['NAME']}"))


@pytest.fixture
def broker(services: RunningServices) -> str:
    """The broker, emptied: no message of an earlier test is left. Returns its address."""
    with environment.BROKER.client as client:
        client.flushall()
    return environment.BROKER.url


@pytest.fixture
def broker_down(services: RunningServices) -> Iterator[None]:
    """The broker is stopped for this test."""
    services.stop_broker()
    yield
    services.start_broker()
    try_again_now()


@pytest.fixture
def celery_worker_process(
    broker: str, test_database_url: str, tmp_path: Path, transactional_db: None
) -> Iterator[Callable[..., Process]]:
    """Starts real Celery workers against the test database and the broker: `celery_worker_process(**environment)`.

    A worker takes from all queues, or from those that `queues` names. Returns the process once the worker takes tasks.
    `.popen.pid` is its main process, for tests that kill it.
    """
    started: list[Process] = []

    def start(*, concurrency: int = 1, queues: Iterable[str] = (), **variables: str) -> Process:
        number = len(started) + 1
        arguments = ["-A", "redreport", "worker", "--loglevel=INFO", f"--concurrency={concurrency}"]
        arguments += [f"--hostname=test{number}@localhost", "--without-gossip", "--without-mingle"]
        arguments += [f"--queues={','.join(queues)}"] if queues else []
        process = start_process(
            f"worker-{number}",
            python_module("celery", *arguments),
            env={**os.environ, "DATABASE_URL": test_database_url, **variables},
            log=tmp_path / f"worker-{number}.log",
            stop_signal=signal.SIGKILL,
        )
        started.append(process)
        process.wait_until_it_says(" ready.")
        return process

    yield start
    for process in started:
        # With the processes of its pool: one that is in the midst of a task would go on with it, in the rows of the next test.
        with suppress(ProcessLookupError):
            os.killpg(process.popen.pid, signal.SIGKILL)
        process.stop()
