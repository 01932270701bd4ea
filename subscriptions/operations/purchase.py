"""A purchase as the reader sees it: one call from the button to Stripe's page. Calls Stripe; not inside a transaction."""

from collections.abc import Callable, Sequence
from datetime import datetime

from redreport.accounts.models import User
from sessions_live.operations.seats import Attendee
from subscriptions.errors import OrderNotOpen, PaidMeanwhile
from subscriptions.models import Order
from subscriptions.operations.booking import start_seat_order, start_year_order
from subscriptions.operations.checkouts import give_up_order, open_checkout
from subscriptions.operations.offers import start_offer_order


def buy_seats(*, user: User, live_session_id: int, attendees: Sequence[Attendee], price_id: int, now: datetime) -> str:
    """Hold a seat for each attendee, all or none, and the address where they are paid for. A second click gives the same
    address, never a second charge; another number of seats gives up the order of before at Stripe, then begins anew.

    Refuses as `start_seat_order`, `give_up_order` and `open_checkout` do; with PaidMeanwhile when the order of before turns out
    to be paid.
    """

    def start_order() -> Order:
        return start_seat_order(user=user, live_session_id=live_session_id, attendees=attendees, price_id=price_id, now=now)

    return _pay_for(start_order, len(attendees), now)


def buy_offered_seat(*, user: User, live_session_id: int, price_id: int, now: datetime) -> str:
    """Accept the seat that is offered to a reader who waited, and the address where it is paid for. A second click gives the same
    address. Refuses as `start_offer_order` and `open_checkout` do."""

    def start_order() -> Order:
        return start_offer_order(user=user, live_session_id=live_session_id, price_id=price_id, now=now)

    return _pay_for(start_order, 1, now)


def buy_year(*, user: User, price_id: int, now: datetime) -> str:
    """Where the reader pays for the year whose terms they accepted. Refuses as `start_year_order` and `open_checkout` do."""
    return _pay_for(lambda: start_year_order(user=user, price_id=price_id, now=now), 1, now)


def _pay_for(start_order: Callable[[], Order], quantity: int, now: datetime) -> str:
    order = start_order()
    if order.expires_at <= now or order.quantity != quantity:
        # An order whose time is over, not yet swept, or for another number of seats: Stripe lets go of it first.
        _give_up_for_another(order, now)
        order = start_order()
        if order.quantity != quantity:
            # Another tab was quicker with a number of its own.
            raise OrderNotOpen
    return open_checkout(order=order, now=now)


def _give_up_for_another(order: Order, now: datetime) -> None:
    give_up_order(order_id=order.pk, by_buyer=order.expires_at > now, now=now)
    order.refresh_from_db(fields=["paid_at"])
    if order.paid_at:
        raise PaidMeanwhile(order.number)
