"""A shop that is open: our database, and a Stripe account set up by our own command in the simulator."""

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
import stripe
from django.conf import settings
from django.core.management import call_command
from django.test import Client

from redreport import clock
from redreport.accounts.models import User
from sessions_live.models import LiveSession, Seat
from sessions_live.operations.seats import Attendee
from subscriptions import stripe_gateway as gateway
from subscriptions.models import Order, Plan, Price, StripeEvent, Subscription
from subscriptions.operations.booking import start_seat_order, start_year_order
from subscriptions.operations.checkouts import open_checkout, sync_checkout
from subscriptions.selectors import current_price
from subscriptions.tasks import sweep_orders
from subscriptions.webhooks.inbox import process_event
from tests.factories import attendee_of, make_live_session, make_user
from tests.stripe_simulator.control import SimulatorControl
from tests.stripe_simulator.process import SimulatorProcess

WEBHOOK_SECRET = "whsec_for_tests_only"


@dataclass
class Shop:
    """What a test does in the reader's, Stripe's and the worker's place, one step at a time."""

    stripe: SimulatorControl
    # One for all webhooks: each new client loads the middleware anew.
    webhooks: Client = field(default_factory=Client)

    def hold_seat(
        self, user: User | None = None, live_session: LiveSession | None = None, attendees: Sequence[Attendee] = ()
    ) -> Order:
        """An order with its seat held, or one for each attendee, and its Checkout open at Stripe."""
        user, live_session, now = user or make_user(), live_session or make_live_session(), clock.now()
        order = start_seat_order(
            user=user,
            live_session_id=live_session.pk,
            attendees=attendees or [attendee_of(user)],
            price_id=current_price(Plan.SINGLE_SEAT).pk,
            now=now,
        )
        open_checkout(order=order, now=now)
        order.refresh_from_db()
        return order

    def sell_seat(
        self, user: User | None = None, live_session: LiveSession | None = None, card: str = "4242424242424242"
    ) -> Seat:
        """A seat held, paid and confirmed."""
        order = self.hold_seat(user, live_session)
        self.pay(order, card)
        sync_checkout(checkout_session_id=str(order.stripe_checkout_session_id), now=clock.now())
        return Seat.objects.select_related("live_session", "booked_by", "coverage__order").get(coverage__order=order)

    def sell_seats(self, user: User, live_session: LiveSession, attendees: Sequence[Attendee], **filled_in: Any) -> Order:
        """Seats of one order held, paid and confirmed."""
        order = self.hold_seat(user, live_session, attendees)
        self.pay(order, **filled_in)
        sync_checkout(checkout_session_id=str(order.stripe_checkout_session_id), now=clock.now())
        order.refresh_from_db()
        return order

    def order_year(self, user: User | None = None) -> Order:
        """An order for a year with its Checkout open at Stripe."""
        now = clock.now()
        order = start_year_order(user=user or make_user(), price_id=current_price(Plan.ANNUAL).pk, now=now)
        open_checkout(order=order, now=now)
        order.refresh_from_db()
        return order

    def begin_year(self, user: User | None = None, card: str = "4242424242424242") -> Subscription:
        """A year that is ordered, paid and confirmed."""
        order = self.order_year(user)
        self.pay(order, card)
        sync_checkout(checkout_session_id=str(order.stripe_checkout_session_id), now=clock.now())
        return Subscription.objects.get(started_by=order)

    def pay(self, order: Order, card: str = "4242424242424242", **filled_in: Any) -> None:
        """The reader pays on Stripe's page, with a promotion code or a country filled in; we hear nothing of it yet."""
        assert order.stripe_checkout_session_id
        assert self.stripe.pay(order.stripe_checkout_session_id, card=card, **filled_in)["outcome"] == "paid"

    def promote(self, code: str, **coupon: Any) -> None:
        """A promotion code of ours, made in Stripe's dashboard. `max_redemptions` bounds the code, all else its coupon."""
        bound = {"max_redemptions": coupon.pop("max_redemptions")} if "max_redemptions" in coupon else {}
        v1: Any = gateway.client().v1
        made = v1.coupons.create(coupon)
        v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": made.id}, "code": code, **bound})

    def let_hold_lapse(self, order: Order) -> None:
        """The hold's time runs out, and the sweep comes by."""
        Order.objects.filter(pk=order.pk).update(expires_at=clock.now() - timedelta(seconds=1), next_check_at=clock.now())
        self.sweep()

    def sweep(self, now: datetime | None = None) -> None:
        """The minute sweep over orders."""
        sweep_orders(now=now or clock.now())

    def events(self, *types: str) -> list[dict[str, Any]]:
        """Stripe's events of these types so far, oldest first."""
        return [event for event in self.stripe.objects("event") if event["type"] in types]

    def hear(self, event: dict[str, Any]) -> int:
        """Stripe's webhook arrives, signed, and a worker acts on it; returns the answer's status code."""
        status = self.post_webhook(event)
        for row in StripeEvent.objects.filter(stripe_event_id=event["id"], due_at__isnull=False):
            process_event(event_id=row.pk, now=clock.now())
        return status

    def post_webhook(self, event: dict[str, Any], *, secret: str = WEBHOOK_SECRET, at: datetime | None = None) -> int:
        """Stripe's webhook arrives; nobody acts on it yet."""
        payload = stripe_json(event)
        header = stripe.WebhookSignature.generate_signature_header(
            payload, secret, timestamp=int((at or clock.now()).timestamp())
        )
        headers = {"stripe-signature": header}
        return self.webhooks.post("/webhooks/stripe/", payload, content_type="application/json", headers=headers).status_code

    def hear_all(self) -> None:
        """Every event so far that no worker has done with arrives, oldest first."""
        done = set(StripeEvent.objects.filter(due_at__isnull=True).values_list("stripe_event_id", flat=True))
        for event in self.stripe.objects("event"):
            if event["id"] not in done:
                self.hear(event)

    def hear_all_again(self) -> None:
        """Stripe tells everything once more, what was done long ago too."""
        for event in self.stripe.objects("event"):
            self.hear(event)


