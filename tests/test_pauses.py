"""Years paused or unpaid at Stripe: no credits come, nothing is taken away, a second year is not sold, and it goes on."""

from datetime import timedelta
from typing import Any

import pytest

from redreport import clock
from subscriptions import stripe_gateway as gateway
from subscriptions.errors import YearAlreadyRunning
from subscriptions.models import Case, CreditGrant, Payment, Subscription
from subscriptions.operations.booking import book_with_credit
from tests.factories import make_live_session, make_user
from tests.fixtures_shop import Shop

A_YEAR_AND_A_DAY = 367 * 86400


@pytest.fixture
def year(shop: Shop) -> Subscription:
    return shop.begin_year()


def pause_collection(shop: Shop, year: Subscription, behavior: Any) -> None:
    gateway.client().v1.subscriptions.update(
        year.stripe_subscription_id, {"pause_collection": {"behavior": behavior} if behavior else ""}
    )
    shop.hear(shop.events("customer.subscription.updated")[-1])
    year.refresh_from_db()


def grants() -> int:
    """Years that were paid and granted; what came over from one to the next is none."""
    return CreditGrant.objects.filter(source="invoice").count()


@pytest.mark.parametrize("behavior", ["void", "mark_uncollectible", "keep_as_draft"])
def test_paused_collection_brings_no_credits_and_takes_none(shop: Shop, year: Subscription, behavior: str) -> None:
    pause_collection(shop, year, behavior)
    assert (year.status, year.pause_behavior, year.is_paused, year.renews) == ("active", behavior, True, True)
    live_session = make_live_session()
    book_with_credit(user=year.subscriber.user, live_session_id=live_session.pk, now=clock.now())
    shop.stripe.advance(A_YEAR_AND_A_DAY)
    shop.hear_all()
    year.refresh_from_db()
    assert (year.status, year.is_paused, grants(), CreditGrant.objects.get().balance) == ("active", True, 1, 11)
    assert Payment.objects.count() == 1


def test_resumed_collection_grants_with_the_next_paid_invoice(shop: Shop, year: Subscription) -> None:
    pause_collection(shop, year, "void")
    shop.stripe.advance(A_YEAR_AND_A_DAY)
    pause_collection(shop, year, "")
    assert (year.pause_behavior, year.is_paused, grants()) == ("", False, 1)
    shop.stripe.advance(A_YEAR_AND_A_DAY)
    shop.hear_all()
    year.refresh_from_db()
    newest = CreditGrant.objects.order_by("-valid_from")[0]
    assert (grants(), Payment.objects.count()) == (2, 2)
    assert (newest.valid_from, newest.expires_at) == (year.current_period_start, year.current_period_end)


def test_year_in_the_status_paused_is_followed_and_resumed(shop: Shop, year: Subscription) -> None:
    shop.stripe.pause_subscription(year.stripe_subscription_id)
    shop.hear(shop.events("customer.subscription.paused")[-1])
    year.refresh_from_db()
    assert (year.status, year.is_live, year.is_paused, grants()) == ("paused", True, True, 1)
    with pytest.raises(YearAlreadyRunning):
        shop.order_year(year.subscriber.user)
    shop.stripe.resume_subscription(year.stripe_subscription_id)
    shop.hear(shop.events("customer.subscription.resumed")[-1])
    year.refresh_from_db()
    assert (year.status, year.is_paused, grants()) == ("active", False, 1)
    shop.stripe.advance(A_YEAR_AND_A_DAY)
    shop.hear_all()
    assert (grants(), Payment.objects.count(), Case.objects.count()) == (2, 2, 0)


def test_past_due_only_brings_no_new_credits(shop: Shop) -> None:
    year = shop.begin_year(card="4000000000000341")
    shop.stripe.advance(A_YEAR_AND_A_DAY)
    shop.hear_all()
    year.refresh_from_db()
    assert (year.status, year.payment_is_open, grants(), CreditGrant.objects.get().balance) == ("past_due", True, 1, 12)
    live_session = make_live_session()
    assert book_with_credit(user=year.subscriber.user, live_session_id=live_session.pk, now=clock.now()).kind == "credit"
    shop.stripe.change_card(year.stripe_subscription_id, "4242424242424242")
    shop.hear_all()
    year.refresh_from_db()
    assert (year.status, grants(), Payment.objects.count()) == ("active", 2, 2)


def test_unpaid_year_counts_as_running_and_brings_nothing(shop: Shop) -> None:
    shop.stripe.set_dunning("unpaid")
    year = shop.begin_year(card="4000000000000341")
    shop.stripe.advance(A_YEAR_AND_A_DAY + 20 * 86400)
    shop.hear_all()
    year.refresh_from_db()
    assert (year.status, year.payment_is_open, year.is_live, grants()) == ("unpaid", True, True, 1)
    with pytest.raises(YearAlreadyRunning):
        shop.order_year(year.subscriber.user)


@pytest.mark.parametrize("status", ["trialing", "active", "past_due", "unpaid", "paused"])
def test_no_second_year_is_sold_while_one_stands(shop: Shop, year: Subscription, status: str) -> None:
    Subscription.objects.update(status=status)
    with pytest.raises(YearAlreadyRunning):
        shop.order_year(year.subscriber.user)


@pytest.mark.parametrize("status", ["incomplete", "incomplete_expired", "canceled"])
def test_year_that_never_began_or_has_ended_stands_in_nobodys_way(shop: Shop, status: str) -> None:
    now = clock.now()
    reader = shop.begin_year(make_user())
    Subscription.objects.filter(pk=reader.pk).update(status=status, current_period_end=now + timedelta(days=1))
    assert shop.order_year(reader.subscriber.user).state == "pending"
