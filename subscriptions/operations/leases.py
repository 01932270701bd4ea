"""One object of Stripe's is fetched and applied by one worker at a time.

Two workers that fetch the same object overlap: the one with the older answer may write last and turn the state back. A lock held
across HTTP would cure that and pile up connections; a lease on a row does it with two short transactions.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from django.db import connection

from redreport import clock
from subscriptions.errors import LeaseLost, ObjectBusy
from subscriptions.models import StripeObjectLease

# Longer than a fetch with all its retries, so that only a dead holder loses its lease.
LEASE = timedelta(seconds=60)
MOST_ROUNDS = 5

State = TypeVar("State")


@dataclass(frozen=True)
class Lease:
    """The right to write what was fetched of one object."""

    stripe_object_id: str
    holder: uuid.UUID

    def confirm(self) -> None:
        """First in each transaction that writes: locks the lease's row. Refuses with LeaseLost if it passed to another."""
        locked = StripeObjectLease.objects.select_for_update(no_key=True).filter(pk=self.stripe_object_id, holder=self.holder)
        if not locked.exists():
            raise LeaseLost(self.stripe_object_id)


def synchronize(stripe_object_id: str, fetch_and_apply: Callable[[Lease], State]) -> State:
    """Fetch and apply an object under its lease, once more for each time somebody asked meanwhile; returns the last answer.

    Refuses with ObjectBusy when another worker holds the lease.
    """
    lease = _claim(stripe_object_id)
    try:
        for _ in range(MOST_ROUNDS):
            state = fetch_and_apply(lease)
            if _let_go(lease):
                return state
        raise ObjectBusy(stripe_object_id)
    except BaseException:
        _abandon(lease)
        raise


# One statement, so that no rival comes in between: the row is taken when it is new or its lease has run out.
CLAIM = """
    INSERT INTO subscriptions_stripeobjectlease AS lease (stripe_object_id, holder, leased_until, asked_again)
    VALUES (%(object)s, %(holder)s, %(until)s, false)
    ON CONFLICT (stripe_object_id) DO UPDATE SET holder = %(holder)s, leased_until = %(until)s, asked_again = false
    WHERE lease.leased_until IS NULL OR lease.leased_until <= %(now)s
"""


def _claim(stripe_object_id: str) -> Lease:
    now, lease = clock.now(), Lease(stripe_object_id, uuid.uuid4())
    values: Any = {"object": stripe_object_id, "holder": lease.holder, "until": now + LEASE, "now": now}
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, values)
        if cursor.rowcount:
            return lease
    # Its holder fetches once more. If the holder let go this very moment, whoever asked tries again later anyway.
    StripeObjectLease.objects.filter(pk=stripe_object_id, holder__isnull=False).update(asked_again=True)
    raise ObjectBusy(stripe_object_id)


def _let_go(lease: Lease) -> bool:
    """Give the lease back; False, keeping it for another round, when somebody asked again. Refuses with LeaseLost."""
    own = StripeObjectLease.objects.filter(pk=lease.stripe_object_id, holder=lease.holder)
    if own.filter(asked_again=False).update(holder=None, leased_until=None):
        return True
    if not own.update(asked_again=False, leased_until=clock.now() + LEASE):
        raise LeaseLost(lease.stripe_object_id)
    return False


def _abandon(lease: Lease) -> None:
    StripeObjectLease.objects.filter(pk=lease.stripe_object_id, holder=lease.holder).update(holder=None, leased_until=None)
