"""kill -9 at every step of bringing back what a restored database forgot: reader, payment, year and case stand there once."""

from dataclasses import dataclass

import time_machine

from redreport import clock
from redreport.accounts.models import User
from sessions_live.models import Seat
from subscriptions import stripe_gateway as gateway
from subscriptions.models import Case, CreditGrant, Order, Payment, Refund, SeatCoverage, Subscriber
from subscriptions.operations.recovery import recover_payment
from tests.aftermath import SOON, AtStripe
from tests.fixtures_shop import Shop
from tests.killing import kill_at_each_step


@dataclass
class Forgotten:
    """What Stripe took from somebody of whom nothing is in our database any more."""

    customer_id: str
    email: str
    intent_id: str


def forget(order: Order) -> Forgotten:
    """The database is one of before this order and its buyer."""
    subscriber, user = order.subscriber, order.subscriber.user
    [intent] = gateway.client().v1.payment_intents.list({"customer": str(subscriber.stripe_customer_id)}).data
    SeatCoverage.objects.filter(order=order).delete()
    Seat.objects.filter(booked_by=user).delete()
    order.delete()
    subscriber.delete()
    user.delete()
    return Forgotten(str(subscriber.stripe_customer_id), user.email, intent.id)


def recover(forgotten: Forgotten) -> None:
    recover_payment(payment_intent_id=forgotten.intent_id, now=clock.now())


def recover_in_the_next_run(forgotten: Forgotten) -> None:
    with time_machine.travel(clock.now() + SOON, tick=True):
        recover(forgotten)


def payment_brought_back(forgotten: Forgotten) -> Payment:
    """The only payment, of the only subscriber, of the only account."""
    subscriber = Subscriber.objects.get(user=User.objects.get(email=forgotten.email))
    assert subscriber.stripe_customer_id == forgotten.customer_id
    payment = Payment.objects.get(subscriber=subscriber)
    assert payment.stripe_payment_intent_id == forgotten.intent_id
    return payment


def test_killed_while_bringing_a_year_back_it_is_there_once(shop: Shop) -> None:
    def prepare() -> Forgotten:
        order = shop.order_year()
        shop.pay(order)
        return forget(order)

    def check(forgotten: Forgotten, stripe: AtStripe) -> None:
        payment = payment_brought_back(forgotten)
        assert (payment.amount_minor, stripe.refunds_of([payment])) == (250000, [])
        assert CreditGrant.objects.get(subscriber=payment.subscriber).balance == 12
        assert not Case.objects.filter(subscriber=payment.subscriber).exists()

    killed = kill_at_each_step(shop, prepare=prepare, operate=recover, again=recover_in_the_next_run, check=check)
    assert killed >= 20


def test_killed_while_bringing_a_seats_payment_back_there_is_one_case(shop: Shop) -> None:
    def prepare() -> Forgotten:
        order = shop.hold_seat()
        shop.pay(order)
        return forget(order)

    def check(forgotten: Forgotten, stripe: AtStripe) -> None:
        payment = payment_brought_back(forgotten)
        assert (payment.amount_minor, stripe.refunds_of([payment])) == (25000, [])
        assert Case.objects.get(subscriber=payment.subscriber).kind == "payment_without_seat"
        assert not Refund.objects.exists()

    killed = kill_at_each_step(shop, prepare=prepare, operate=recover, again=recover_in_the_next_run, check=check)
    assert killed >= 10
