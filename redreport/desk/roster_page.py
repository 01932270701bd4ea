"""What the page of one session's roster shows: its sums, and so many of its seats. A constant number of queries."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Lower

from redreport.desk.models import RosterSeat
from redreport.desk.roster import SeatMails, mails_about, paid_with
from redreport.money import format_money, shares
from sessions_live.models import LiveSession, Seat, WaitlistEntry
from subscriptions.models import Order, Payment, SeatCoverage

ROWS_ON_A_PAGE = 100
LONGEST_SEARCH = 100

State = Seat.State


@dataclass(frozen=True)
class Tab:
    """A choice of seats by their state."""

    name: str
    label: str
    states: tuple[str, ...]


TABS = {
    tab.name: tab
    for tab in (
        Tab("going", "Going", Seat.TAKEN),
        Tab("kept", "Held or offered", (State.HELD, State.OFFERED)),
        Tab("attended", "Attended", (State.ATTENDED,)),
        Tab("no_show", "No-show", (State.NO_SHOW,)),
        Tab("canceled", "Canceled", (State.CANCELED,)),
        # A hold that lapsed was nobody's seat.
        Tab("all", "All", tuple(state for state in State if state != State.EXPIRED)),
    )
}
COLUMNS: dict[str, F | Lower] = {
    "name": Lower("attendee_name"),
    "seat": F("number"),
    "firm": Lower("attendee_firm"),
    "state": F("state"),
    "entered": F("entered_at"),
}


@dataclass(frozen=True)
class Choice:
    """Which rows somebody asked for, as the page's address says it; what it says wrongly counts as not said."""

    tab: Tab
    words: str
    by: str
    backwards: bool

    @classmethod
    def of(cls, asked: Mapping[str, Any]) -> "Choice":
        """`asked` is the query of the address."""
        column = str(asked.get("by", ""))
        by = column.removeprefix("-")
        known = by in COLUMNS
        return cls(
            tab=TABS.get(str(asked.get("tab", "")), TABS["going"]),
            words=clean_words(asked),
            by=by if known else "name",
            backwards=known and column.startswith("-"),
        )


@dataclass(frozen=True)
class RosterRow:
    """One seat as the roster tells of it."""

    seat: RosterSeat
    source: str
    # Whoever booked it for them, but for the house.
    booker: str
    mails: SeatMails
    # What came back for a canceled one.
    settled: str


@dataclass(frozen=True)
class Counts:
    """A session's seats by what became of them."""

    going: int
    held: int
    offered: int
    attended: int
    no_show: int
    canceled: int
    declined: int
    waiting: int
    capacity: int

    def of_tab(self, tab: Tab) -> int:
        """How many rows a tab has."""
        kept = self.held + self.offered
        rows = {
            "going": self.going,
            "kept": kept,
            "attended": self.attended,
            "no_show": self.no_show,
            "canceled": self.canceled,
            "all": self.going + kept + self.canceled,
        }
        return rows[tab.name]


@dataclass(frozen=True)
class Money:
    """What a session's seats brought, in words: money by currency, what went back taken off."""

    sold: str
    offline: str
    credits: int
    comps: int


def clean_words(asked: Mapping[str, Any]) -> str:
    """What was typed into the search, without what no database takes."""
    return str(asked.get("q", "")).replace("\x00", "").strip()[:LONGEST_SEARCH]


def counts_of(live_session: LiveSession) -> Counts:
    """Two queries."""
    seats = Seat.objects.filter(live_session=live_session).aggregate(
        going=Count("pk", filter=Q(state__in=Seat.TAKEN)),
        held=Count("pk", filter=Q(state=State.HELD)),
        offered=Count("pk", filter=Q(state=State.OFFERED)),
        attended=Count("pk", filter=Q(state=State.ATTENDED)),
        no_show=Count("pk", filter=Q(state=State.NO_SHOW)),
        canceled=Count("pk", filter=Q(state=State.CANCELED)),
        declined=Count("pk", filter=Q(state__in=Seat.TAKEN, declined_at__isnull=False)),
    )
    waiting = WaitlistEntry.objects.filter(live_session=live_session, state=WaitlistEntry.State.WAITING).count()
    return Counts(**seats, waiting=waiting, capacity=live_session.capacity)


