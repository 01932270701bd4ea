"""The desk over a hundred thousand seats: how long its pages take, and how many questions they ask. Figures to look at.

`make bench` runs it with a database of its own, takes about two minutes, and leaves nothing behind.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests import environment

SEATS, SESSIONS = 100_000, 1_000


def measure(what: str, act: Callable[[], object]) -> str:
    """One line of the table: the better of two runs, and what the second asked."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    seconds, asked = [], 0
    for _ in range(2):
        with CaptureQueriesContext(connection) as captured:
            started = time.monotonic()
            size = act()
            seconds.append(time.monotonic() - started)
        asked = len(captured.captured_queries)
    return f"{what:<28}{min(seconds):>10.2f}{asked:>10}   {size}"


def main() -> None:
    assert environment.DATABASE, "it fills a database of its own: unset DATABASE_URL"
    environment.apply()
    database = environment.DATABASE.start(log=Path(environment.FOLDER) / "database.log")
    try:
        environment.DATABASE.create_database("redreport")
        _measure_all()
    finally:
        database.stop()


def _measure_all() -> None:
    import django

    django.setup()
    from django.core.management import call_command
    from django.test import Client
    from django.test.utils import setup_test_environment

    from redreport import clock
    from tests.bench.hundred_thousand import fill
    from tests.factories import make_staff

    setup_test_environment(debug=False)
    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    started = time.monotonic()
    load = fill(seats=SEATS, sessions=SESSIONS, now=clock.now())
    print(f"{SEATS:,} seats in {SESSIONS:,} sessions made in {time.monotonic() - started:.1f} s")
    desk = Client()
    desk.force_login(make_staff())

    def page(address: str) -> Callable[[], str]:
        def get() -> str:
            answer = desk.get(address)
            assert answer.status_code == 200, (address, answer.status_code)
            return f"{len(answer.content):,} bytes"

        return get

    def export(address: str, extension: str) -> Callable[[], str]:
        def take() -> str:
            answer: Any = desk.post(address, {"format": extension})
            assert answer.status_code == 200, (address, answer.status_code)
            return f"{sum(len(part) for part in answer.streaming_content):,} bytes"

        return take

    session_id = load.live_session_ids[len(load.live_session_ids) // 2]
    roster = f"/admin/desk/sessions/{session_id}/roster/"
    print(f"{'':<28}{'seconds':>10}{'queries':>10}")
    for what, act in (
        ("home of the desk", page("/admin/")),
        ("roster of a session", page(roster)),
        ("rosters of all sessions", page("/admin/desk/rosterseat/")),
        ("sessions", page("/admin/sessions_live/livesession/")),
        ("orders", page("/admin/subscriptions/order/")),
        ("orders, searched", page("/admin/subscriptions/order/?q=load-77@example.com")),
        ("orders, page 500", page("/admin/subscriptions/order/?p=500")),
        ("payments", page("/admin/subscriptions/payment/")),
        ("ledger of credits", page("/admin/subscriptions/creditentry/")),
        ("books", page("/admin/desk/books/")),
        ("books, rows of a figure", page(f"/admin/desk/books/rows/?figure=earned_total&currency=usd&month={_month()}")),
        ("books, rows as they stand", page(f"/admin/desk/books/rows/?figure=unused&currency=usd&month={_month()}")),
        ("roster as CSV", export(roster + "export/", "csv")),
        ("orders as CSV", export("/admin/subscriptions/order/export/", "csv")),
        ("orders as XLSX", export("/admin/subscriptions/order/export/", "xlsx")),
        ("ledger as CSV", export("/admin/subscriptions/creditentry/export/", "csv")),
    ):
        print(measure(what, act), flush=True)


def _month() -> str:
    from redreport import clock
    from redreport.desk.books.months import month_of

    return str(month_of(clock.now()).plus(-2))


if __name__ == "__main__":
    main()
