"""What this machine does: pages and purchases of a local stack over real HTTP. Figures to look at; nothing is judged.

`make bench` starts a stack of its own, takes less than a minute, and leaves nothing behind.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import django

from tests.crowd import environment_of, gather
from tests.stack import Stack
from tests.web_reader import WebReader, timing, together

AT_ONCE = 8
PAGE_SECONDS = 3
PURCHASE_SECONDS = 10
MOST_PURCHASES = 160


def repeat(readers: Sequence[WebReader], what: str, act: Callable[[WebReader], object], seconds: float) -> str:
    """Let each reader do it again and again; one line of the table."""
    deadline = time.monotonic() + seconds

    def go_on(reader: WebReader) -> int:
        done = 0
        while time.monotonic() < deadline:
            act(reader)
            done += 1
        return done

    started = time.monotonic()
    done = sum(together(readers, go_on))
    return line(what, done, time.monotonic() - started, timing(readers, what))


def buy_seats(readers: Sequence[WebReader], slug: str) -> list[str]:
    """Eight buyers at a time, one purchase each, until the time is over: the lines of the table."""
    deadline, waiting, bought = time.monotonic() + PURCHASE_SECONDS, iter(readers), []

    def buy_in_turn(queue: Iterator[WebReader]) -> None:
        while time.monotonic() < deadline and (reader := next(queue, None)):
            reader.pay(reader.reserve(slug).location)
            bought.append(reader)

    started = time.monotonic()
    # The list's iterator is shared: each `next` is one step of the interpreter, so nobody is served twice.
    together([waiting] * AT_ONCE, buy_in_turn)
    seconds = time.monotonic() - started
    per_step = [line(what, len(bought), seconds, timing(bought, what)) for what in ("reserve form", "reserve", "return page")]
    return [*per_step, line("whole purchases", len(bought), seconds, f"{AT_ONCE} buyers at a time")]


def line(what: str, done: int, seconds: float, note: str) -> str:
    return f"{what:<28}{done:>8}{done / seconds:>12.1f}   {note}"


def statements_of_a_purchase(slug: str, cookie: str) -> int:
    """Statements that one purchase sends to the database, counted inside a process of the stack's environment."""
    django.setup()
    from django.conf import settings
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from subscriptions.models import Order
    from tests.stripe_simulator.control import SimulatorControl

    client = Client(SERVER_NAME="127.0.0.1")
    client.cookies["sessionid"] = cookie
    form = client.get(f"/sessions/{slug}/reserve/").content.decode()
    fields = dict(re.findall(r'<input[^>]* name="(\w+)"[^>]* value="([^"]*)"', form))
    with CaptureQueriesContext(connection) as reserving:
        assert client.post(f"/sessions/{slug}/reserve/", fields).status_code == 303
    order = Order.objects.get(live_session__slug=slug)
    assert order.stripe_checkout_session_id
    stripe = SimulatorControl(settings.STRIPE_API_BASE)
    # A webhook that comes while we look would make us look twice.
    stripe.withhold_webhooks()
    stripe.pay(order.stripe_checkout_session_id)
    with CaptureQueriesContext(connection) as returning:
        assert client.get(f"/orders/{order.number}/?returned=paid").status_code == 200
    asked = [*reserving.captured_queries, *returning.captured_queries]
    return sum(query["sql"] not in ("BEGIN", "COMMIT") for query in asked)


def count_statements(stack: Stack) -> int:
    slug, [reader] = gather(stack, readers=1, capacity=1)
    command = [sys.executable, "-m", "tests.bench.bench_purchase", slug, reader.cookies["sessionid"]]
    answer = subprocess.run(command, env=environment_of(stack), check=True, stdout=subprocess.PIPE, text=True)
    return int(answer.stdout.split()[-1])


def main() -> None:
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="redreport-bench-") as folder, Stack(Path(folder) / "run", DJANGO_DEBUG="0") as stack:
        ready = time.monotonic() - started
        slug, readers = gather(stack, readers=MOST_PURCHASES, capacity=MOST_PURCHASES)
        signed_in = readers[-AT_ONCE:]
        signed_out = [WebReader(stack.url, {}) for _ in range(AT_ONCE)]
        print(f"{'':<28}{'done':>8}{'per second':>12}")
        for what, who, path in (
            ("session page, signed out", signed_out, f"/sessions/{slug}/"),
            ("session page, signed in", signed_in, f"/sessions/{slug}/"),
            ("schedule, signed out", signed_out, "/sessions/"),
        ):
            print(repeat(who, what, lambda reader, what=what, path=path: reader.get(what, stack.url + path), PAGE_SECONDS))  # type: ignore[misc]
        for figure in buy_seats(readers, slug):
            print(figure)
        statements = count_statements(stack)
    print(
        f"{statements} statements a purchase; ready in {ready:.1f} s; {os.cpu_count()} processors, {AT_ONCE} readers at a time."
    )


if __name__ == "__main__":
    if sys.argv[1:]:
        print(statements_of_a_purchase(*sys.argv[1:]))
    else:
        main()
