"""The customer at Stripe renamed in the portal, or deleted in the dashboard: its years, its payments, its next purchase."""

from itertools import permutations

import pytest

from redreport import clock
from redreport.audit.models import AuditEntry
from subscriptions import stripe_gateway as gateway
from subscriptions.cards import Card
from subscriptions.errors import GatewayUnavailable
from subscriptions.models import Case, CreditGrant, FormerCustomer, Payment, Subscription
from subscriptions.operations.customers import sync_customer
from subscriptions.operations.renewals import sync_subscription
from tests.factories import make_user
from tests.fixtures_shop import Shop


def customer_id(year: Subscription) -> str:
    return str(year.subscriber.stripe_customer_id)


@pytest.mark.parametrize("order", list(permutations(("customer.deleted", "customer.subscription.deleted"))))
def test_deleted_customer_ends_its_year_in_either_order_of_the_news(shop: Shop, order: tuple[str, ...]) -> None:
    year = shop.begin_year()
    deleted = customer_id(year)
    gateway.client().v1.customers.delete(deleted)
    for name in (*order, *order):
        assert shop.hear(shop.events(name)[0]) == 200
    year.refresh_from_db()
    year.subscriber.refresh_from_db()
    assert (year.status, year.ended_at is not None, year.subscriber.stripe_customer_id) == ("canceled", True, None)
    former = FormerCustomer.objects.get()
    assert (former.subscriber, former.stripe_customer_id) == (year.subscriber, deleted)
    assert (CreditGrant.objects.get().balance, Case.objects.count()) == (12, 0)


def test_news_of_the_deletion_alone_ends_the_year(shop: Shop) -> None:
    year = shop.begin_year()
    gateway.client().v1.customers.delete(customer_id(year))
    shop.hear(shop.events("customer.deleted")[0])
    year.refresh_from_db()
    assert year.status == "canceled"


def test_deletion_heard_while_stripe_is_down_is_finished_later(shop: Shop) -> None:
    year = shop.begin_year()
    deleted = customer_id(year)
    gateway.client().v1.customers.delete(deleted)
    shop.stripe.fault("503", path="/v1/subscriptions/*", count=100)
    with pytest.raises(GatewayUnavailable):
        sync_customer(stripe_customer_id=deleted, now=clock.now())
    shop.stripe.clear_faults()
    sync_customer(stripe_customer_id=deleted, now=clock.now())
    year.refresh_from_db()
    assert (year.status, FormerCustomer.objects.count()) == ("canceled", 1)


def test_reader_buys_again_as_a_new_customer(shop: Shop) -> None:
    year = shop.begin_year()
    user, deleted = year.subscriber.user, customer_id(year)
    gateway.client().v1.customers.delete(deleted)
    shop.hear(shop.events("customer.deleted")[0])
    second = shop.begin_year(user)
    assert (second.subscriber, second.status, Subscription.objects.count()) == (year.subscriber, "active", 2)
    assert second.subscriber.stripe_customer_id not in (None, deleted)


def test_payment_heard_of_after_the_deletion_is_still_its_subscribers(shop: Shop) -> None:
    order = shop.order_year()
    shop.pay(order)
    deleted = str(order.subscriber.stripe_customer_id)
    gateway.client().v1.customers.delete(deleted)
    shop.hear(shop.events("customer.deleted")[0])
    shop.hear(shop.events("invoice.paid")[0])
    payment = Payment.objects.get()
    assert (payment.subscriber, payment.amount_minor) == (order.subscriber, 250000)
    assert (Subscription.objects.get().status, CreditGrant.objects.get().balance) == ("canceled", 12)


def test_name_changed_in_the_portal_is_the_billing_name(shop: Shop) -> None:
    year = shop.begin_year(make_user("Ada Okafor"))
    gateway.client().v1.customers.update(customer_id(year), {"name": "Okafor\nCapital  LLC"})
    for _ in range(2):
        shop.hear(shop.events("customer.updated")[-1])
    year.subscriber.refresh_from_db()
    assert year.subscriber.billing_name == "Okafor Capital LLC"
    assert list(AuditEntry.objects.filter(verb="billing_name_changed").values_list("actor_label", "target_id")) == [
        ("stripe", str(year.subscriber.pk))
    ]


def test_card_put_in_at_stripe_is_the_one_that_its_years_renew_with(shop: Shop) -> None:
    year = shop.begin_year()
    gateway.open_portal(customer_id=customer_id(year), return_url="http://testserver/")
    shop.stripe.portal(customer_id(year), "card", card_number="5555555555554444")
    shop.hear(shop.events("customer.updated")[-1])
    year.refresh_from_db()
    assert year.card == Card("mastercard", "4444", "12/2034")


@pytest.mark.parametrize(
    ("brand", "words"),
    [("visa", "Visa"), ("amex", "American Express"), ("cartes_bancaires", "Cartes Bancaires"), ("unionpay", "UnionPay")],
)
def test_brand_is_called_as_it_calls_itself(brand: str, words: str) -> None:
    assert str(Card(brand, "4242", "12/2034")) == f"{words} ending in 4242"


def test_year_that_has_ended_keeps_no_card(shop: Shop) -> None:
    year = shop.begin_year()
    assert year.card == Card("visa", "4242", "12/2034")
    gateway.cancel_subscription(year.stripe_subscription_id)
    sync_subscription(stripe_subscription_id=year.stripe_subscription_id, now=clock.now())
    year.refresh_from_db()
    assert (year.card, year.card_brand, year.card_last4, year.card_expires) == (None, "", "", "")


def test_other_changes_of_a_customer_change_nothing(shop: Shop) -> None:
    year = shop.begin_year(make_user("Ada Okafor"))
    gateway.client().v1.customers.update(customer_id(year), {"email": "finance@example.com"})
    shop.hear(shop.events("customer.updated")[-1])
    year.subscriber.refresh_from_db()
    assert (year.subscriber.billing_name, year.subscriber.user.email == "finance@example.com") == ("Ada Okafor", False)


def test_customers_that_are_none_of_ours_are_left_alone(shop: Shop) -> None:
    stranger = gateway.client().v1.customers.create({"name": "Somebody else"})
    gateway.client().v1.customers.update(stranger.id, {"name": "Somebody else again"})
    gateway.client().v1.customers.delete(stranger.id)
    for event in shop.events("customer.updated", "customer.deleted"):
        assert shop.hear(event) == 200
    assert FormerCustomer.objects.count() == 0
