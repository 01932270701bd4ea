"""What tests of the books begin with: days that pass, what the books say of a month, and that they account for every cent."""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet, Sum

from redreport import clock, policy
from redreport.desk.books.definitions import RECKONED, TOTALS, Section
from redreport.desk.books.months import Span, month_of, parse_month
from redreport.desk.books.postings import MONEY
from redreport.desk.books.reading import Books, ask, figures_of, read_books
from sessions_live.models import LiveSession, Seat
from subscriptions.models import CreditGrant, Dispute, Payment, Refund, SeatCoverage, Subscription
from subscriptions.operations.changes import ask_renewal, submit_change
from tests.factories import make_live_session
from tests.timeline import Timeline, run_beat

MONEY_SECTIONS = (Section.CASH, Section.EARNED, Section.OWED)


def day(month: int, number: int, year: int = 2027, hour: int = 12) -> datetime:
    """That day by the calendar of the house, at noon unless said otherwise."""
    return datetime(year, month, number, hour, tzinfo=policy.HOUSE_ZONE)


def session_on(moment: datetime, capacity: int = 12) -> LiveSession:
    return make_live_session(starts_in=moment - clock.now(), capacity=capacity)


def pass_to(timeline: Timeline, moment: datetime) -> None:
    """It is that moment; what Stripe has told by then is heard, and every sweep has come by once."""
    timeline.go_to(moment)
    for event in timeline.unheard():
        timeline.shop.hear(event)
    run_beat()


def books_of(first: str, last: str) -> Books:
    begin, end = parse_month(first), parse_month(last)
    assert begin is not None
    assert end is not None
    return read_books(span=Span(begin, end), now=clock.now())


def said(written: str, currency: str = "usd") -> dict[str, int]:
    """Every figure of money that is not 0 in a month, or at its end; totals are left out, and tax is named once."""
    month = parse_month(written)
    assert month
    books = books_of(written, written)
    names = [figure.name for section in MONEY_SECTIONS for figure in figures_of(section)]
    values = {name: books.value(name, currency, month) for name in names if name not in TOTALS and name not in RECKONED}
    assert books.value("difference", currency, month) == 0
    return {name: value for name, value in values.items() if value}


def assert_every_cent_is_accounted_for() -> None:
    """The sums of the books are those of our tables, in all currencies, at the end of every month and now."""
    now = clock.now()
    first = min([*Payment.objects.values_list("captured_at", flat=True), now])
    span = Span(month_of(first), month_of(now))
    books = read_books(span=span, now=now)
    for currency in books.currencies:
        for month in span.months:
            assert books.value("difference", currency, month) == 0, (currency, month)
        so_far = {name: books.so_far(name, currency, span.last) for name in ("payments", "refunds", "on_its_way", "with_bank")}
        refunds = Refund.objects.filter(currency=currency)
        assert so_far["payments"] == _total(Payment.objects.filter(currency=currency))
        assert so_far["refunds"] == -_total(refunds.filter(state="succeeded"))
        assert so_far["on_its_way"] == _total(refunds.filter(state__in=["pending", "submitted"]))
        undecided = Dispute.objects.filter(currency=currency, status__in=["needs_response", "under_review"])
        assert so_far["with_bank"] == _total(undecided)
        for name in ("coming", "booked", "unused"):
            due = sum(books.value(f"due_{name}", currency, month) for month in books.months_due)
            assert due == books.so_far(name, currency, span.last), name
    assert_open_parts_are_those_of_the_ledger()


def assert_open_parts_are_those_of_the_ledger() -> None:
    """The parts of each year that its lines leave open are its unused credits by the ledger, and its booked seats."""
    still = """
        SELECT y.stripe_invoice_id, parts.parts - coalesce(sum(n + v), 0), coalesce(sum(b), 0)
          FROM year_pots y JOIN parts USING (pot) LEFT JOIN events ON events.pot = y.pot AND events.at <= %(now)s
         WHERE NOT is_by_hand GROUP BY 1, parts.parts"""
    lines = ask(MONEY + still, now=clock.now())
    for invoice_id, still_open, booked in lines:
        grants = CreditGrant.objects.filter(stripe_invoice_id=invoice_id)
        unused = grants.aggregate(total=Sum("balance"))["total"]
        by_credit = SeatCoverage.objects.filter(
            credit_entry__grant__in=grants, seat__state__in=Seat.TAKEN, seat__live_session__starts_at__gt=clock.now()
        )
        assert (still_open, booked) == (unused + by_credit.count(), by_credit.count()), invoice_id


def _total(rows: QuerySet[Any]) -> int:
    total: int | None = rows.aggregate(total=Sum("amount_minor"))["total"]
    return total or 0


def cents(**figures: int) -> dict[str, int]:
    return figures


def figures_in(written: str, section: Section, currency: str = "usd", books: Books | None = None) -> dict[str, int]:
    """Every figure of a section that is not 0 in this month."""
    month = parse_month(written)
    assert month
    books = books or books_of(written, written)
    values = {figure.name: books.value(figure.name, currency, month) for figure in figures_of(section)}
    return {name: value for name, value in values.items() if value}


def turn_renewal_off(year: Subscription) -> None:
    change = ask_renewal(user=year.subscriber.user, renews=False, now=clock.now())
    submit_change(change_id=change.pk, now=clock.now())
