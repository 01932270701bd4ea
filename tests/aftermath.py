"""What stands at Stripe and with us once a crash is a day old and everything that runs by itself has run."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import time_machine

from redreport import clock
from redreport.outbox.models import OutgoingMail
from sessions_live.models import LiveSession, Seat
from subscriptions.models import Order, Payment, Refund, Subscriber, Subscription
from tests.fixtures_shop import Shop
from tests.timeline import run_beat

# Leases and claims have run out; holds have lapsed; Stripe has forgotten its keys.
SOON, AFTER_THE_HOLD, A_DAY_LATER = timedelta(minutes=2), timedelta(minutes=40), timedelta(days=1)


class AtStripe:
    """All of Stripe's objects as they are at this moment: asked once, for however many checks."""

    def __init__(self, shop: Shop) -> None:
        self._objects: dict[str, list[dict[str, Any]]] = shop.stripe.state()["objects"]

    def having(self, kind: str, **values: object) -> list[dict[str, Any]]:
        """The objects of this kind with these values, oldest first."""
        found = self._objects.get(kind, [])
        return [row for row in found if all(row[name] == value for name, value in values.items())]

    def charges_of(self, order: Order) -> list[int]:
        """What was taken from this order's customer."""
        order.subscriber.refresh_from_db()
        charges = self.having("charge", customer=order.subscriber.stripe_customer_id, paid=True)
        return [charge["amount"] for charge in charges]

    def refunds_of(self, payments: Iterable[Payment]) -> list[int]:
        """What was given back of these payments and has not failed, the least first."""
        intents = {payment.stripe_payment_intent_id for payment in payments}
        refunds = [row for row in self.having("refund") if row["payment_intent"] in intents]
        return sorted(row["amount"] for row in refunds if row["status"] not in ("failed", "canceled"))

    def refunds_for(self, refund: Refund) -> list[int]:
        """What was given back for this row of ours."""
        return [row["amount"] for row in self.having("refund") if row["metadata"].get("refund") == str(refund.public_id)]

    def customers_of(self, subscriber: Subscriber) -> list[str]:
        """The customers that were made for a subscriber and not deleted."""
        made = [row for row in self.having("customer") if row.get("metadata", {}).get("subscriber") == str(subscriber.public_id)]
        return [row["id"] for row in made]

    def subscription(self, year: Subscription) -> dict[str, Any]:
        """A year as it is there."""
        [found] = self.having("subscription", id=year.stripe_subscription_id)
        return found


def a_day_passes(shop: Shop, *, begin: datetime | None = None) -> AtStripe:
    """Stripe forgets its keys, and everything that beat starts comes by: soon, after the holds' end, and a day later.

    The hourly comparison with Stripe does not: nothing here may depend on it.
    """
    shop.stripe.prune_idempotency_keys()
    for later in (SOON, AFTER_THE_HOLD, A_DAY_LATER):
        with time_machine.travel((begin or clock.now()) + later, tick=True):
            run_beat()
    return AtStripe(shop)


def mails_to(recipient: str, kind: str) -> int:
    """How many mails of this kind are owed, or were sent, to somebody."""
    return OutgoingMail.objects.filter(kind=kind, recipient=recipient).count()


def seats_in(live_session: LiveSession | None) -> list[str]:
    """The states of a session's seats, in the order in which they were made."""
    return list(Seat.objects.filter(live_session=live_session).order_by("id").values_list("state", flat=True))
