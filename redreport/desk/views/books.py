"""The books: tables and plots by month, the rows behind each figure, and both as files."""

import re
from collections.abc import Iterator
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.views.decorators.http import require_safe

from redreport import clock
from redreport.accounts.selectors import signed_in
from redreport.audit.exporting import record_export
from redreport.desk.books.definitions import EVENT_WORDS, RULES, Section, Unit
from redreport.desk.books.drawings import plot_of
from redreport.desk.books.months import Span, chosen_span, parse_month
from redreport.desk.books.reading import Books, read_books
from redreport.desk.books.rows import Behind, Row, find_figure
from redreport.desk.books.tables import Table, Value, table_of, tables_of
from redreport.desk.views.common import desk_page, render_page
from redreport.spreadsheets import FORMATS, download, major
from subscriptions.models import Payment

ROWS_ON_A_PAGE = 100
VIEW_BOOKS = "desk.view_books"
_IS_PAGE = re.compile(r"[1-9][0-9]{0,5}")


@require_safe
@desk_page(VIEW_BOOKS)
def books(request: HttpRequest) -> HttpResponse:
    """All tables of the chosen months, each with its plot."""
    read = _read(request)
    tables = [(table, plot_of(table)) for table in tables_of(read)]
    context = {
        "title": "Books",
        "span": read.span,
        "until": read.until,
        "asked": _asked(read.span),
        "tables": tables,
        "rules": RULES,
        "is_whole": not any(number for table, _ in tables for number in table.column("difference")),
    }
    return render_page(request, "books.html", context)


@require_safe
@desk_page(VIEW_BOOKS)
def books_table(request: HttpRequest, section: str, extension: str) -> HttpResponseBase:
    """One table as a file."""
    table = _table(request, section, extension)
    response, rows = download(name=f"books-{table.name}", extension=extension, headers=table.headers, rows=table.rows)
    _write_down(request, f"Books, {table.name}", rows, extension)
    return response


@require_safe
@desk_page(VIEW_BOOKS)
def books_plot(request: HttpRequest, section: str) -> HttpResponse:
    """One plot as a file of its own."""
    plot = plot_of(_table(request, section))
    if plot is None:
        raise Http404
    headers = {"Content-Disposition": f'attachment; filename="books-{plot.name}.svg"'}
    return HttpResponse(plot.as_file(), content_type="image/svg+xml", headers=headers)


@require_safe
@desk_page(VIEW_BOOKS)
def books_rows(request: HttpRequest) -> HttpResponse:
    """The rows that a figure is the sum of, a page at a time."""
    behind = _behind(request)
    asked_for = request.GET.get("page", "")
    page = behind.page(int(asked_for) if _IS_PAGE.fullmatch(asked_for) else 1, ROWS_ON_A_PAGE)
    context = {
        "title": behind.figure.label,
        "behind": behind,
        "total": Value(behind.figure, behind.month, page.total),
        "rows": [_shown(behind, row) for row in page.rows],
        "page": page,
        "asked": _asked_again(request),
    }
    return render_page(request, "books_rows.html", context)


@require_safe
@desk_page(VIEW_BOOKS)
def books_rows_file(request: HttpRequest, extension: str) -> HttpResponseBase:
    """All rows of a figure as a file."""
    if extension not in FORMATS:
        raise Http404
    behind = _behind(request)
    name = f"books-{behind.figure.name}-{behind.currency or 'seats'}-{behind.month}".replace("_", "-")
    headers = ["At", "What", "Reader", "Attendee", "Session", "Order", "Amount", "Currency"]
    response, rows = download(name=name, extension=extension, headers=headers, rows=_plain_rows(behind))
    _write_down(request, f"Books, {behind.figure.name} of {behind.month}", rows, extension)
    return response


def _read(request: HttpRequest) -> Books:
    now = clock.now()
    return read_books(span=chosen_span(request.GET.get("from", ""), request.GET.get("to", ""), now), now=now)


def _table(request: HttpRequest, section: str, extension: str = "csv") -> Table:
    currency = request.GET.get("currency", "")
    if section not in list(Section) or extension not in FORMATS:
        raise Http404
    read = _read(request)
    if section != Section.SEATS and currency not in read.currencies:
        raise Http404
    return table_of(read, Section(section), currency)


def _behind(request: HttpRequest) -> Behind:
    figure, month, now = find_figure(request.GET.get("figure", "")), parse_month(request.GET.get("month", "")), clock.now()
    if figure is None or month is None:
        raise Http404
    span = chosen_span(request.GET.get("from", ""), request.GET.get("to", ""), now)
    return Behind(figure, request.GET.get("currency", ""), month, span, now)


def _shown(behind: Behind, row: Row) -> dict[str, Any]:
    """A row as the list shows it."""
    return {
        "at": row.at,
        "what": EVENT_WORDS.get(row.event, row.event),
        "row": row,
        "amount": Value(behind.figure, behind.month, row.amount).words,
    }


def _plain_rows(behind: Behind) -> Iterator[list[Any]]:
    is_money = behind.figure.unit == Unit.MONEY
    for row in behind.each():
        what = EVENT_WORDS.get(row.event, row.event)
        about = [row.at, what, row.reader, row.attendee, row.live_session, row.order_number]
        yield [*about, major(row.amount) if is_money else row.amount, behind.currency.upper()]


def _asked(span: Span) -> str:
    """The chosen months, as they stand in an address."""
    return f"from={span.first}&to={span.last}"


def _asked_again(request: HttpRequest) -> str:
    """What was asked, but for the page's number."""
    asked: QueryDict = request.GET.copy()
    asked.pop("page", None)
    return asked.urlencode()


def _write_down(request: HttpRequest, what: str, rows: int, extension: str) -> None:
    record_export(actor=signed_in(request), target=Payment, what=what, rows=rows, extension=extension, now=clock.now())
