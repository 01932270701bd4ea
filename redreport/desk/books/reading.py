"""The books of a span of months, read in three questions to the database however much there is."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction

from redreport import policy
from redreport.desk.books.definitions import BY_NAME, FIGURES, TOTALS, Figure, Section
from redreport.desk.books.months import Month, Span, parse_month
from redreport.desk.books.postings import MONEY_AND_DUE, SEATS, YEARS

# Seats belong to no currency.
NONE = ""
_SUMS = """
SELECT currency, figure, to_char(at AT TIME ZONE %(zone)s, 'YYYY-MM'), sum(amount)::bigint
  FROM postings WHERE at <= %(until)s OR event = 'due' GROUP BY 1, 2, 3"""
AN_INSTANT = timedelta(microseconds=1)
# Later than anything that is booked or due.
NEVER = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Books:
    """What every figure was in each month of a span, by currency. Money in minor units."""

    span: Span
    # Up to this instant everything is counted: the span's end, or now.
    until: datetime
    flows: dict[tuple[str, str], dict[str, int]] = field(default_factory=dict)

    @property
    def currencies(self) -> list[str]:
        """Those in which any money ever moved; the house's first."""
        found = {currency for currency, _ in self.flows} - {NONE}
        return sorted(found, key=lambda currency: (currency != policy.CURRENCY, currency)) or [policy.CURRENCY]

    def value(self, name: str, currency: str, month: Month) -> int:
        """The figure in this month, or as it stood at its end; `fill` in whole percent."""
        figure = BY_NAME[name]
        if name == "fill":
            capacity = self.value("capacity", NONE, month)
            return 100 * self.value("seats_total", NONE, month) // capacity if capacity else 0
        if name == "difference":
            return self._difference(currency, month)
        return sum(self._sum(part, currency, month, is_standing=figure.is_standing) for part in TOTALS.get(name, (name,)))

    @property
    def months_due(self) -> list[Month]:
        """The months in which something that is owed at the end of the span comes due."""
        keys = {key for (_, name), by_month in self.flows.items() if name in TOTALS["due_total"] for key in by_month}
        months = (parse_month(key) for key in sorted(keys))
        return [month for month in months if month]

    def so_far(self, name: str, currency: str, month: Month) -> int:
        """All of it, from the first day of business to the end of this month."""
        return sum(self._sum(part, currency, month, is_standing=True) for part in TOTALS.get(name, (name,)))

    def _sum(self, name: str, currency: str, month: Month, *, is_standing: bool) -> int:
        by_month = self.flows.get((currency, name), {})
        if is_standing:
            return sum(amount for key, amount in by_month.items() if key <= str(month))
        return by_month.get(str(month), 0)

    def _difference(self, currency: str, month: Month) -> int:
        """What of the cash so far is accounted for by nothing."""
        accounted = ("tax", "earned_total", "owed_total", "on_its_way")
        rest = self.so_far("cash_total", currency, month) - sum(self.so_far(name, currency, month) for name in accounted)
        return rest + self.so_far("with_bank", currency, month)


def read_books(*, span: Span, now: datetime) -> Books:
    """The books of these months as our rows have it now. Three queries."""
    until = min(now, span.last.ends_at - AN_INSTANT)
    flows: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for postings, bound in ((MONEY_AND_DUE, until), (SEATS, span.last.ends_at - AN_INSTANT), (YEARS, until)):
        for currency, figure, month, amount in ask(postings + _SUMS, until=bound, standing_at=until):
            flows[currency, figure][month] = amount
    return Books(span, until, dict(flows))


def ask(sql: str, **params: Any) -> list[tuple[Any, ...]]:
    """The answer to a question about postings, with what all of them need to know."""
    with open_question(sql, **params) as cursor:
        return list(cursor.fetchall())


@contextmanager
def open_question(sql: str, *, is_long: bool = False, **params: Any) -> Iterator[Any]:
    """A cursor over the answer; of a long one the rows stay in the database until they are fetched."""
    known = {"zone": str(policy.HOUSE_ZONE), "house_currency": policy.CURRENCY}
    with transaction.atomic():
        with connection.cursor() as cursor:
            # These questions are long to write and short to answer: compiling them takes longer than asking.
            cursor.execute("SELECT set_config('jit', 'off', true), set_config('work_mem', '64MB', true)")
        with connection.chunked_cursor() if is_long else connection.cursor() as cursor:
            cursor.execute(sql, {**known, **params})
            yield cursor


def figures_of(section: Section) -> list[Figure]:
    """The columns of a section's table."""
    return [figure for figure in FIGURES if figure.section == section]
