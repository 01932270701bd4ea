"""The hand-off to a worker never raises and never keeps a reader waiting."""

import os
import socket
import time
from collections.abc import Callable, Iterator
from threading import Thread

import pytest

from redreport import dispatch
from redreport.celery import app
from redreport.dispatch import hand_to_worker
from redreport.outbox.tasks import deliver_mail_task
from tests import environment


@pytest.fixture
def silent_broker() -> Iterator[str]:
    """A broker that takes connections and never says a word."""
    listener = socket.create_server(("127.0.0.1", 0))
    connections: list[socket.socket] = []

    def take() -> None:
        while True:
            try:
                connections.append(listener.accept()[0])
            except OSError:
                return

    Thread(target=take, daemon=True).start()
    yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
    listener.close()
    for connection in connections:
        connection.close()


def seconds_of(count: int = 1) -> float:
    started = time.monotonic()
    for _ in range(count):
        assert hand_to_worker(deliver_mail_task, 1) is False
    return time.monotonic() - started


@pytest.mark.parametrize("task", [deliver_mail_task, "redreport.outbox.deliver_mail"])
def test_the_broker_gets_the_task(broker: str, task: object) -> None:
    assert hand_to_worker(task, 17) is True
    with app.connection_for_read() as link:
        message = link.SimpleQueue("mail", queue_opts={"durable": True}).get(timeout=2)
        assert message.headers["task"] == "redreport.outbox.deliver_mail"
        assert message.payload[0] == [17]


def test_each_thread_keeps_a_connection_of_its_own_for_all_that_it_hands_over(broker: str) -> None:
    def hand_over(count: int) -> None:
        assert all(hand_to_worker(deliver_mail_task, number) for number in range(count))

    def in_a_thread(count: int) -> None:
        other = Thread(target=hand_over, args=(count,))
        other.start()
        other.join()

    hand_over(1)
    assert connections_made_by(lambda: hand_over(20)) == 0
    assert connections_made_by(lambda: in_a_thread(1)) == connections_made_by(lambda: in_a_thread(20)) > 0


def test_a_connection_that_the_broker_closed_is_made_anew(broker: str) -> None:
    assert hand_to_worker(deliver_mail_task, 1) is True
    with environment.BROKER.client as client:
        client.client_kill_filter(_type="normal", skipme=True)
    assert hand_to_worker(deliver_mail_task, 2) is True


def test_a_fork_hands_over_by_a_connection_of_its_own(broker: str) -> None:
    assert hand_to_worker(deliver_mail_task, 1) is True
    child = os.fork()
    if child == 0:
        os._exit(0 if hand_to_worker(deliver_mail_task, 2) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert hand_to_worker(deliver_mail_task, 3) is True
    with app.connection_for_read() as link:
        queue = link.SimpleQueue("mail", queue_opts={"durable": True})
        assert [queue.get(timeout=2).payload[0] for _ in range(3)] == [[1], [2], [3]]


def connections_made_by(act: Callable[[], object]) -> int:
    """How many connections the broker took meanwhile, but for the one by which it is asked."""
    with environment.BROKER.client as client:
        before = client.info("stats")["total_connections_received"]
    act()
    with environment.BROKER.client as client:
        return int(client.info("stats")["total_connections_received"] - before - 1)


def test_a_stopped_broker_costs_a_moment_and_then_nothing(broker_down: None) -> None:
    assert seconds_of() < 3
    assert seconds_of(100) < 0.1


def test_a_silent_broker_costs_seconds_and_then_nothing(silent_broker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELERY_BROKER_URL", silent_broker)
    assert seconds_of() < 5
    assert seconds_of(100) < 0.1


def test_a_broker_that_is_back_is_used_again(broker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setenv("CELERY_BROKER_URL", "redis://127.0.0.1:1/0")
        assert hand_to_worker(deliver_mail_task, 1) is False
    assert hand_to_worker(deliver_mail_task, 1) is False
    monkeypatch.setattr(dispatch.time, "monotonic", lambda: time.perf_counter() + 1e9)
    assert hand_to_worker(deliver_mail_task, 1) is True


def test_arguments_that_cannot_travel_raise_nothing_either(broker: str) -> None:
    assert hand_to_worker(deliver_mail_task, object()) is False
