"""The simulator's lists of money and subscriptions: by time, in pages, and with what they refer to."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.fixtures_stripe import StripeAccount
from tests.simulator_steps import refusal

DAY = 86400


def years_over_days(account: StripeAccount) -> list[int]:
    """Five years bought and partly refunded, a day apart; returns each one's moment."""
    moments = []
    for _ in range(5):
        moments.append(account.control.now())
        year = account.year()
        (charge,) = account.client.v1.charges.list({"customer": year.customer}).data
        account.client.v1.refunds.create({"charge": charge.id, "amount": 1000})
        account.control.advance(DAY)
    return moments


LISTS: list[Callable[[Any], Any]] = [
    lambda v1: v1.payment_intents,
    lambda v1: v1.charges,
    lambda v1: v1.refunds,
    lambda v1: v1.invoices,
    lambda v1: v1.subscriptions,
]
each_list = pytest.mark.parametrize("service", LISTS, ids=["payment_intents", "charges", "refunds", "invoices", "subscriptions"])


@each_list
def test_a_list_is_bounded_by_time_on_either_side(stripe_account: StripeAccount, service: Callable[[Any], Any]) -> None:
    listed, moments = service(stripe_account.client.v1), years_over_days(stripe_account)
    everything = listed.list({"limit": 100}).data
    created = [row.created for row in everything]
    assert created == sorted(created, reverse=True)
    assert len(created) == 5
    assert [row.id for row in listed.list({"created": {"gte": moments[2]}}).data] == [row.id for row in everything[:3]]
    assert [row.id for row in listed.list({"created": {"lt": moments[2]}}).data] == [row.id for row in everything[3:]]
    between = {"gt": created[4], "lte": created[2]}
    assert [row.id for row in listed.list({"created": between}).data] == [row.id for row in everything[2:4]]
    assert [row.id for row in listed.list({"created": created[1]}).data] == [everything[1].id]


@each_list
def test_a_list_is_read_to_its_end_page_by_page(stripe_account: StripeAccount, service: Callable[[Any], Any]) -> None:
    listed, moments = service(stripe_account.client.v1), years_over_days(stripe_account)
    everything = [row.id for row in listed.list({"limit": 100}).data]
    assert [row.id for row in listed.list({"limit": 2}).auto_paging_iter()] == everything
    since = {"limit": 1, "created": {"gte": moments[1]}}
    assert [row.id for row in listed.list(since).auto_paging_iter()] == everything[:4]
    assert refusal(lambda: listed.list({"limit": 101})).param == "limit"


def test_lists_show_what_they_refer_to(stripe_account: StripeAccount) -> None:
    v1, year = stripe_account.client.v1, stripe_account.year()
    (charge,) = v1.charges.list({"expand": ["data.customer", "data.payment_intent"]}).data
    v1.refunds.create({"charge": charge.id})
    (intent,) = v1.payment_intents.list({"expand": ["data.latest_charge", "data.payment_method", "data.customer"]}).data
    (refund,) = v1.refunds.list({"expand": ["data.charge", "data.payment_intent.latest_charge"]}).data
    (invoice,) = v1.invoices.list({"expand": ["data.payments.data.payment.payment_intent", "data.customer"]}).data
    (subscription,) = v1.subscriptions.list({"expand": ["data.latest_invoice.payments", "data.items.data.price.product"]}).data
    assert charge.payment_intent.id == intent.id == refund.payment_intent.id
    assert intent.latest_charge.id == refund.charge.id == refund.payment_intent.latest_charge.id == charge.id
    assert invoice.payments.data[0].payment.payment_intent.id == intent.id
    assert subscription.latest_invoice.payments.data[0].invoice == invoice.id
    assert subscription.to_dict()["items"]["data"][0]["price"]["product"]["name"] == "A year of live sessions"
    assert charge.customer.id == intent.customer.id == invoice.customer.id == year.customer
