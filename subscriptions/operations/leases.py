"""One object of Stripe's is fetched and applied by one worker at a time.

Two workers that fetch the same object overlap: the one with the older answer may write last and turn the state back. A lock held
across HTTP would cure that and pile up connections; a lease on a row does it with two short transactions.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from django.db import transaction

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

    def confirm(self) -> StripeObjectLease:
        """First in each transaction that writes: the lease's row, locked. Refuses with LeaseLost if it passed to another."""
        row = _locked(self.stripe_object_id)
        if row.holder != self.holder:
            raise LeaseLost(self.stripe_object_id)
        return row


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


def _claim(stripe_object_id: str) -> Lease:
    now = clock.now()
    with transaction.atomic():
        StripeObjectLease.objects.bulk_create([StripeObjectLease(stripe_object_id=stripe_object_id)], ignore_conflicts=True)
        row = _locked(stripe_object_id)
        is_held = row.leased_until is not None and row.leased_until > now
        if is_held:
            row.asked_again = True
        else:
            row.holder, row.leased_until, row.asked_again = uuid.uuid4(), now + LEASE, False
        row.save()
    if is_held or row.holder is None:
        raise ObjectBusy(stripe_object_id)
    return Lease(stripe_object_id, row.holder)


def _let_go(lease: Lease) -> bool:
    """Give the lease back; False, keeping it for another round, when somebody asked again."""
    with transaction.atomic():
        row = lease.confirm()
        if row.asked_again:
            row.asked_again = False
            row.leased_until = clock.now() + LEASE
        else:
            row.holder = None
            row.leased_until = None
        row.save(update_fields=["holder", "leased_until", "asked_again"])
        return row.holder is None


def _abandon(lease: Lease) -> None:
    StripeObjectLease.objects.filter(pk=lease.stripe_object_id, holder=lease.holder).update(holder=None, leased_until=None)


def _locked(stripe_object_id: str) -> StripeObjectLease:
    return StripeObjectLease.objects.select_for_update(no_key=True).get(pk=stripe_object_id)
