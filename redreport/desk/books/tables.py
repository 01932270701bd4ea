"""The books as tables: months down, figures across, one for each section and currency; for page, files and plots alike."""

from dataclasses import dataclass
from typing import Any

from redreport.desk.books.definitions import RECKONED, TITLES, Figure, Section, Unit
from redreport.desk.books.months import Month
from redreport.desk.books.reading import NONE, Books, figures_of
from redreport.money import MINOR_PER_MAJOR
from redreport.spreadsheets import major


@dataclass(frozen=True)
class Value:
    """One cell: the figure of its column in the month of its row."""

    figure: Figure
    month: Month
    number: int

    @property
    def words(self) -> str:
        """'1,234.50', '-0.01', '12', '37%'; the currency stands above the table."""
        if self.figure.unit == Unit.MONEY:
            sign, (whole, cents) = "-" * (self.number < 0), divmod(abs(self.number), MINOR_PER_MAJOR)
            return f"{sign}{whole:,}.{cents:02d}"
        return f"{self.number:,}" + "%" * (self.figure.unit == Unit.PERCENT)

    @property
    def has_rows(self) -> bool:
        """Whether rows of ours make it."""
        return self.number != 0 and self.figure.name not in RECKONED


@dataclass(frozen=True)
class Line:
    """A month's row."""

    month: Month
    values: list[Value]


@dataclass(frozen=True)
class Table:
    """A section in one currency; seats have none."""

    section: Section
    currency: str
    figures: list[Figure]
    lines: list[Line]
    # Whether it is the first of its section: its figures are explained once.
    is_first: bool = True

    @property
    def heading(self) -> str:
        """'Cash'."""
        return TITLES[self.section]

    @property
    def title(self) -> str:
        """'Cash, USD'."""
        return f"{self.heading}, {self.currency.upper()}" if self.currency else self.heading

    @property
    def name(self) -> str:
        """Of its files: 'cash-usd'."""
        return f"{self.section}-{self.currency}" if self.currency else str(self.section)

    def column(self, name: str) -> list[int]:
        """A figure's numbers, month by month."""
        return [value.number for line in self.lines for value in line.values if value.figure.name == name]

    @property
    def headers(self) -> list[str]:
        """The first row of its files."""
        return ["Month", *(["Currency"] if self.currency else []), *(figure.label for figure in self.figures)]

    @property
    def rows(self) -> list[list[Any]]:
        """The other rows of its files: amounts as decimals, all else as whole numbers."""
        currency = [self.currency.upper()] if self.currency else []
        return [[str(line.month), *currency, *(_plain(value) for value in line.values)] for line in self.lines]


def _plain(value: Value) -> Any:
    return major(value.number) if value.figure.unit == Unit.MONEY else value.number


def table_of(books: Books, section: Section, currency: str) -> Table:
    """One section's table."""
    currency = NONE if section == Section.SEATS else currency
    months = books.months_due if section == Section.DUE else books.span.months
    figures = figures_of(section)
    lines = [
        Line(month, [Value(figure, month, books.value(figure.name, currency, month)) for figure in figures]) for month in months
    ]
    return Table(section, currency, figures, lines, is_first=currency in (NONE, books.currencies[0]))


def tables_of(books: Books) -> list[Table]:
    """Every table: the money of each currency, one currency after the other, then the seats."""
    money = [section for section in Section if section != Section.SEATS]
    tables = [table_of(books, section, currency) for currency in books.currencies for section in money]
    return [*tables, table_of(books, Section.SEATS, NONE)]
