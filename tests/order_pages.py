"""What a reader sees of an order, and what its row says was paid."""

from typing import Any

from django.test import Client

from subscriptions.models import Order

# A coupon that leaves nothing to pay.
FREE: Any = {"percent_off": 100}


def sums_of(order: Order) -> tuple[int, int, int, int | None]:
    """List price, discount, tax and total, in minor units."""
    order.refresh_from_db()
    return order.amount_minor, order.discount_minor, order.tax_minor, order.total_minor


def page_of(order: Order, query: str = "") -> str:
    """Its page, in one line."""
    client = Client()
    client.force_login(order.subscriber.user)
    return " ".join(client.get(f"/orders/{order.number}/{query}").content.decode().split())


def account_of(order: Order) -> str:
    """The account of whoever ordered it."""
    client = Client()
    client.force_login(order.subscriber.user)
    return client.get("/account/").content.decode()
