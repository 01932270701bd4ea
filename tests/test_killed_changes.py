"""kill -9 at every step of turning a renewal, announcing it and ending a year: done once, mailed once, refunded once."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import time_machine

from redreport import clock
from sessions_live.models import Seat
from subscriptions import stripe_gateway as gateway
from subscriptions.errors import NothingAtStripe
from subscriptions.models import (
    CreditEntry,
    FormerCustomer,
    Refund,
    RenewalNotice,
    Subscriber,
    Subscription,
    SubscriptionChange,
)
from subscriptions.operations.changes import ask_renewal, submit_change
from subscriptions.operations.customers import open_portal, sync_customer
from subscriptions.operations.notices import announce_renewal, make_renewal_notice
from subscriptions.operations.year_endings import end_year
from tests.aftermath import SOON, AtStripe, a_day_passes, mails_to
from tests.canceling import book
from tests.factories import make_live_session, make_staff
from tests.fixtures_shop import Shop
from tests.killing import kill_at_each_step


def turn(year: Subscription, *, renews: bool) -> None:
    change = ask_renewal(user=year.subscriber.user, renews=renews, now=clock.now())
    submit_change(change_id=change.pk, now=clock.now())


def test_killed_while_turning_the_renewal_off_the_wish_is_done_by_the_sweep(shop: Shop) -> None:
    def check(year: Subscription, stripe: AtStripe) -> None:
        year.refresh_from_db()
        was_kept = year.changes.exists()
        assert list(year.changes.values_list("kind", "state")) == ([("renewal_off", "done")] if was_kept else [])
        assert (stripe.subscription(year)["cancel_at_period_end"], year.renews) == (was_kept, not was_kept)
        assert mails_to(year.subscriber.user.email, "renewal_turned_off") == was_kept

    assert kill_at_each_step(shop, prepare=shop.begin_year, operate=partial(turn, renews=False), check=check) >= 12


def test_killed_while_turning_the_renewal_on_again_the_second_click_does_it_once(shop: Shop) -> None:
    def prepare() -> Subscription:
        year = shop.begin_year()
        turn(year, renews=False)
        return year

    def click_again(year: Subscription) -> None:
        ask_renewal(user=year.subscriber.user, renews=True, now=clock.now())

    def check(year: Subscription, stripe: AtStripe) -> None:
        year.refresh_from_db()
        done = list(year.changes.order_by("id").values_list("kind", "state"))
        assert done in (
            [("renewal_off", "done"), ("renewal_on", "done")],
            # Killed after its end, the second click was a second wish, which holds already.
            [("renewal_off", "done"), ("renewal_on", "done"), ("renewal_on", "done")],
        )
        assert (stripe.subscription(year)["cancel_at_period_end"], year.renews) == (False, True)
        assert mails_to(year.subscriber.user.email, "renewal_turned_off") == 1
        assert mails_to(year.subscriber.user.email, "renewal_turned_on") == 1

    turn_on = partial(turn, renews=True)
    assert kill_at_each_step(shop, prepare=prepare, operate=turn_on, again=click_again, check=check) >= 12


@dataclass
class YearWithSeats:
    """A year, with one of its credits spent on a seat to cancel, and one on a seat to keep."""

    year: Subscription
    canceled: Seat
    kept: Seat


def test_killed_while_staff_end_a_year_it_ends_once_with_one_refund_and_one_seat(shop: Shop) -> None:
    staff, sessions = make_staff(), [make_live_session(capacity=500) for _ in range(2)]

    def prepare() -> YearWithSeats:
        year = shop.begin_year()
        return YearWithSeats(year, *(book(year.subscriber.user, live_session) for live_session in sessions))

    def end(scene: YearWithSeats) -> None:
        end_year(
            subscription_id=scene.year.pk,
            actor=staff,
            reason="Asked to leave",
            refund_minor=100000,
            seats_to_cancel=[scene.canceled.pk],
            now=clock.now(),
        )

    def check(scene: YearWithSeats, stripe: AtStripe) -> None:
        year, email = scene.year, scene.year.subscriber.user.email
        year.refresh_from_db()
        refund = Refund.objects.get(payment__subscriber=year.subscriber)
        assert (year.status, stripe.subscription(year)["status"]) == ("canceled", "canceled")
        assert (refund.state, refund.amount_minor, refund.payment.refunded_minor) == ("succeeded", 100000, 100000)
        assert stripe.refunds_of([refund.payment]) == [100000]
        ledger = CreditEntry.objects.filter(grant__subscriber=year.subscriber).order_by("id")
        assert list(ledger.values_list("kind", "delta")) == [("grant", 12), ("spend", -1), ("spend", -1), ("revoke", -10)]
        assert SubscriptionChange.objects.get(subscription=year).state == "done"
        states = Seat.objects.filter(pk__in=[scene.canceled.pk, scene.kept.pk]).order_by("id").values_list("state", flat=True)
        assert list(states) == ["canceled", "confirmed"]
        assert (mails_to(email, "year_ended_by_house"), mails_to(email, "seat_canceled")) == (1, 1)

    assert kill_at_each_step(shop, prepare=prepare, operate=end, again=end, check=check) >= 15


def test_killed_while_announcing_a_renewal_there_is_one_notice_and_one_mail(shop: Shop) -> None:
    near = clock.now() + timedelta(days=340)

    def announce(year: Subscription) -> None:
        with time_machine.travel(near, tick=True):
            announce_renewal(stripe_subscription_id=year.stripe_subscription_id, now=clock.now())
            for notice in year.renewal_notices.all():
                make_renewal_notice(notice_id=notice.pk, now=clock.now())

    def check(year: Subscription, stripe: AtStripe) -> None:
        notice = RenewalNotice.objects.get(subscription=year)
        assert notice.mail is not None
        assert (notice.dossier["total_minor"], notice.dossier["card_last4"]) == (250000, "4242")
        assert (notice.next_attempt_at, notice.given_up_at) == (None, None)
        assert mails_to(year.subscriber.user.email, "renewal_notice") == 1

    recover = partial(a_day_passes, begin=near)
    assert kill_at_each_step(shop, prepare=shop.begin_year, operate=announce, check=check, recover=recover) >= 12


def test_killed_while_forgetting_a_deleted_customer_it_is_forgotten_once(shop: Shop) -> None:
    def prepare() -> Subscription:
        year = shop.begin_year()
        gateway.client().v1.customers.delete(str(year.subscriber.stripe_customer_id))
        return year

    def hear_of_it(year: Subscription) -> None:
        sync_customer(stripe_customer_id=str(year.subscriber.stripe_customer_id), now=clock.now())

    def hear_of_it_again(year: Subscription) -> None:
        with time_machine.travel(clock.now() + SOON, tick=True):
            hear_of_it(year)

    def check(year: Subscription, stripe: AtStripe) -> None:
        forgotten = year.subscriber.stripe_customer_id
        year.refresh_from_db()
        subscriber = year.subscriber
        assert list(FormerCustomer.objects.filter(subscriber=subscriber).values_list("stripe_customer_id", flat=True)) == [
            forgotten
        ]
        assert (subscriber.stripe_customer_id, subscriber.stripe_key_version, year.status) == (None, 1, "canceled")

    assert kill_at_each_step(shop, prepare=prepare, operate=hear_of_it, again=hear_of_it_again, check=check) >= 10


def test_killed_while_the_portal_finds_the_customer_deleted_it_is_forgotten_once(shop: Shop) -> None:
    def prepare() -> Subscriber:
        subscriber = shop.hold_seat().subscriber
        gateway.client().v1.customers.delete(str(subscriber.stripe_customer_id))
        return subscriber

    def visit(subscriber: Subscriber) -> None:
        with suppress(NothingAtStripe):
            open_portal(user=subscriber.user, now=clock.now())

    def check(subscriber: Subscriber, stripe: AtStripe) -> None:
        forgotten = subscriber.stripe_customer_id
        assert FormerCustomer.objects.get(subscriber=subscriber).stripe_customer_id == forgotten
        subscriber.refresh_from_db()
        assert (subscriber.stripe_customer_id, subscriber.stripe_key_version) == (None, 1)
        assert not stripe.having("billing_portal.session", customer=forgotten)

    assert kill_at_each_step(shop, prepare=prepare, operate=visit, again=visit, check=check) >= 4
