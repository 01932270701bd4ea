"""Tables as files that spreadsheet programs open. No text in them is taken for a formula; numbers stay numbers.

A file is written to the end before any of it is sent, on disk once it is large: it is never cut short by an error, and a hundred
thousand rows are not held in memory.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from django.http import FileResponse
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from redreport import policy
from redreport.money import MINOR_PER_MAJOR

IN_MEMORY = 1024 * 1024
# What a program may take for the beginning of a formula, or skip before one. Full-width and other forms are folded first.
BEGINS_FORMULA = frozenset("=+-@\u2212")
_SKIPPED = re.compile(r"^[\s\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff\"']+")
# XML holds none of these, and no name needs them.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
SIGN_OF_TEXT = "'"


def harmless(text: str) -> str:
    """
    The text as it can stand in a cell: what could begin a formula gets an apostrophe before it, the sign of plain text. Where a
    comma stands in numbers, spreadsheets begin a cell at each semicolon: so what follows one is looked at too.
    """
    parts = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text).split(";")
    return ";".join(SIGN_OF_TEXT + part if _could_begin_formula(part) else part for part in parts)


def _could_begin_formula(text: str) -> bool:
    begins = text[:1] in ("\t", "\r", "\n")
    rest = _SKIPPED.sub("", text)
    folded = unicodedata.normalize("NFKC", rest[:1])[:1]
    return begins or folded in BEGINS_FORMULA


def cell(value: Any) -> str | int | Decimal:
    """A value as it stands in a file: times in the house's zone with their offset, numbers as they are, text harmless."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | Decimal):
        return value
    if isinstance(value, datetime):
        return value.astimezone(policy.HOUSE_ZONE).isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    return harmless(str(value))


def major(amount_minor: int | None) -> Decimal | None:
    """An amount as bookkeepers write it: 250.00."""
    return None if amount_minor is None else (Decimal(amount_minor) / MINOR_PER_MAJOR).quantize(Decimal("0.01"))


def write_csv(file: IO[bytes], headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """Write a table in UTF-8, marked as such so that spreadsheet programs read names right; returns how many rows."""
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    writer, written = csv.writer(text), 0
    writer.writerow([cell(header) for header in headers])
    for row in rows:
        writer.writerow([cell(value) for value in row])
        written += 1
    text.detach()
    return written


def write_xlsx(file: IO[bytes], headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """Write a workbook of one sheet; returns how many rows. What is text is stored as text, and amounts with two places."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.freeze_panes = "A2"
    written = 0
    sheet.append([cell(header) for header in headers])
    for row in rows:
        sheet.append([_with_two_places(sheet, cell(value)) for value in row])
        written += 1
    book.save(file)
    return written


def _with_two_places(sheet: Any, value: str | int | Decimal) -> Any:
    if not isinstance(value, Decimal):
        return value
    number = WriteOnlyCell(sheet, value)
    number.number_format = "0.00"
    return number


Writer = Callable[[IO[bytes], Sequence[str], Iterable[Sequence[Any]]], int]

FORMATS: dict[str, tuple[str, Writer]] = {
    "csv": ("text/csv; charset=utf-8", write_csv),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", write_xlsx),
}


def download(*, name: str, extension: str, headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> tuple[FileResponse, int]:
    """The file of a table, `name.extension`, and how many rows it has. `extension` is one of `FORMATS`."""
    content_type, write = FORMATS[extension]
    file = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 (the response closes it)
    written = write(file, headers, rows)
    file.seek(0)
    response = FileResponse(file, as_attachment=True, filename=f"{name}.{extension}", content_type=content_type)
    response["Cache-Control"] = "no-store"
    return response, written
