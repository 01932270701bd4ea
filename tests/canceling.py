"""Seats that are canceled, and the books that must balance whatever happens."""

from datetime import datetime

from django.db.models import Sum

from redreport import clock
from redreport.accounts.models import User
from sessions_live.models import LiveSession, Seat
from subscriptions.models import CreditEntry, CreditGrant, SeatCoverage
from subscriptions.operations.booking import book_with_credit
from subscriptions.operations.cancel import cancel_own_seat, cancel_seat_by_house, plan_own_cancellation
from subscriptions.selectors import seats_with_coverage
from tests.factories import make_staff

FULL, NONE = Seat.Restitution.FULL, Seat.Restitution.NONE


def consequence_of(seat: Seat, now: datetime | None = None) -> str:
    """The digest of what the cancel page shows at this moment."""
    return plan_own_cancellation(seat=seats_with_coverage().get(pk=seat.pk), now=now or clock.now()).digest


def cancel(seat: Seat, now: datetime | None = None) -> SeatCoverage:
    """The booker looks at the page and presses the button."""
    now = now or clock.now()
    cancel_own_seat(user=seat.booked_by, seat_public_id=seat.public_id, consequence=consequence_of(seat, now), now=now)
    return SeatCoverage.objects.select_related("refund", "seat").get(seat=seat)


def cancel_by_house(seat: Seat, restitution: Seat.Restitution = FULL, now: datetime | None = None) -> SeatCoverage:
    cancel_seat_by_house(
        seat_id=seat.pk, actor=make_staff(), reason="Their wish", restitution=restitution, now=now or clock.now()
    )
    return SeatCoverage.objects.select_related("refund", "seat").get(seat=seat)


def book(user: User, live_session: LiveSession, now: datetime | None = None) -> Seat:
    """A seat taken with a credit."""
    return book_with_credit(user=user, live_session_id=live_session.pk, now=now or clock.now()).seat


def spent_grant(seat: Seat) -> CreditGrant:
    """The grant whose credit paid for the seat."""
    return CreditEntry.objects.get(seat=seat, kind=CreditEntry.Kind.SPEND).grant


def returned_grant(seat: Seat) -> CreditGrant:
    """The grant into which the seat's credit came back."""
    return CreditEntry.objects.get(seat=seat, kind=CreditEntry.Kind.RETURN).grant


def assert_books_balance() -> None:
    """Every grant's balance is the sum of its lines in the ledger."""
    for grant in CreditGrant.objects.annotate(total=Sum("entries__delta")):
        assert grant.balance == grant.total, grant
