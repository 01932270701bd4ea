"""The rows behind a figure: the very postings that it is the sum of, a page of them or all."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from redreport.desk.books.definitions import BY_NAME, RECKONED, TOTALS, Figure, Section
from redreport.desk.books.months import Month, Span
from redreport.desk.books.postings import POSTINGS_OF
from redreport.desk.books.reading import AN_INSTANT, NEVER, ask, open_question

ROWS_AT_ONCE = 2000

_IN_MONTH = "figure = ANY(%(figures)s) AND currency = %(currency)s AND at >= %(begins_at)s AND at <= %(until)s"
_UNTIL = "figure = ANY(%(figures)s) AND currency = %(currency)s AND at <= %(until)s"

# How it stands is the sum of what happened to each pot; what sums to nothing is over, and no row.
_CHOSEN = {
    False: f"SELECT at, event, amount, pot, id, payment_id, seat_id, grant_id, subscriber_id FROM postings WHERE {_IN_MONTH}",
    True: f"""SELECT max(at) AS at, 'standing' AS event, sum(amount)::bigint AS amount, pot, pot AS id,
                     max(payment_id) AS payment_id, max(seat_id) FILTER (WHERE pot < 0) AS seat_id, NULL::bigint AS grant_id,
                     max(subscriber_id) AS subscriber_id
                FROM postings WHERE {_UNTIL} GROUP BY pot HAVING sum(amount) <> 0""",
}

_SAID = """
SELECT r.at, r.event, r.amount, r.payment_id, r.seat_id, r.grant_id, coalesce(buyer.email, booker.email, ''),
       coalesce(s.attendee_name, ''), coalesce(l.title, ''), coalesce(o.number, ''),
       count(*) OVER (), (sum(r.amount) OVER ())::bigint
  FROM chosen r
  LEFT JOIN subscriptions_payment p ON p.id = r.payment_id
  LEFT JOIN subscriptions_order o ON o.id = p.order_id
  LEFT JOIN subscriptions_subscriber sub ON sub.id = r.subscriber_id
  LEFT JOIN accounts_user buyer ON buyer.id = sub.user_id
  LEFT JOIN sessions_live_seat s ON s.id = r.seat_id
  LEFT JOIN accounts_user booker ON booker.id = s.booked_by_id
  LEFT JOIN sessions_live_livesession l
       ON l.id = CASE WHEN r.event IN ('published', 'ended') THEN r.pot ELSE s.live_session_id END
 ORDER BY r.at, r.event, r.id"""


@dataclass(frozen=True)
class Row:
    """One row of a figure. `amount` is in minor units, or how many it counts for."""

    at: datetime
    event: str
    amount: int
    payment_id: int | None
    seat_id: int | None
    grant_id: int | None
    reader: str
    attendee: str
    live_session: str
    order_number: str


@dataclass(frozen=True)
class Behind:
    """Which rows are meant: those of a figure in a month, or as it stood at the month's end; up to now."""

    figure: Figure
    currency: str
    month: Month
    # Of the page from which it is asked: what is due was owed at its end.
    span: Span
    now: datetime

    @property
    def _parameters(self) -> dict[str, Any]:
        # Sessions to come and what is due then are counted too.
        counted_to = NEVER if self.figure.section in (Section.DUE, Section.SEATS) else self.now
        return {
            "figures": list(TOTALS.get(self.figure.name, (self.figure.name,))),
            "currency": self.currency,
            "begins_at": self.month.begins_at,
            "until": min(self.month.ends_at - AN_INSTANT, counted_to),
            "standing_at": min(self.now, self.span.last.ends_at - AN_INSTANT),
        }

    @property
    def _chosen(self) -> str:
        return f"{POSTINGS_OF[self.figure.section]}, chosen AS ({_CHOSEN[self.figure.is_standing]})"

    def page(self, number: int, size: int) -> "Page":
        """The rows of a page, the earliest first; pages are numbered from 1, and one that is not there is the first."""
        cut = f"{self._chosen} {_SAID} LIMIT {size:d} OFFSET {(number - 1) * size:d}"
        found = ask(cut, **self._parameters)
        if not found and number > 1:
            return self.page(1, size)
        count, total = found[0][-2:] if found else (0, 0)
        return Page([Row(*values[:-2]) for values in found], number, max(1, -(-count // size)), count, total)

    def each(self) -> Iterator[Row]:
        """All rows, the earliest first, without having them all in memory."""
        with open_question(f"{self._chosen} {_SAID}", is_long=True, **self._parameters) as cursor:
            while values := cursor.fetchmany(ROWS_AT_ONCE):
                yield from (Row(*row[:-2]) for row in values)


@dataclass(frozen=True)
class Page:
    """Some of a figure's rows, and how many there are on how many pages, and their sum."""

    rows: list[Row]
    number: int
    pages: int
    count: int
    total: int


def find_figure(name: str) -> Figure | None:
    """The figure of that name, if it has rows."""
    return None if name in RECKONED else BY_NAME.get(name)
