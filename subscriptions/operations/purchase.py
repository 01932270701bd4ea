"""A purchase as the reader sees it: one call from the button to Stripe's page. Calls Stripe; not inside a transaction."""

from collections.abc import Callable
from datetime import datetime

from redreport.accounts.models import User
from sessions_live.operations.seats import Attendee
from subscriptions.models import Order
from subscriptions.operations.booking import start_seat_order, start_year_order
from subscriptions.operations.checkouts import give_up_order, open_checkout


def buy_seat(*, user: User, live_session_id: int, attendee: Attendee, price_id: int, now: datetime) -> str:
    """Hold a seat, and the address where it is paid for. A second click gives the same address, never a second charge.

    Refuses as `start_seat_order` and `open_checkout` do.
    """
    return _pay_for(
        lambda: start_seat_order(user=user, live_session_id=live_session_id, attendee=attendee, price_id=price_id, now=now), now
    )


def buy_year(*, user: User, price_id: int, now: datetime) -> str:
    """Where the reader pays for the year whose terms they accepted. Refuses as `start_year_order` and `open_checkout` do."""
    return _pay_for(lambda: start_year_order(user=user, price_id=price_id, now=now), now)


def _pay_for(start_order: Callable[[], Order], now: datetime) -> str:
    order = start_order()
    if order.expires_at <= now:
        # An order of earlier whose time is over, not yet swept: Stripe lets go of it first, then a new one begins.
        give_up_order(order_id=order.pk, by_buyer=False, now=now)
        order = start_order()
    return open_checkout(order=order, now=now)
