"""Idempotency keys are made from our rows, so that asking again is the same request. One answer makes a new key necessary."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db.models import F

from subscriptions.errors import GatewayBroken
from subscriptions.models import Order, Refund, Subscriber, SubscriptionChange


@contextmanager
def new_key_after_server_error(row: Order | Refund | Subscriber | SubscriptionChange) -> Iterator[None]:
    """Stripe replays even an error of its own to the same key: raise the row's key version, and let the error pass on.

    A connection that broke keeps its key, since the request may still be on its way.
    """
    try:
        yield
    except GatewayBroken:
        type(row).objects.filter(pk=row.pk).update(stripe_key_version=F("stripe_key_version") + 1)
        raise
