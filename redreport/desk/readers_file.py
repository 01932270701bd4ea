"""A list of readers who had signed up by mail, as staff keep it in a spreadsheet: every row read and checked by itself."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from redreport import policy
from redreport.desk.credit_terms import day_written, fault_of_day, good_until
from redreport.desk.sheets import SheetRow, read_sheet
from redreport.text import EMAIL_LENGTH, FIRM_LENGTH, NAME_LENGTH, validate_one_line
from subscriptions.models import CreditGrant
from subscriptions.operations.importing import ReaderToImport

MOST_ROWS = 2000
# Counted in UTF-8 with the line ends of a browser: so much is sent on by the preview, within the bounds of a request.
MOST_BYTES = 1_000_000
COLUMNS = {
    "email": "email",
    "emailaddress": "email",
    "name": "name",
    "firm": "firm",
    "credits": "credits",
    "creditsuntil": "credits_until",
    "note": "note",
}
REQUIRED = frozenset({"email", "name"})
LENGTHS = {
    "email": EMAIL_LENGTH,
    "name": NAME_LENGTH,
    "firm": FIRM_LENGTH,
    "note": CreditGrant._meta.get_field("reason").max_length or 0,
}
# A spreadsheet takes what begins like this for a formula, whenever the list is exported again.
BEGINS_A_FORMULA = ("=", "+", "-", "@")


@dataclass(frozen=True)
class ReaderRow:
    """A line of the list: who is to be imported, or what must be mended first."""

    line: int
    reader: ReaderToImport
    fault: str = ""

    @property
    def about(self) -> str:
        """'Line 3: ada@example.com, Ada Okafor'."""
        said = [words for words in (self.reader.email, self.reader.name) if words]
        return f"Line {self.line}: {', '.join(said) or 'unreadable'}"


def read_readers(text: str, now: datetime) -> list[ReaderRow]:
    """Every row of the list, checked. Refuses with Unreadable where it is no list of readers at all."""
    return list(_told_apart(_read(row, now) for row in read_sheet(text, columns=COLUMNS, required=REQUIRED, most_rows=MOST_ROWS)))


def _told_apart(rows: Iterator[ReaderRow]) -> Iterator[ReaderRow]:
    """Of two rows with one address the second is at fault."""
    lines: dict[str, int] = {}
    for row in rows:
        first = lines.setdefault(row.reader.email, row.line) if row.reader.email else row.line
        if first == row.line:
            yield row
        else:
            twice = f"This address stands on line {first} already: one row for each reader."
            yield replace(row, fault=_joined([row.fault, twice]))


def _read(row: SheetRow, now: datetime) -> ReaderRow:
    if row.fault:
        return ReaderRow(row.line, ReaderToImport("", ""), row.fault)
    cells = {name: row.cells.get(name, "") for name in set(COLUMNS.values())}
    faults = [*_faults_of_words(cells), *_faults_of_credits(cells, now)]
    day, credits = day_written(cells["credits_until"]), _number(cells["credits"]) or 0
    reader = ReaderToImport(
        email=cells["email"].lower()[:EMAIL_LENGTH],
        name=cells["name"][:NAME_LENGTH],
        firm=cells["firm"],
        credits=credits,
        expires_at=good_until(day) if day and credits and not faults else None,
        reference=cells["note"],
    )
    return ReaderRow(row.line, reader, _joined(faults))


def _faults_of_words(cells: Mapping[str, str]) -> Iterator[str]:
    try:
        validate_email(cells["email"])
    except ValidationError:
        yield "The address is missing." if not cells["email"] else "The address is not one that can be written to."
    if not cells["name"]:
        yield "The name is missing."
    for column, most in LENGTHS.items():
        words = cells[column]
        if len(words) > most:
            yield f"The {column} is longer than {most} characters."
        if words.startswith(BEGINS_A_FORMULA):
            yield f"The {column} begins with “{words[0]}”, as a formula does. Write it without."
        try:
            validate_one_line(words)
        except ValidationError:
            yield f"The {column} has a control character in it, such as a tab. Type it anew."


def _faults_of_credits(cells: Mapping[str, str], now: datetime) -> Iterator[str]:
    credits, until = _number(cells["credits"]), cells["credits_until"]
    if credits is None or credits > policy.MOST_CREDITS_GIVEN:
        yield f"Credits is a whole number from 0 to {policy.MOST_CREDITS_GIVEN}."
        return
    if not credits:
        if until and not cells["credits"]:
            yield "There is a day for credits, and no number of them. Write 0 if there are none."
        return
    if not cells["note"]:
        yield "Credits need a note, such as the number of the invoice: it keeps them from being granted twice."
    day = day_written(until)
    fault = fault_of_day(day, now) if isinstance(day, date) else "Write it as 2027-12-31 or 31 Dec 2027."
    if fault:
        yield f"credits_until: {fault}"


def _number(text: str) -> int | None:
    """A whole number, 0 for an empty cell, None for anything else."""
    if not text:
        return 0
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else None


def _joined(faults: list[str]) -> str:
    return " ".join(fault for fault in faults if fault)
