"""Several people who are to sit in one session, named by whoever books for them."""

from collections.abc import Sequence

from redreport import clock
from redreport.accounts.models import User
from sessions_live.models import LiveSession, Seat
from sessions_live.operations.seats import Attendee
from subscriptions.models import Order, Plan
from subscriptions.operations.purchase import buy_seats
from subscriptions.selectors import current_price
from tests.factories import attendee_of

BO = Attendee("Bo Chen", "bo@example.org", "Hill & Co")
CY = Attendee("Cy Doe", "cy@example.org")
DI = Attendee("Di Eng", "di@example.org")


def colleagues(count: int, start: int = 1) -> list[Attendee]:
    """So many people of one firm."""
    return [Attendee(f"Colleague {number}", f"colleague{number}@example.org") for number in range(start, start + count)]


def party_of(user: User, *others: Attendee) -> list[Attendee]:
    """The buyer and others."""
    return [attendee_of(user), *others]


def buy(user: User, live_session: LiveSession, attendees: Sequence[Attendee]) -> str:
    """The buyer presses the button; the address of Stripe's page."""
    price = current_price(Plan.SINGLE_SEAT)
    return buy_seats(user=user, live_session_id=live_session.pk, attendees=attendees, price_id=price.pk, now=clock.now())


def who_sits(order: Order, state: str = Seat.State.CONFIRMED) -> list[str]:
    """The addresses in the order's seats that are in this state."""
    seats = Seat.objects.filter(coverage__order=order, state=state).order_by("id")
    return list(seats.values_list("attendee_email", flat=True))
