"""A session's roster as a file: who sits in it, and what each seat was paid with."""

from decimal import Decimal
from typing import Any

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from redreport.audit.exporting import Export, column
from redreport.desk.models import RosterSeat
from redreport.money import shares
from redreport.spreadsheets import major
from sessions_live.models import LiveSession, Seat
from subscriptions.models import SeatCoverage

EVER_GIVEN = (*Seat.TAKEN, Seat.State.CANCELED)
NOT_PAID_YET = (Seat.State.OFFERED, Seat.State.HELD)


def seats_to_export(live_session: LiveSession) -> QuerySet[Any]:
    """The active seats of a session by name; `turn` is the place of a seat among those of its order, `parts` their number."""
    of_order = SeatCoverage.objects.filter(order=OuterRef("coverage__order"), seat__state__in=EVER_GIVEN).order_by()
    counted = of_order.values("order").annotate(number=Count("pk")).values("number")
    before = of_order.filter(seat__lt=OuterRef("pk")).values("order").annotate(number=Count("pk")).values("number")
    seats = RosterSeat.objects.filter(live_session=live_session, state__in=Seat.ACTIVE)
    return seats.annotate(turn=Coalesce(Subquery(before), 0), parts=Subquery(counted)).order_by("attendee_name", "id")


class RosterExport(Export):
    """One row a seat. The amount is the seat's share of what its order was paid with, tax included, in cents that add up."""

    related = ("coverage__order", "booked_by")

    name = column("Name", "attendee_name")
    email = column("E-mail", "attendee_email")
    firm = column("Firm", "attendee_firm")
    source = column("Source")
    amount = column("Amount")
    currency = column("Currency")
    order = column("Order")
    state = column("State", "state")
    entered_at = column("Entered at", "entered_at")
    booked_by = column("Booked by", "booked_by__email")

    def dehydrate_source(self, seat: RosterSeat) -> str:
        coverage = _coverage(seat)
        return str(coverage.get_kind_display()) if coverage else "not paid yet"

    def dehydrate_amount(self, seat: Any) -> Decimal | None:
        coverage = _coverage(seat)
        if coverage is None:
            return None
        if coverage.order and coverage.order.total_minor is not None and seat.parts:
            return major(shares(coverage.order.total_minor, seat.parts)[seat.turn])
        return major(coverage.amount_minor)

    def dehydrate_currency(self, seat: RosterSeat) -> str:
        coverage = _coverage(seat)
        if coverage is None:
            return ""
        return (coverage.order.currency if coverage.order else coverage.currency).upper()

    def dehydrate_order(self, seat: RosterSeat) -> str:
        coverage = _coverage(seat)
        return coverage.order.number if coverage and coverage.order else ""


def _coverage(seat: RosterSeat) -> SeatCoverage | None:
    """What paid for a seat; nothing has while it is only held or offered."""
    coverage: SeatCoverage | None = None if seat.state in NOT_PAID_YET else getattr(seat, "coverage", None)
    return coverage