def money_of(live_session: LiveSession) -> Money:
    """Two queries."""
    taken = SeatCoverage.objects.filter(seat__live_session=live_session, seat__state__in=Seat.TAKEN).exclude(kind="order")
    covered = list(
        taken.order_by("kind", "currency").values("kind", "currency").annotate(seats=Count("pk"), sum=Sum("amount_minor"))
    )
    by_kind = {row["kind"]: row["seats"] for row in covered}
    return Money(
        sold=_sums(_sold(live_session)),
        offline=_sums([(row["currency"], row["sum"]) for row in covered if row["kind"] == SeatCoverage.Kind.OFFLINE]),
        credits=by_kind.get(SeatCoverage.Kind.CREDIT, 0),
        comps=by_kind.get(SeatCoverage.Kind.COMP, 0),
    )


def seats_of(live_session: LiveSession, choice: Choice) -> QuerySet[RosterSeat]:
    """The chosen seats of a session in the chosen order, with all that a row says of them but its mails."""
    seats = RosterSeat.objects.filter(live_session=live_session, state__in=choice.tab.states)
    column = COLUMNS[choice.by]
    order = column.desc(nulls_last=True) if choice.backwards else column.asc(nulls_last=True)
    return found_by(seats, choice.words).select_related("booked_by", "coverage__order").order_by(order, "number", "id")


def found_by(seats: QuerySet[RosterSeat], words: str) -> QuerySet[RosterSeat]:
    """Those in which each of the words is found: in name, firm or the order's number, or as an address or the beginning of one,
    or of its domain."""
    for word in words.split():
        in_order = Q(coverage__order__number__icontains=word)
        in_address = _in_address("attendee_email", word) | _in_address("booked_by__email", word)
        seats = seats.filter(Q(attendee_name__icontains=word) | Q(attendee_firm__icontains=word) | in_address | in_order)
    return seats


def _in_address(field: str, word: str) -> Q:
    """'ann' finds ann.lee@hill.example and not joanna@hill.example; 'hill' and '@hill.example' find both."""
    begins = Q(**{f"{field}__istartswith": word}) | Q(**{f"{field}__icontains": f"@{word}"})
    return begins | Q(**{f"{field}__icontains": word}) if "@" in word else begins


def rows_of(live_session: LiveSession, choice: Choice, page: str | None) -> tuple[Page[RosterSeat], list[RosterRow]]:
    """One page of the chosen rows. Three queries."""
    paginator: Paginator[RosterSeat] = Paginator(seats_of(live_session, choice), ROWS_ON_A_PAGE)
    shown = paginator.get_page(page)
    mails = mails_about(shown.object_list)
    return shown, [_row(seat, mails.get(seat.pk, SeatMails())) for seat in shown]


def _row(seat: RosterSeat, mails: SeatMails) -> RosterRow:
    coverage: SeatCoverage | None = getattr(seat, "coverage", None)
    is_given = coverage is not None and coverage.approved_by_id is not None
    return RosterRow(
        seat,
        source=paid_with(seat),
        booker=seat.booked_by.email if seat.is_booked_for_another and not is_given else "",
        mails=mails,
        settled=coverage.get_settlement_display() if coverage and seat.state == State.CANCELED else "",
    )


GONE_BACK = (SeatCoverage.Settlement.REFUND, SeatCoverage.Settlement.GOODWILL)


def _sold(live_session: LiveSession) -> list[tuple[str, int]]:
    """What orders took for this session's seats and is not given back. An order's money belongs in equal shares to those of its
    seats for which nothing was refunded, also to one that staff moved to another session."""
    here = SeatCoverage.objects.filter(seat__live_session=live_session, order__isnull=False).values("order")
    orders = Order.objects.filter(live_session=live_session).values("pk").union(here)
    left = F("amount_minor") - F("refunded_minor") - F("paid_back_minor")
    kept = Payment.objects.filter(order=OuterRef("order")).order_by().values("order")
    rows = (
        SeatCoverage.objects.filter(order__in=orders)
        .annotate(kept=Subquery(kept.annotate(sum=Sum(left)).values("sum")))
        .order_by("order_id", "id")
        .values_list("order_id", "order__currency", "order__live_session_id", "kept", "seat__live_session_id", "settlement")
    )
    sold: Counter[str] = Counter()
    for (_, currency, booked_in, left), covered in groupby(rows, key=lambda row: row[:4]):
        seats_in = [sits_in for *_, sits_in, settlement in covered if settlement not in GONE_BACK] or [booked_in]
        for sits_in, share in zip(seats_in, shares(left or 0, len(seats_in)), strict=True):
            sold[currency] += share if sits_in == live_session.pk else 0
    return sorted((currency, amount) for currency, amount in sold.items() if amount)


def _sums(amounts: list[tuple[str, int]]) -> str:
    return ", ".join(format_money(amount, currency) for currency, amount in amounts) or format_money(0, "usd")
