"""kill -9 at every step of taking a webhook in and of acting on it: Stripe tells it again, and everything stands there once."""

from typing import Any

from redreport import clock
from subscriptions.models import Order, StripeEvent
from subscriptions.webhooks.inbox import process_event
from tests.aftermath import AtStripe, mails_to, seats_in
from tests.fixtures_shop import Shop
from tests.killing import kill_at_each_step

News = dict[str, Any]


def order_of(news: News) -> Order:
    return Order.objects.get(stripe_checkout_session_id=news["data"]["object"]["id"])


def assert_given_once(news: News, stripe: AtStripe) -> None:
    order = order_of(news)
    assert (order.state, order.payments.count(), stripe.charges_of(order)) == ("paid", 1, [25000])
    assert (seats_in(order.live_session), mails_to(order.subscriber.user.email, "seat_confirmed")) == (["confirmed"], 1)


def seat_is_paid(shop: Shop) -> News:
    shop.pay(shop.hold_seat())
    return shop.events("checkout.session.completed")[-1]


def test_killed_while_storing_a_webhook_it_is_stored_when_stripe_sends_it_again(shop: Shop) -> None:
    def check(news: News, stripe: AtStripe) -> None:
        assert StripeEvent.objects.get(stripe_event_id=news["id"]).state == "processed"
        assert_given_once(news, stripe)

    killed = kill_at_each_step(
        shop, prepare=lambda: seat_is_paid(shop), operate=shop.post_webhook, again=shop.post_webhook, check=check
    )
    assert killed >= 2


def test_killed_while_acting_on_a_webhook_the_sweep_acts_on_it(shop: Shop) -> None:
    def prepare() -> News:
        news = seat_is_paid(shop)
        assert shop.post_webhook(news) == 200
        return news

    def act(news: News) -> None:
        process_event(event_id=StripeEvent.objects.get(stripe_event_id=news["id"]).pk, now=clock.now())

    def check(news: News, stripe: AtStripe) -> None:
        event = StripeEvent.objects.get(stripe_event_id=news["id"])
        assert (event.state, event.due_at) == ("processed", None)
        assert_given_once(news, stripe)

    assert kill_at_each_step(shop, prepare=prepare, operate=act, check=check) >= 10
