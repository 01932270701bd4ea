"""Reading the report of participants that the meeting's provider gives as CSV, as Zoom writes it and as Excel saves it again.

Zoom's report may begin with a block about the meeting; its heads change with the version and the language; whoever lost the line
stands in several rows. Times in it are of no known zone: they are shown, and never reckoned with.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from redreport.desk.sheets import DELIMITERS, Unreadable, decode
from redreport.text import EMAIL_LENGTH

LARGEST_BYTES = 1_000_000
MOST_ROWS = 2000
LONGEST_NAME = 300
# The heads stand within so many rows, if there are any.
HEADS_WITHIN = 30
MAIL_WORDS = ("mail", "correo", "メール", "邮箱", "電郵")
# 'Nome (nome originale)': the first head of a report in another language.
NAME_AND_ORIGINAL = re.compile(r"[^\d()]+\([^\d()]+\)")


@dataclass(frozen=True)
class Participant:
    """Somebody who was in the meeting, in however many rows."""

    name: str
    email: str = ""
    # As the report says it.
    joined: str = ""
    minutes: int = 0

    @property
    def key(self) -> str:
        """The same in each of their rows."""
        return self.email or f"name {folded(self.name)}"

    @property
    def names(self) -> list[str]:
        """The names under which they may stand on the roster: of 'Ada L. (Ada Lovelace)' all three, folded."""
        shown, _, original = self.name.partition("(")
        return [name for name in dict.fromkeys(folded(part) for part in (self.name, shown, original.rstrip(") "))) if name]


@dataclass(frozen=True)
class _Columns:
    """Where what stands in a row; -1 where the report does not say it."""

    name: int
    email: int
    joined: int
    minutes: int
    waiting_room: int


def folded(text: str) -> str:
    """Names that look alike are alike: whatever their case, width and spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def read_report(data: bytes) -> list[Participant]:
    """Everybody in a report, once each, in its order. Refuses with Unreadable."""
    if len(data) > LARGEST_BYTES:
        raise Unreadable("The file is larger than 1 MB. A report of participants is much smaller: is it the right file?")
    text = _decoded(data)
    for delimiter in DELIMITERS:
        rows = _rows(text, delimiter)
        for index, heads in enumerate(rows[:HEADS_WITHIN]):
            columns = _columns(heads, rows[index + 1 :])
            if columns:
                return _participants(rows[index + 1 :], columns)
    raise Unreadable(
        "No column of names was found. Download the report of participants from the meeting's provider as CSV: "
        "one column is called “Name (original name)”."
    )


def _decoded(data: bytes) -> str:
    if not data.strip():
        raise Unreadable("The file is empty.")
    text, _ = decode(data)
    if "\x00" in text:
        raise Unreadable("This is no text that can be read. Take the CSV file of the report as it was downloaded.")
    return text


def _rows(text: str, delimiter: str) -> list[list[str]]:
    rows = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            rows.append([" ".join(cell.split()) for cell in row])
            if len(rows) > MOST_ROWS + HEADS_WITHIN:
                raise Unreadable(f"The file has more than {MOST_ROWS:,} rows: is it the right one?")
    except csv.Error:
        raise Unreadable("The file is no proper CSV: a quotation mark may be missing in it.") from None
    return rows


def _columns(heads: Sequence[str], below: Sequence[Sequence[str]]) -> _Columns | None:
    """What the heads say, or None where they are none. The block about the meeting has its host's address too, but no name."""
    cells = [folded(head) for head in heads]
    names = [index for index, cell in enumerate(cells) if cell in ("name", "participant") or cell.startswith("name (")]
    if not names and NAME_AND_ORIGINAL.fullmatch(cells[0] if cells else ""):
        names = [0]
    # One cell alone is a row that is separated by something else.
    if not names or len(cells) == 1:
        return None
    name = names[0]
    emails = [index for index, cell in enumerate(cells) if index > name and any(word in cell for word in MAIL_WORDS)]
    emails += [name + 1] if any("@" in cell for row in below for cell in row[name + 1 : name + 2]) else []

    def place_of(word: str) -> int:
        return next((index for index, cell in enumerate(cells) if index > name and word in cell), -1)

    return _Columns(name, emails[0] if emails else -1, place_of("join"), place_of("duration"), place_of("waiting room"))


def _participants(rows: Iterable[Sequence[str]], columns: _Columns) -> list[Participant]:
    found: dict[str, Participant] = {}
    for row in rows:
        participant = _participant(row, columns)
        if participant:
            first = found.get(participant.key)
            found[participant.key] = replace(first, minutes=first.minutes + participant.minutes) if first else participant
    if not found:
        raise Unreadable("The report names no participants.")
    if len(found) > MOST_ROWS:
        raise Unreadable(f"The report names more than {MOST_ROWS:,} participants.")
    return list(found.values())


def _participant(row: Sequence[str], columns: _Columns) -> Participant | None:
    """Who stands in a row; nobody where they only waited to be let in."""

    def cell(place: int) -> str:
        return row[place] if 0 <= place < len(row) else ""

    if folded(cell(columns.waiting_room)) == "yes":
        return None
    email = cell(columns.email).lower() if "@" in cell(columns.email) else ""
    name = cell(columns.name) or email
    minutes = cell(columns.minutes)
    if not name:
        return None
    return Participant(
        name[:LONGEST_NAME],
        email[:EMAIL_LENGTH],
        cell(columns.joined)[:40],
        int(minutes) if re.fullmatch(r"\d{1,5}", minutes) else 0,
    )