def stripe_json(event: dict[str, Any]) -> str:
    """An event as Stripe sends it."""
    return json.dumps({name: value for name, value in event.items() if not name.startswith("_")})


def seats_given(live_session: LiveSession) -> int:
    """How many seats of a session are somebody's for good."""
    return Seat.objects.filter(live_session=live_session, state__in=Seat.TAKEN).count()


class OpenShop:
    """What `stripe_setup` puts into an empty Stripe account and into our database, done once under the same settings."""

    def __init__(self, stripe: SimulatorControl) -> None:
        self._stripe = stripe
        self._told: dict[str, object] | None = None
        self._prices: list[Price] = []

    def set_up(self) -> None:
        told = {name: getattr(settings, name) for name in dir(settings) if name.startswith(("STRIPE_", "SITE_URL"))}
        if told == self._told:
            self._stripe.reset(to_kept=True)
            Price.objects.bulk_create(self._prices)
            return
        self._stripe.reset()
        self._stripe.withhold_webhooks()
        call_command("stripe_setup", stdout=io.StringIO())
        self._stripe.keep()
        self._told, self._prices = told, list(Price.objects.all())


@pytest.fixture(scope="session")
def open_shop(stripe_simulator: SimulatorProcess) -> OpenShop:
    return OpenShop(stripe_simulator.control)


@pytest.fixture
def shop(stripe_simulator: SimulatorProcess, open_shop: OpenShop, settings: Any, transactional_db: None) -> Iterator[Shop]:
    """The shop with an empty Stripe account but for what `stripe_setup` puts there; commits are real."""
    settings.STRIPE_API_BASE = stripe_simulator.url
    open_shop.set_up()
    yield Shop(stripe_simulator.control)
    stripe_simulator.control.clear_faults()
