"""Tables that people upload or paste: whatever their spreadsheet calls CSV, read line by line.

A cell stands on one line. So a quotation mark that is never closed spoils its own line, and none of those after it.
"""

import codecs
import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

DELIMITERS = (",", ";", "\t")
# How a workbook of Excel's begins, the new kind and the old one.
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
# 'sep=;': Excel's own first line.
SEPARATOR_LINE = re.compile(r'\s*"?sep=(.)"?\s*', re.IGNORECASE)
LINE_END = re.compile(r"\r\n|\r|\n")


class Unreadable(Exception):
    """No table can be made of it; the message says what to do about it."""


@dataclass(frozen=True)
class SheetRow:
    """A line of the table: what stands under each known column, without the spaces around it; or why it cannot be read."""

    line: int
    cells: Mapping[str, str]
    fault: str = ""


def decode(content: bytes) -> tuple[str, bool]:
    """The text of a file, and whether its alphabet had to be guessed. Refuses with Unreadable."""
    if content.startswith(WORKBOOKS):
        raise Unreadable("This is a workbook. Save it as “CSV UTF-8” in the spreadsheet, and upload that.")
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif b"\0" in content[:2]:
        # Without a mark at its beginning; the names of the columns are plain letters, every other byte of them is nought.
        encoding = "utf-16-be" if content[:1] == b"\0" else "utf-16-le"
    else:
        encoding = "utf-8-sig"
    try:
        return content.decode(encoding), False
    except UnicodeDecodeError:
        pass
    try:
        return content.decode("cp1252"), True
    except UnicodeDecodeError:
        raise Unreadable("Its letters cannot be read. Save it as “CSV UTF-8” in the spreadsheet, and upload that.") from None


def read_sheet(text: str, *, columns: Mapping[str, str], required: frozenset[str], most_rows: int) -> list[SheetRow]:
    """The rows below the line that names the columns, empty ones left out. `columns` has the known names in plain letters, as
    `plain_name` makes them, and what each is called here.

    Refuses with Unreadable a table without the required columns, with one that is not known or named twice, or too many
    rows.
    """
    lines = [(number, line) for number, line in enumerate(LINE_END.split(text.removeprefix("\ufeff")), 1) if line.strip()]
    separator = SEPARATOR_LINE.fullmatch(lines[0][1]) if lines else None
    if separator:
        del lines[0]
    if not lines:
        raise Unreadable("There is nothing in it.")
    delimiter = separator[1] if separator else _delimiter_of(lines[0][1], columns)
    header = _header(lines[0][1], delimiter, columns, required)
    rows = list(_rows(lines[1:], delimiter, header))
    if len(rows) > most_rows:
        raise Unreadable(f"It has {len(rows)} rows. At most {most_rows} go at once: split it.")
    if not rows:
        raise Unreadable("It names the columns, and has no row below them.")
    return rows


def plain_name(name: str) -> str:
    """'E-mail' and 'e mail' are 'email'."""
    return re.sub(r"[^a-z]", "", name.lower())


def _delimiter_of(line: str, columns: Mapping[str, str]) -> str:
    """The sign that splits the line into the most known names."""
    return max(DELIMITERS, key=lambda sign: sum(plain_name(name) in columns for name in _split(line, sign) or ()))


def _header(line: str, delimiter: str, columns: Mapping[str, str], required: frozenset[str]) -> list[str]:
    names = _split(line, delimiter) or []
    while names and not names[-1]:
        names.pop()
    unknown = [name or "one without a name" for name in names if plain_name(name) not in columns]
    header = [columns[plain_name(name)] for name in names if plain_name(name) in columns]
    missing = sorted(required - set(header))
    known = ", ".join(dict.fromkeys(columns.values()))
    if missing:
        raise Unreadable(f"The first line must name the columns, and it lacks {', '.join(missing)}. Known are: {known}.")
    if unknown:
        raise Unreadable(f"These columns are not known: {', '.join(unknown)[:200]}. Take them out. Known are: {known}.")
    twice = sorted(name for name, times in Counter(header).items() if times > 1)
    if twice:
        raise Unreadable(f"These columns stand there twice: {', '.join(twice)}.")
    return header


def _rows(lines: list[tuple[int, str]], delimiter: str, header: list[str]) -> Iterator[SheetRow]:
    for number, line in lines:
        cells = _split(line, delimiter)
        if cells is None:
            fault = "The quotation marks do not fit. Each row stands on one line, and no cell has a line break in it."
            yield SheetRow(number, {}, fault)
        elif any(cells[len(header) :]):
            yield SheetRow(number, {}, f"It has {len(cells)} cells, and the first line names {len(header)} columns.")
        elif any(cells):
            yield SheetRow(number, dict(zip(header, cells, strict=False)))


def _split(line: str, delimiter: str) -> list[str] | None:
    """The cells of one line; None where its quotation marks do not fit."""
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter, strict=True))]
    except csv.Error:
        return None
