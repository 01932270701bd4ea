"""Guards between a refund and the money that leaves, and between an older answer and our rows."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from django.db import connection, transaction

from redreport import clock
from subscriptions import stripe_gateway as gateway
from subscriptions.errors import LeaseLost
from subscriptions.models import CreditEntry, Payment, Refund, SeatCoverage, StripeObjectLease
from subscriptions.operations import settle
from subscriptions.operations.leases import Lease
from subscriptions.operations.refunds import owe_refund, submit_refund
from subscriptions.operations.renewals import sync_subscription
from subscriptions.operations.settle import settle_seat
from subscriptions.stripe_objects import RefundState, SubscriptionState
from tests.canceling import book, cancel
from tests.factories import make_credits, make_live_session, make_user
from tests.fixtures_shop import Shop
from tests.guards import Guard
from tests.racing import without_index

REFUNDED_TWICE = "one refund left twice"
TWO_CREDITS = "one canceled seat brought two credits"
TURNED_BACK = "a year that has ended runs again"
REFUNDS = "/v1/refunds"


def refund_without_an_answer_is_asked_for_two_days_later(shop: Shop) -> None:
    refund = part_that_is_owed(shop)
    shop.stripe.fault("drop_after", method="POST", path=REFUNDS, count=2)
    ask(refund)
    shop.stripe.clear_faults()
    shop.stripe.prune_idempotency_keys()
    ask(refund)
    assert len(shop.stripe.objects("refund")) == 1, REFUNDED_TWICE


@contextmanager
def nobody_looks_first() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gateway, "find_refund", lambda **asked: None)
        yield


def request_for_a_refund_reaches_stripe_late(shop: Shop) -> None:
    """It broke off on our side; the second attempt finds nothing, and is quicker."""
    refund, requests, create = part_that_is_owed(shop), [], gateway.create_refund

    def create_and_remember(**request: Any) -> RefundState:
        requests.append(request)
        return create(**request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gateway, "create_refund", create_and_remember)
        shop.stripe.fault("drop", method="POST", path=REFUNDS, count=2)
        ask(refund)
        shop.stripe.clear_faults()
        ask(refund)
    create(**requests[0])
    assert len(shop.stripe.objects("refund")) == 1, REFUNDED_TWICE


@contextmanager
def every_refund_has_a_key_of_its_own() -> Iterator[None]:
    """The idempotency key is not made from the refund's row."""
    create = gateway.create_refund

    def create_anew(*, key: str, **request: Any) -> RefundState:
        return create(key=f"{key}-{uuid.uuid4()}", **request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gateway, "create_refund", create_anew)
        yield


def canceled_seat_is_settled_again(shop: Shop) -> None:
    user = make_user()
    make_credits(user, 3)
    seat, _ = book(user, make_live_session()), book(user, make_live_session())
    cancel(seat)
    settle_seat(seat_id=seat.pk, now=clock.now())
    assert CreditEntry.objects.filter(seat=seat, kind=CreditEntry.Kind.RETURN).count() == 1, TWO_CREDITS


@contextmanager
def no_settlement_is_remembered() -> Iterator[None]:
    """Neither the mark on the coverage is looked at, nor does the database mind a second return."""
    settle_locked_seat = settle.settle_locked_seat

    def settle_as_if_never_settled(*, coverage: SeatCoverage, **kwargs: Any) -> Refund | None:
        coverage.settled_at = None
        return settle_locked_seat(coverage=coverage, **kwargs)

    with pytest.MonkeyPatch.context() as patch, without_index("credit_entry_one_return_per_seat", forget_ledger):
        patch.setattr(settle, "settle_locked_seat", settle_as_if_never_settled)
        yield


def older_answer_is_written_last(shop: Shop) -> None:
    """A worker fetches a year, and stands still for so long that its lease passes to another, who hears that it has ended."""
    year, fetch = shop.begin_year(), gateway.fetch_subscription

    def fetch_and_stand_still(stripe_subscription_id: str) -> SubscriptionState:
        older = fetch(stripe_subscription_id)
        patch.setattr(gateway, "fetch_subscription", fetch)
        gateway.cancel_subscription(stripe_subscription_id)
        StripeObjectLease.objects.update(leased_until=clock.now())
        sync_subscription(stripe_subscription_id=stripe_subscription_id, now=clock.now())
        return older

    with pytest.MonkeyPatch.context() as patch, suppress(LeaseLost):
        patch.setattr(gateway, "fetch_subscription", fetch_and_stand_still)
        sync_subscription(stripe_subscription_id=year.stripe_subscription_id, now=clock.now())
    year.refresh_from_db()
    assert year.status == "canceled", TURNED_BACK


@contextmanager
def whoever_fetched_may_write() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Lease, "confirm", lambda lease: None)
        yield


def forget_ledger() -> None:
    """The ledger lets no line be deleted; all of it at once can go."""
    with connection.cursor() as cursor:
        cursor.execute(f'TRUNCATE "{CreditEntry._meta.db_table}" CASCADE')


def part_that_is_owed(shop: Shop) -> Refund:
    """Stripe would refuse to give back all of a payment twice, but not a part of it."""
    shop.sell_seat()
    with transaction.atomic():
        refund = owe_refund(
            payment_id=Payment.objects.get().pk, amount_minor=10000, reason=Refund.Reason.GIVEN_BACK, now=clock.now()
        )
    assert refund
    return refund


def ask(refund: Refund) -> None:
    Refund.objects.update(next_attempt_at=clock.now())
    submit_refund(refund_id=refund.pk, now=clock.now())


MONEY = [
    Guard("refund-looked-for", REFUNDED_TWICE, refund_without_an_answer_is_asked_for_two_days_later, nobody_looks_first),
    Guard("refund-key", REFUNDED_TWICE, request_for_a_refund_reaches_stripe_late, every_refund_has_a_key_of_its_own),
    Guard("settled-once", TWO_CREDITS, canceled_seat_is_settled_again, no_settlement_is_remembered),
    Guard("lease", TURNED_BACK, older_answer_is_written_last, whoever_fetched_may_write),
]
