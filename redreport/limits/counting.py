"""Counting tries. One statement looks and counts, so that of many processes at one moment exactly the allowed number pass."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db import DatabaseError, connection
from django.db.models import F
from django.db.models.functions import Least
from django.utils.crypto import salted_hmac

from redreport.limits.models import Tally
from redreport.limits.rules import Limit, Rate

log = structlog.get_logger(__name__)

# The row's lock makes rivals wait for each other, and each counts on from what the one before it wrote. A window that is over
# begins anew with the try that finds it so. What is refused is not counted: whoever goes on trying does not wait the longer.
COUNT = """
    INSERT INTO limits_tally AS t (key, "limit", count, ends_at) VALUES (%(key)s, %(limit)s, 1, %(ends_at)s)
    ON CONFLICT (key) DO UPDATE SET
        count = CASE WHEN t.ends_at <= %(now)s THEN 1 ELSE least(t.count + 1, %(most)s + 1) END,
        ends_at = CASE WHEN t.ends_at <= %(now)s THEN EXCLUDED.ends_at ELSE t.ends_at END
    RETURNING count, ends_at
"""
# How long somebody is asked to wait when nothing can be counted.
OUTAGE = timedelta(minutes=1)


@dataclass(frozen=True)
class Refused:
    """It was tried too often; `wait` is how long until it may be tried again."""

    limit: Limit
    wait: timedelta


def take(limit: Limit, *, now: datetime, **values: str) -> Refused | None:
    """
    Count one try for each of the limit's values, such as `ip` and `email`; None when it may go on.

    Runs outside of transactions: a count that is rolled back counts nothing. When the table does not answer, the limit says
    whether that lets everybody or nobody through.
    """
    try:
        for key, rate in _keys(limit, values):
            count, ends_at = _count(limit, key, rate, now)
            if count > rate.most:
                return Refused(limit, ends_at - now)
    except DatabaseError:
        log.error("limit_not_counted", limit=limit.name, closed=limit.is_closed)
        return Refused(limit, OUTAGE) if limit.is_closed else None
    return None


def give_back(limit: Limit, **values: str) -> None:
    """Take back one try that `take` counted: the password was right, so nothing was guessed."""
    for key, rate in _keys(limit, values):
        Tally.objects.filter(key=key, count__gt=0).update(count=Least(F("count"), rate.most) - 1)


def forget(limit: Limit, *, by: str, value: str) -> None:
    """Begin anew for one value: whoever proved the address otherwise need not wait because of what they guessed before."""
    Tally.objects.filter(key__in=[_key(limit, by, rate, value) for rate in limit.rates[by]]).delete()


def sweep(*, now: datetime, limit: int = 10_000) -> int:
    """Delete rows whose window is over, `limit` of them at most; returns how many. Nothing that still counts is ever dropped."""
    over = Tally.objects.filter(ends_at__lte=now).order_by("ends_at").values("key")[:limit]
    # Looked at once more: a try may have begun a new window in it meanwhile.
    deleted, _ = Tally.objects.filter(key__in=list(over.values_list("key", flat=True)), ends_at__lte=now).delete()
    return deleted


def _count(limit: Limit, key: str, rate: Rate, now: datetime) -> tuple[int, datetime]:
    values: dict[str, str | int | datetime] = {
        "key": key,
        "limit": limit.name,
        "most": rate.most,
        "now": now,
        "ends_at": now + rate.within,
    }
    with connection.cursor() as cursor:
        cursor.execute(COUNT, values)
        row = cursor.fetchone()
    return row[0], row[1]


def _keys(limit: Limit, values: dict[str, str]) -> Iterator[tuple[str, Rate]]:
    """Each rate with the hash of what it counts by: keyed, so that no list of addresses finds one in the table."""
    assert values.keys() == limit.rates.keys(), f"{limit.name} is counted by {sorted(limit.rates)}"
    for by, rates in limit.rates.items():
        for rate in rates:
            yield _key(limit, by, rate, values[by]), rate


def _key(limit: Limit, by: str, rate: Rate, value: str) -> str:
    said = "\n".join((by, str(rate.within.total_seconds()), value.strip().lower()))
    return salted_hmac(f"limits.{limit.name}", said, algorithm="sha256").hexdigest()
