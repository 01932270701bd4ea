"""The pages of the books: every figure leads to the rows that make it, and tables and plots can be taken away."""

import re
from datetime import timedelta
from decimal import Decimal
from html import unescape
from xml.etree import ElementTree

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from redreport.audit.models import AuditEntry
from redreport.desk.books.plots import Plot, Series
from tests.bookkeeping import day, pass_to, session_on
from tests.canceling import book, cancel
from tests.factories import make_guest_seat, make_staff, make_user
from tests.fixtures_shop import Shop
from tests.test_exports import body_of, rows_of, sheet_of, unsafe_parts
from tests.timeline import Timeline

BOOKS = "/admin/desk/books/"
SPAN = "?from=2026-12&to=2027-02"


@pytest.fixture
def desk(transactional_db: None) -> Client:
    client = Client()
    client.force_login(make_staff())
    return client


@pytest.fixture
def business(timeline: Timeline) -> Shop:
    """A seat and a year sold, a seat given back, a credit used, another booked."""
    shop = timeline.shop
    timeline.go_to(day(1, 10))
    live_session, later = session_on(day(1, 20)), session_on(day(3, 20))
    shop.sell_seat(make_user("Ada", email="ada@example.com"), live_session)
    year = shop.begin_year(make_user("Bo", email="bo@example.com"))
    book(year.subscriber.user, live_session)
    book(year.subscriber.user, later)
    cancel(shop.sell_seat(live_session=later))
    make_guest_seat(live_session)
    pass_to(timeline, day(2, 5))
    return shop


def figures_on(page: str) -> list[tuple[str, str]]:
    """Where each figure leads, and what it says."""
    return [(unescape(address), words) for address, words in re.findall(r'<td><a href="([^"]+)">([^<]+)</a></td>', page)]


def test_every_figure_leads_to_rows_that_sum_to_it(business: Shop, desk: Client) -> None:
    answer = desk.get(BOOKS + SPAN)
    page = answer.content.decode()
    assert unsafe_parts(answer) == []
    assert "All cash is accounted for, to the cent." in page
    links = figures_on(page)
    assert len(links) > 25
    for address, words in links:
        rows = desk.get(address).content.decode()
        said = re.search(r"<strong>([^<]+)</strong>, in (\d+) row", rows)
        assert said, address
        assert said[1].split()[0] == words.rstrip("%"), address
        amounts = re.findall(r'<td class="desk-number">([^<]+)</td>', rows)
        assert len(amounts) == int(said[2]), address
        assert sum(Decimal(amount.replace(",", "")) for amount in amounts) == Decimal(words.replace(",", "")), address


def test_rows_say_whom_they_are_about_and_lead_to_the_payment(business: Shop, desk: Client) -> None:
    rows = desk.get(BOOKS + "rows/?figure=earned_total&currency=usd&month=2027-01&from=2026-12&to=2027-02").content.decode()
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", rows))
    assert "Session of a paid seat ada@example.com" in text
    assert "Session of a seat by credit bo@example.com" in text
    assert re.search(r'href="/admin/subscriptions/payment/\d+/change/">Session of a paid seat<', rows)
    assert '?from=2026-12&amp;to=2027-02">Books</a>' in rows


def test_tables_are_taken_away_with_numbers_as_numbers(business: Shop, desk: Client) -> None:
    answer = desk.get(BOOKS + "earned.csv" + SPAN + "&currency=usd")
    table = rows_of(body_of(answer))
    assert [(row["Month"], row["Currency"], row["Paid seats"], row["Credits used"]) for row in table] == [
        ("2026-12", "USD", "0.00", "0.00"),
        ("2027-01", "USD", "250.00", "208.34"),
        ("2027-02", "USD", "0.00", "0.00"),
    ]
    answer = desk.get(BOOKS + "seats.xlsx" + SPAN)
    sheet = sheet_of(body_of(answer))
    assert [cell.value for cell in sheet[1]][:3] == ["Month", "Sold", "By credit"]
    assert [cell.value for cell in sheet[3]][:3] == ["2027-01", 1, 1]
    said = list(AuditEntry.objects.filter(verb="exported").order_by("id").values_list("reason", flat=True))
    assert said == ["Books, earned-usd: 3 rows as CSV", "Books, seats: 3 rows as XLSX"]


def test_rows_are_taken_away_all_at_once(business: Shop, desk: Client) -> None:
    answer = desk.get(BOOKS + "rows.csv?figure=cash_total&currency=usd&month=2027-01")
    rows = rows_of(body_of(answer))
    assert [(row["What"], row["Amount"], row["Currency"]) for row in rows] == [
        ("Payment", "250.00", "USD"),
        ("Payment", "2500.00", "USD"),
        ("Payment", "250.00", "USD"),
        ("Refund", "-250.00", "USD"),
    ]
    assert AuditEntry.objects.get(verb="exported").reason == "Books, cash_total of 2027-01: 4 rows as CSV"


