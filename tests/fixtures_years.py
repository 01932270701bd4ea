"""Years that pass: Stripe's clock and ours move together, and what Stripe tells on the way is heard."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from redreport import clock
from redreport.outbox.deliver import deliver_mail
from redreport.outbox.models import OutgoingMail
from subscriptions.models import Order, Subscriber, Subscription
from subscriptions.operations.checkouts import sync_checkout
from subscriptions.tasks import sweep_renewal_notices
from tests.factories import make_user
from tests.fixtures_shop import Shop
from tests.timeline import Timeline

BEGIN = datetime(2026, 12, 1, 17, tzinfo=UTC)
# Stripe keeps a renewal's invoice as a draft for an hour before it charges.
CHARGED_AFTER = timedelta(hours=1, minutes=1)


@dataclass
class Year:
    """Somebody's year, and the clocks: `timeline` moves both, `traveller` ours alone."""

    shop: Shop
    order: Order
    timeline: Timeline
    traveller: time_machine.Traveller

    @property
    def subscriber(self) -> Subscriber:
        return self.order.subscriber

    @property
    def subscription(self) -> Subscription:
        return Subscription.objects.get(started_by=self.order)

    @property
    def stripe_id(self) -> str:
        return self.subscription.stripe_subscription_id

    def pass_to(self, moment: datetime, *, hear: bool = True) -> None:
        """Both clocks go to that moment; what Stripe has not told yet it tells now, in the order in which it happened."""
        self.timeline.go_to(moment)
        for event in self.timeline.unheard() if hear else ():
            self.shop.hear(event)

    def hear(self) -> None:
        """Everything new that Stripe tells is told."""
        self.shop.hear_all()

    def sweep(self) -> int:
        """The minute sweep over renewal notices."""
        return sweep_renewal_notices(now=clock.now())

    def invoice_id(self, number: int) -> str:
        """Stripe's id of the year's invoices, the first being 0."""
        return str(self.shop.stripe.objects("invoice")[number]["id"])


def mails_about(*kinds: str) -> list[tuple[str, str]]:
    """Kind and state of the mails of these kinds, oldest first."""
    return list(OutgoingMail.objects.filter(kind__in=kinds).order_by("id").values_list("kind", "state"))


def deliver_all() -> None:
    """A worker sends every mail that is owed."""
    for mail_id in OutgoingMail.objects.filter(state="queued").order_by("id").values_list("id", flat=True):
        deliver_mail(mail_id, clock.now())


@pytest.fixture
def traveller() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(BEGIN, tick=False) as moved:
        yield moved


def begin_year(shop: Shop, traveller: time_machine.Traveller, *, card: str = "4242424242424242") -> Year:
    """A year that was paid with this card at BEGIN, and is confirmed."""
    timeline = Timeline(shop, traveller.move_to)
    timeline.go_to(BEGIN)
    order = shop.order_year(make_user(email="ada@example.com"))
    shop.pay(order, card=card)
    sync_checkout(checkout_session_id=str(order.stripe_checkout_session_id), now=clock.now())
    return Year(shop, order, timeline, traveller)


@pytest.fixture
def year(shop: Shop, traveller: time_machine.Traveller) -> Year:
    """A year paid with a card that goes on paying."""
    return begin_year(shop, traveller)


@pytest.fixture
def failing_year(shop: Shop, traveller: time_machine.Traveller) -> Year:
    """A year paid with a card that pays once, and fails at every later charge."""
    return begin_year(shop, traveller, card="4000000000000341")
