"""What stands behind coverages: the payments of their orders, who shares them, and years whose money is gone.

Read in the same few queries for one seat that is settled as for all seats of a session that is looked at.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field

from sessions_live.models import Seat
from subscriptions.models import Payment, SeatCoverage
from subscriptions.operations.credits import grants_of_years_gone

EVER_GIVEN = (*Seat.TAKEN, Seat.State.CANCELED)


@dataclass(frozen=True)
class WhatPaid:
    """Payments by order, oldest first; the seats that share an order, by id; the grants whose credits are worth nothing."""

    payments: dict[int, list[Payment]] = field(default_factory=lambda: defaultdict(list))
    sharers: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    years_gone: set[int] = field(default_factory=set)


def what_paid_for(coverages: Collection[SeatCoverage]) -> WhatPaid:
    """What stands behind these coverages; five queries at most."""
    found = WhatPaid()
    orders = {coverage.order_id for coverage in coverages if coverage.order_id}
    if orders:
        for payment in Payment.objects.filter(order__in=orders).order_by("id").prefetch_related("disputes"):
            assert payment.order_id is not None
            found.payments[payment.order_id].append(payment)
        given = SeatCoverage.objects.filter(order__in=orders, seat__state__in=EVER_GIVEN).order_by("seat_id")
        for order_id, seat_id in given.values_list("order_id", "seat_id"):
            assert order_id is not None
            found.sharers[order_id].append(seat_id)
    grants = [coverage.credit_entry.grant for coverage in coverages if coverage.credit_entry]
    found.years_gone.update(grants_of_years_gone(grants))
    return found
