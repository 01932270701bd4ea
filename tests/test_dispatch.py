"""The hand-off to a worker never raises and never keeps a reader waiting."""

import socket
import time
from collections.abc import Iterator
from threading import Thread

import pytest

from redreport import dispatch
from redreport.celery import app
from redreport.dispatch import hand_to_worker
from redreport.outbox.tasks import deliver_mail_task


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
