"""A session each month: on the same weekday of the month or the same day of it, at one wall-clock time of the house.

Wall-clock time is what readers are promised. So the instants lie an hour apart from month to month where clocks change between.
"""

import calendar
from datetime import UTC, date, datetime, time
from enum import StrEnum

from redreport import policy
from redreport.wording import WEEKDAY_NAMES

ORDINALS = ("first", "second", "third", "fourth", "last")
LAST = len(ORDINALS)


class Pattern(StrEnum):
    """What stays the same from month to month."""

    WEEKDAY = "weekday"
    DAY = "day"


def monthly_starts(*, first: datetime, count: int, pattern: Pattern) -> list[datetime]:
    """The starts of `count` sessions from `first` on, as instants in UTC. A fifth weekday is the last one of each month; a day
    that a month does not have is its last day."""
    here = first.astimezone(policy.HOUSE_ZONE)
    days = [_day_in(here.date(), *divmod(here.month - 1 + ahead, 12), pattern) for ahead in range(count)]
    return [instant_of(day, here.time()) for day in days]


def a_month_later(moment: datetime, *, now: datetime) -> datetime:
    """The same weekday of the next month at the same wall-clock time: of the first month in which that lies ahead."""
    months = 1
    while (then := monthly_starts(first=moment, count=months + 1, pattern=Pattern.WEEKDAY)[-1]) <= now:
        months += 1
    return then


def instant_of(day: date, clock_time: time) -> datetime:
    """When clocks of the house show this time on this day. A time that is shown twice is the first one; one that is skipped, when
    clocks go forward, is as long after the change as it would have been."""
    return datetime.combine(day, clock_time.replace(tzinfo=None), policy.HOUSE_ZONE).astimezone(UTC)


def pattern_in_words(first: datetime, pattern: Pattern) -> str:
    """'every month on the second Tuesday', 'every month on day 31, or on the last day of a shorter month'."""
    day = first.astimezone(policy.HOUSE_ZONE).date()
    if pattern == Pattern.WEEKDAY:
        return f"every month on the {ORDINALS[_week_of(day) - 1]} {WEEKDAY_NAMES[day.weekday()]}"
    shorter = ", or on the last day of a shorter month" if day.day > 28 else ""
    return f"every month on day {day.day}{shorter}"


def _day_in(first: date, years_ahead: int, month_before: int, pattern: Pattern) -> date:
    """The day that follows from `first` in that month: so many years after its own, and the months counted from 0."""
    year, month = first.year + years_ahead, month_before + 1
    last_day = calendar.monthrange(year, month)[1]
    if pattern == Pattern.DAY:
        return date(year, month, min(first.day, last_day))
    if _week_of(first) == LAST:
        behind = (date(year, month, last_day).weekday() - first.weekday()) % 7
        return date(year, month, last_day - behind)
    ahead = (first.weekday() - date(year, month, 1).weekday()) % 7
    return date(year, month, 1 + ahead + 7 * (_week_of(first) - 1))


def _week_of(day: date) -> int:
    """1 for the first of its weekday in the month, to 5 for one that not every month has."""
    return (day.day - 1) // 7 + 1
