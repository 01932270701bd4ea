"""`make run`: one command starts everything, stops it in order, and leaves nothing behind however it ends."""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest

from redreport.local.configuration import Configuration, ConfigurationError
from redreport.local.embedded import PostgreSQL, socket_folder
from tests.ports import free_ports
from tests.stack import Stack, wait_for

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stack") / "run"


@pytest.fixture
def stack(folder: Path) -> Iterator[Stack]:
    """A running stack. The tests of this module share its folder, so that each start but the first is a second one."""
    stack = Stack(folder)
    yield stack.start()
    stack.stop()


def query(stack: Stack, sql: LiteralString) -> object:
    database = PostgreSQL(stack.run_dir / "postgres", socket_folder(stack.run_dir))
    with psycopg.connect(database.url("redreport")) as connection:
        [value] = connection.execute(sql).fetchone() or [None]
        return value


def test_it_answers_says_where_and_stops_in_order_without_leaving_a_process(stack: Stack) -> None:
    assert stack.get("/readyz")[0] == 200
    assert stack.get("/")[0] == 200
    for address in (f"{stack.url}/", f"{stack.url}/admin/", f"{stack.url}/dev/mail/", stack.simulator_url):
        assert address in stack.output
    assert stack.run_dir.stat().st_mode & 0o777 == 0o700
    assert [path.stat().st_mode & 0o777 for path in (stack.run_dir / "secrets").iterdir()] == [0o600, 0o600]
    names = " ".join(stack.processes().values())
    for part in ("gunicorn", "worker", "beat", "mailcatcher", "stripe_simulator", "valkey", "postgres"):
        assert part in names

    assert stack.stop() == 0
    assert stack.processes() == {}
    assert "Warm shutdown" in stack.log("worker")
    assert "database system is shut down" in stack.log("database")
    stopped = ("web", "worker", "broker", "database")
    times = [(stack.run_dir / "log" / f"{name}.log").stat().st_mtime_ns for name in stopped]
    assert times == sorted(times)


def test_kill_of_the_supervisor_leaves_no_process_and_the_next_start_keeps_the_data(stack: Stack) -> None:
    query(stack, "CREATE TABLE IF NOT EXISTS kept (number int); INSERT INTO kept VALUES (42); SELECT 1")
    users = query(stack, "SELECT count(*) FROM accounts_user")
    assert stack.processes()
    stack.stop(signal.SIGKILL)
    wait_for(lambda: not stack.processes(), "every process to end", 10)

    with Stack(stack.run_dir) as again:
        assert query(again, "SELECT number FROM kept") == 42
        assert query(again, "SELECT count(*) FROM accounts_user") == users


def test_a_second_stack_in_the_same_folder_is_refused(stack: Stack) -> None:
    assert stack.popen
    second = Stack(stack.run_dir, stack.port + 3)
    second.output_file = stack.run_dir.parent / "second.out"
    assert second.launch().wait(30) == 2
    assert f"in use by a running stack (process {stack.popen.pid})" in second.output
    assert stack.get("/readyz")[0] == 200


def test_a_dead_process_is_named_and_stops_the_stack(stack: Stack) -> None:
    assert stack.popen
    beat = next(pid for pid, command in stack.processes().items() if " beat " in command)
    os.kill(beat, signal.SIGKILL)
    assert stack.popen.wait(60) == 1
    assert "beat ended by itself with code -9" in stack.output
    assert stack.processes() == {}


def test_interrupt_while_starting_stops_what_was_started(folder: Path) -> None:
    stack = Stack(folder)
    popen = stack.launch()
    wait_for(lambda: "Preparing" in stack.output or popen.poll() is not None, "the preparation")
    assert stack.stop(signal.SIGINT) == 0
    assert stack.processes() == {}


@pytest.mark.parametrize(("offset", "purpose"), [(0, "the web server"), (1, "the Stripe simulator"), (2, "the mail catcher")])
def test_a_port_that_is_taken_is_named(tmp_path: Path, offset: int, purpose: str) -> None:
    port = free_ports(3)
    with socket.create_server(("127.0.0.1", port + offset)):
        stack = Stack(tmp_path / "run", port)
        assert stack.launch().wait(30) == 2
    assert f"Port {port + offset}, for {purpose}, cannot be used: Address already in use" in stack.output


def test_a_live_stripe_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="live key"):
        Configuration.read(tmp_path / "run", 8000, {"STRIPE_SECRET_KEY": "sk_live_" + "1" * 24})


def test_a_real_service_that_is_named_replaces_its_twin(tmp_path: Path) -> None:
    real = {
        "DATABASE_URL": "postgresql://db.example/redreport",
        "CELERY_BROKER_URL": "amqp://broker.example//",
        "EMAIL_URL": "smtp+tls://mail.example:587",
        "STRIPE_SECRET_KEY": "sk_test_of_an_account",
        "STRIPE_WEBHOOK_SECRETS": "whsec_of_the_account",
    }
    configuration = Configuration.read(tmp_path / "run", 8100, real)
    assert (configuration.database, configuration.broker) == (None, None)
    assert not configuration.simulates_stripe
    assert not configuration.catches_mail
    told = configuration.environment()
    assert {name: told[name] for name in real} == real
    assert "STRIPE_API_BASE" not in told
    assert "LOCAL_MAIL_DIR" not in told


def test_secrets_are_made_once(tmp_path: Path) -> None:
    first, second = (Configuration.read(tmp_path / "run", 8100, {}).environment() for _ in range(2))
    assert first["DJANGO_SECRET_KEY"] == second["DJANGO_SECRET_KEY"]
    other = Configuration.read(tmp_path / "other", 8100, {}).environment()
    assert first["DJANGO_SECRET_KEY"] != other["DJANGO_SECRET_KEY"]


def test_a_path_too_long_for_a_socket_gets_a_private_folder_elsewhere(tmp_path: Path) -> None:
    run_dir = tmp_path / ("long-name-" * 10) / "run"
    sockets = socket_folder(run_dir)
    try:
        assert not sockets.is_relative_to(run_dir)
        assert sockets.stat().st_mode & 0o777 == 0o700
        assert socket_folder(run_dir) == sockets
    finally:
        sockets.rmdir()
