"""The desk's lists, files and books ask the database the same questions for ten rows and for a hundred."""

from collections.abc import Callable

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from redreport import clock
from redreport.desk.books.months import Span, month_of
from redreport.desk.books.reading import read_books
from sessions_live.models import Seat
from subscriptions.models import CreditEntry, Order, Payment, SeatCoverage
from tests.bench.hundred_thousand import Load, fill
from tests.bookkeeping import assert_every_cent_is_accounted_for
from tests.factories import make_staff
from tests.test_exports import body_of

PAGES: dict[str, Callable[[Load], str]] = {
    "home": lambda load: "/admin/",
    "roster": lambda load: f"/admin/desk/sessions/{load.live_session_ids[0]}/roster/",
    "rosters": lambda load: "/admin/desk/rosterseat/",
    "orders": lambda load: "/admin/subscriptions/order/",
    "payments": lambda load: "/admin/subscriptions/payment/",
    "refunds": lambda load: "/admin/subscriptions/refund/",
    "ledger": lambda load: "/admin/subscriptions/creditentry/",
    "subscribers": lambda load: "/admin/subscriptions/subscriber/",
    "books": lambda load: "/admin/desk/books/",
    "rows of the books": lambda load: f"/admin/desk/books/rows/?figure=unused&currency=usd&month={month_of(clock.now())}",
}
FILES: dict[str, Callable[[Load], str]] = {
    "roster": lambda load: f"/admin/desk/sessions/{load.live_session_ids[0]}/roster/export/",
    "orders": lambda load: "/admin/subscriptions/order/export/",
    "payments": lambda load: "/admin/subscriptions/payment/export/",
    "refunds": lambda load: "/admin/subscriptions/refund/export/",
    "ledger": lambda load: "/admin/subscriptions/creditentry/export/",
    "subscribers": lambda load: "/admin/subscriptions/subscriber/export/",
}


def questions_for(act: Callable[[Load], None], seats: int) -> int:
    """What is asked where so many seats are in two sessions, which are gone afterwards. The first time, which fills caches, does
    not count."""
    with transaction.atomic():
        load = fill(seats=seats, sessions=2, now=clock.now())
        act(load)
        with CaptureQueriesContext(connection) as captured:
            act(load)
        transaction.set_rollback(True)
    return len(captured.captured_queries)


@pytest.fixture
def desk(db: None) -> Client:
    client = Client()
    client.force_login(make_staff())
    return client


@pytest.mark.parametrize("page", PAGES)
def test_page_asks_as_much_for_a_hundred_rows_as_for_ten(desk: Client, page: str) -> None:
    def look(load: Load) -> None:
        assert desk.get(PAGES[page](load)).status_code == 200

    assert questions_for(look, 20) == questions_for(look, 200) <= 14


@pytest.mark.parametrize("extension", ["csv", "xlsx"])
@pytest.mark.parametrize("what", FILES)
def test_file_asks_as_much_for_a_hundred_rows_as_for_ten(desk: Client, what: str, extension: str) -> None:
    def take(load: Load) -> None:
        answer = desk.post(FILES[what](load), {"format": extension})
        assert answer.status_code == 200
        assert body_of(answer)

    assert questions_for(take, 20) == questions_for(take, 200) <= 10


@pytest.mark.django_db
def test_what_is_made_in_bulk_is_business_whose_every_cent_is_accounted_for() -> None:
    fill(seats=1000, sessions=50, now=clock.now())
    assert (Seat.objects.count(), SeatCoverage.objects.count()) == (1000, 1000)
    assert (Order.objects.count(), Payment.objects.count(), CreditEntry.objects.filter(kind="spend").count()) == (800, 900, 150)
    assert_every_cent_is_accounted_for()
    now = clock.now()
    month = month_of(now)
    books = read_books(span=Span(month, month), now=now)
    taken_in = 100 * 250000 + 800 * 25000
    assert books.so_far("payments", "usd", month) == taken_in
    assert books.so_far("earned_total", "usd", month) + books.so_far("owed_total", "usd", month) == taken_in - 20 * 25000
