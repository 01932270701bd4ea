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
from redreport.local.console import Console
from redreport.local.embedded import PostgreSQL, socket_folder
from redreport.local.supervisor import WORKERS
from tests.ports import free_ports
from tests.stack import Stack, wait_for

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def one_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(tmp_path_factory.mktemp("stack") / "run")
    yield stack
    if stack.popen:
        stack.stop()


@pytest.fixture
def stack(one_stack: Stack) -> Stack:
    """The stack of this module, running. Most tests leave it so; where one stopped it, it is started again with its data."""
    return one_stack if one_stack.is_running else one_stack.start()


def query(stack: Stack, sql: LiteralString) -> object:
    database = PostgreSQL(stack.run_dir / "postgres", socket_folder(stack.run_dir))
    with psycopg.connect(database.url("redreport")) as connection:
        cursor = connection.execute(sql)
        return cursor.fetchone()[0] if cursor.description else None  # type: ignore[index]


def test_it_answers_and_says_where_everything_is(stack: Stack) -> None:
    assert stack.get("/readyz")[0] == 200
    assert stack.get("/")[0] == 200
    for address in (f"{stack.url}/", f"{stack.url}/admin/", f"{stack.url}/dev/mail/", stack.simulator_url):
        assert address in stack.output
    names = " ".join(stack.processes().values())
    for part in ("gunicorn", "worker-stripe", "worker-mail", "beat", "mailcatcher", "stripe_simulator", "valkey", "postgres"):
        assert part in names


def test_what_it_keeps_is_for_its_owner_only(stack: Stack) -> None:
    assert stack.run_dir.stat().st_mode & 0o777 == 0o700
    files = [*(stack.run_dir / "secrets").iterdir(), *stack.run_dir.glob("stripe/webhook-secret-*"), *stack.run_dir.glob("log/*")]
    assert len(files) > 3
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}


def test_the_demo_is_there_and_its_mails_arrive(stack: Stack) -> None:
    count = "SELECT count(*) FROM sessions_live_livesession WHERE "
    assert query(stack, count + "state = 'published' AND starts_at > now()") == 6
    assert query(stack, count + "state = 'ended'") == 3
    assert query(stack, "SELECT count(*) FROM subscriptions_subscription WHERE status = 'active'") == 1
    wait_for(lambda: any(b"Your 12 sessions are ready" in mail.read_bytes() for mail in stack.mails()), "the mail about the year")


def test_a_second_stack_in_the_same_folder_is_refused(stack: Stack) -> None:
    assert stack.popen
    second = Stack(stack.run_dir, free_ports(3))
    second.output_file = stack.run_dir.parent / "second.out"
    assert second.launch().wait(30) == 2
    assert f"in use by a running stack (process {stack.popen.pid})" in second.output
    assert stack.get("/readyz")[0] == 200


def test_asked_to_stop_it_stops_in_order_and_leaves_no_process(stack: Stack) -> None:
    assert stack.stop() == 0
    assert stack.processes() == {}
    for worker in WORKERS:
        assert "Warm shutdown" in stack.log(worker)
    assert "database system is shut down" in stack.log("database")
    in_order = ("web", *WORKERS, "broker", "database")
    written = [(stack.run_dir / "log" / f"{name}.log").stat().st_mtime_ns for name in in_order]
    assert written == sorted(written)


def test_killed_it_leaves_no_process_and_the_next_start_has_the_data(stack: Stack) -> None:
    query(stack, "CREATE TABLE kept AS SELECT 42 AS number")
    users = query(stack, "SELECT count(*) FROM accounts_user")
    assert stack.processes()
    stack.stop(signal.SIGKILL)
    wait_for(lambda: not stack.processes(), "every process to end", 10)

    stack.start()
    assert query(stack, "SELECT number FROM kept") == 42
    assert query(stack, "SELECT count(*) FROM accounts_user") == users


def test_a_dead_process_is_named_and_stops_the_stack(stack: Stack) -> None:
    assert stack.popen
    beat = next(pid for pid, command in stack.processes().items() if " beat " in command)
    os.kill(beat, signal.SIGKILL)
    assert stack.popen.wait(60) == 1
    assert "beat ended by itself with code -9" in stack.output
    assert stack.processes() == {}


def test_interrupted_while_starting_it_stops_what_was_started(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "run")
    popen = stack.launch()
    wait_for(lambda: "Preparing" in stack.output or popen.poll() is not None, "the preparation")
    assert stack.stop(signal.SIGINT) == 0, stack.output
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


@pytest.mark.parametrize(("told", "says_so"), [({}, True), ({"STAFF_SECOND_FACTOR": "1"}, False)])
def test_terminal_says_that_staff_are_asked_for_no_second_factor_here(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], told: dict[str, str], says_so: bool
) -> None:
    configuration = Configuration.read(tmp_path / "run", 8100, told)
    Console(configuration, accounts=[]).ready()
    assert ("Second factor     not asked of staff here" in capsys.readouterr().out) == says_so
    assert configuration.asks_second_factor == (not says_so)


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