def test_plot_is_a_drawing_of_its_own_with_words_and_colors(business: Shop, desk: Client) -> None:
    answer = desk.get(BOOKS + "owed.svg" + SPAN + "&currency=usd")
    assert (answer["Content-Type"], answer["Content-Disposition"]) == (
        "image/svg+xml",
        'attachment; filename="books-owed-usd.svg"',
    )
    svg = ElementTree.fromstring(answer.content)
    name = "{http://www.w3.org/2000/svg}"
    assert svg.findtext(f"{name}title") == "Deferred, at the month's end, USD"
    assert svg.findtext(f"{name}desc") == (
        "Lines by month, Dec 2026 to Feb 2027: coming seats, booked credits, unused credits, deferred in all. "
        "The table beside it has the numbers."
    )
    said = [title.text for title in svg.iter(f"{name}title")]
    assert "Jan 2027, Unused credits: $2,083.32" in said
    assert not re.search(rb'\sclass="desk-plot-|\sstyle=', answer.content)
    on_page = desk.get(BOOKS + SPAN).content.decode()
    assert 'class="desk-plot-line-1"' in on_page
    assert "#0072b2" not in on_page


def test_plot_holds_numbers_below_zero_and_text_that_looks_like_tags() -> None:
    plot = Plot("p", "<b>", "&", ["Jan", "Feb"], [Series("<script>", [-5, 12])], str)
    svg = ElementTree.fromstring(plot.as_file())
    bars = [rect for rect in svg.iter("{http://www.w3.org/2000/svg}rect") if len(rect)]
    top, height = (float(bars[0].get(name, "")) for name in ("y", "height"))
    above = float(bars[1].get("y", "")) + float(bars[1].get("height", ""))
    assert (round(top - above, 1), bars[0][0].text) == (0.0, "Jan, <script>: -5")
    assert height > 0
    assert ElementTree.fromstring(Plot("p", "t", "d", [], [Series("s", [])], str).as_file()) is not None


def test_long_lists_of_rows_have_pages(business: Shop, desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("redreport.desk.views.books.ROWS_ON_A_PAGE", 3)
    address = BOOKS + "rows/?figure=cash_total&currency=usd&month=2027-01"
    first, second = (desk.get(f"{address}&page={number}").content.decode() for number in (1, 2))
    assert [page.count('<td class="desk-number">') for page in (first, second)] == [3, 1]
    assert "Page 1 of 2" in first
    assert "&amp;page=2" in first


@pytest.mark.parametrize(
    "address",
    [
        *[
            "rows/",
            "rows/?figure=fill&month=2027-01",
            "rows/?figure=payments&month=soon",
            "nothing.csv",
            "cash.json?currency=usd",
        ],
        *[
            "cash.csv?currency=chf",
            "nothing.svg",
            "rows.json?figure=payments&month=2027-01",
            "rows/?figure=difference&month=2027-01",
        ],
    ],
)
def test_what_the_books_do_not_have_is_not_found(desk: Client, address: str) -> None:
    assert desk.get(BOOKS + address).status_code == 404


@pytest.mark.parametrize("chosen", ["?from=x&to=y", "?from=9999-99", "?from=2999-12&to=2000-01", "?to=2999-12", ""])
def test_any_choice_of_months_is_answered(desk: Client, chosen: str) -> None:
    assert desk.get(BOOKS + chosen).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["", "rows/?figure=payments&month=2027-01", "cash.csv?currency=usd", "seats.svg"])
def test_books_are_for_those_who_may_see_them(address: str) -> None:
    client, colleague = Client(), make_user(email="colleague@example.com", is_staff=True)
    client.force_login(colleague)
    assert client.get(BOOKS + address).status_code == 403
    assert client.post(BOOKS + address).status_code == 405
    colleague.user_permissions.add(Permission.objects.get(codename="view_books"))
    assert client.get(BOOKS + address).status_code == 200
    assert Client().get(BOOKS + address).status_code == 302


def test_books_ask_the_same_questions_however_much_there_is(business: Shop, timeline: Timeline, desk: Client) -> None:
    def asked(address: str) -> tuple[int, int]:
        desk.force_login(staff)
        desk.get(address)
        with CaptureQueriesContext(connection) as captured:
            assert desk.get(address).status_code == 200
        return sum("postings" in query["sql"] for query in captured.captured_queries), len(captured.captured_queries)

    staff, rows = make_staff(), BOOKS + "rows/?figure=cash_total&currency=usd&month=2027-02"
    before = asked(BOOKS + SPAN), asked(rows)
    for number in range(4):
        business.sell_seat(live_session=session_on(day(2, 20 + number)))
    pass_to(timeline, day(2, 26) + timedelta(hours=1))
    assert (asked(BOOKS + SPAN), asked(rows)) == before
    assert (before[0][0], before[1][0]) == (3, 1)
