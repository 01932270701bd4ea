"""The months of the house: which ones a page of the books shows, and when each of them ends."""

import re
from dataclasses import dataclass
from datetime import datetime

from redreport import policy
from redreport.wording import MONTHS

MOST_MONTHS = 60
_WRITTEN = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")


@dataclass(frozen=True, order=True)
class Month:
    """A month by the calendar of the house."""

    year: int
    month: int

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"

    @property
    def words(self) -> str:
        """'Mar 2027'."""
        return f"{MONTHS[self.month - 1][:3]} {self.year}"

    @property
    def begins_at(self) -> datetime:
        """The instant at which it begins in the house's zone."""
        return datetime(self.year, self.month, 1, tzinfo=policy.HOUSE_ZONE)

    @property
    def ends_at(self) -> datetime:
        """The instant at which the next one begins."""
        return self.plus(1).begins_at

    def plus(self, months: int) -> "Month":
        """So many months later, or earlier."""
        count = self.year * 12 + self.month - 1 + months
        return Month(count // 12, count % 12 + 1)


def month_of(moment: datetime) -> Month:
    """The house's month in which this instant lies."""
    here = moment.astimezone(policy.HOUSE_ZONE)
    return Month(here.year, here.month)


def parse_month(written: str) -> Month | None:
    """'2027-03' as browsers send it; None for anything else."""
    found = _WRITTEN.fullmatch(written)
    return Month(int(found[1]), int(found[2])) if found and 2000 <= int(found[1]) <= 2999 else None


@dataclass(frozen=True)
class Span:
    """Months one after the other, the first and the last included."""

    first: Month
    last: Month

    @property
    def months(self) -> list[Month]:
        """Each of them, the earliest first."""
        count = (self.last.year - self.first.year) * 12 + self.last.month - self.first.month + 1
        return [self.first.plus(number) for number in range(count)]


def chosen_span(first: str, last: str, now: datetime) -> Span:
    """The months somebody asked for, at most `MOST_MONTHS`; without a choice the twelve that end with this one."""
    end = parse_month(last) or month_of(now)
    begin = parse_month(first) or end.plus(-11)
    begin, end = min(begin, end), max(begin, end)
    return Span(max(begin, end.plus(1 - MOST_MONTHS)), end)
