"""Billing periods: months and years counted from an anchor, so that the 31st and 29 February come back."""

import calendar
from datetime import UTC, datetime, timedelta


def period_end(anchor: int, start: int, interval: str, count: int) -> int:
    """The end of the period that begins at `start`, in seconds since 1970; its day and time of day are the anchor's."""
    if interval in ("day", "week"):
        return start + count * (86400 if interval == "day" else 7 * 86400)
    first, moment = datetime.fromtimestamp(anchor, UTC), datetime.fromtimestamp(start, UTC)
    months = (moment.year - first.year) * 12 + moment.month - first.month
    return int(_months_after(first, months + count * (12 if interval == "year" else 1)).timestamp())


def _months_after(first: datetime, months: int) -> datetime:
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    month += 1
    day = min(first.day, calendar.monthrange(year, month)[1])
    return datetime(year, month, 1, first.hour, first.minute, first.second, tzinfo=UTC) + timedelta(days=day - 1)
