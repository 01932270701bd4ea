"""A year of twelve sessions, and seats by credit."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from redreport import clock
from redreport.outbox.models import OutgoingMail
from sessions_live.errors import AlreadySeated, SalesClosed, SoldOut
from sessions_live.models import Seat
from subscriptions import stripe_gateway as gateway
from subscriptions.errors import CreditExpiresBefore, NoCredit, YearAlreadyRunning
from subscriptions.models import Case, CreditEntry, CreditGrant, Order, Plan, SeatCoverage, Subscriber, Subscription
from subscriptions.operations import renewals
from subscriptions.operations.booking import book_with_credit
from subscriptions.operations.checkouts import sync_checkout
from subscriptions.operations.leases import synchronize
from subscriptions.selectors import credit_balance, current_price
from subscriptions.stripe_objects import CheckoutRequest, InvoiceState
from tests.factories import make_live_session, make_user
from tests.fixtures_shop import Shop, seats_given


@pytest.fixture
def subscriber(shop: Shop) -> Subscriber:
    """Somebody whose year is paid and confirmed."""
    order = shop.order_year()
    shop.pay(order)
    sync_checkout(checkout_session_id=str(order.stripe_checkout_session_id), now=clock.now())
    return order.subscriber


def ledger(subscriber: Subscriber) -> list[tuple[str, int, int]]:
    return list(
        CreditEntry.objects.filter(grant__subscriber=subscriber).order_by("id").values_list("kind", "delta", "balance_after")
    )


def test_paid_year_grants_twelve_credits_for_its_period(shop: Shop, subscriber: Subscriber) -> None:
    grant, subscription, order = CreditGrant.objects.get(), Subscription.objects.get(), Order.objects.get()
    assert (grant.credits, grant.balance) == (12, 12)
    assert (grant.valid_from, grant.expires_at) == (subscription.current_period_start, subscription.current_period_end)
    assert (order.state, order.subscription, order.fulfilled_at is not None) == ("paid", subscription, True)
    assert order.payments.get().amount_minor == 250000
    assert ledger(subscriber) == [("grant", 12, 12)]
    assert OutgoingMail.objects.get().kind == "year_started"


def test_consent_to_the_renewal_is_kept_with_the_order(shop: Shop) -> None:
    order = shop.order_year()
    assert (order.consent_version, order.consented_at, order.amount_minor) == ("2026-11", order.created_at, 250000)


def test_second_click_gives_the_pending_order(shop: Shop) -> None:
    user = make_user()
    assert shop.order_year(user) == shop.order_year(user)
    assert len(shop.stripe.objects("checkout.session")) == 1


def test_second_year_is_refused_while_one_runs(shop: Shop, subscriber: Subscriber) -> None:
    with pytest.raises(YearAlreadyRunning):
        shop.order_year(subscriber.user)


def test_second_year_made_at_stripe_opens_a_case_once(shop: Shop, subscriber: Subscriber) -> None:
    now = clock.now()
    second = gateway.create_year_checkout(
        CheckoutRequest(
            key="made-by-hand",
            order_number="by hand",
            customer_id=str(subscriber.stripe_customer_id),
            price_id=current_price(Plan.ANNUAL).stripe_price_id,
            expires_at=now + timedelta(minutes=40),
            return_url="http://testserver/",
            back_url="http://testserver/",
        )
    )
    shop.stripe.pay(second.id)
    shop.hear_all()
    shop.hear_all()
    assert Subscription.objects.count() == 2
    case = Case.objects.get()
    assert (case.kind, case.subscriber) == ("second_year", subscriber)


def test_a_credit_takes_a_seat_in_one_step(shop: Shop, subscriber: Subscriber) -> None:
    live_session = make_live_session()
    coverage = book_with_credit(user=subscriber.user, live_session_id=live_session.pk, now=clock.now())
    assert (coverage.kind, coverage.seat.state, coverage.seat.attendee_email) == ("credit", "confirmed", subscriber.user.email)
    assert ledger(subscriber) == [("grant", 12, 12), ("spend", -1, 11)]
    assert credit_balance(user=subscriber.user, now=clock.now()).total == 11
    assert OutgoingMail.objects.filter(kind="seat_confirmed").count() == 1


def test_one_seat_per_session_for_the_subscriber(shop: Shop, subscriber: Subscriber) -> None:
    live_session = make_live_session()
    book_with_credit(user=subscriber.user, live_session_id=live_session.pk, now=clock.now())
    with pytest.raises(AlreadySeated):
        book_with_credit(user=subscriber.user, live_session_id=live_session.pk, now=clock.now())
    assert (seats_given(live_session), CreditGrant.objects.get().balance) == (1, 11)


def test_no_credit_is_spent_when_the_seat_cannot_be_had(shop: Shop, subscriber: Subscriber) -> None:
    sold_out = make_live_session(capacity=1)
    shop.hold_seat(live_session=sold_out)
    with pytest.raises(SoldOut):
        book_with_credit(user=subscriber.user, live_session_id=sold_out.pk, now=clock.now())
    started = make_live_session(starts_in=timedelta(minutes=5))
    with pytest.raises(SalesClosed):
        book_with_credit(user=subscriber.user, live_session_id=started.pk, now=clock.now() + timedelta(minutes=5))
    assert ledger(subscriber) == [("grant", 12, 12)]


def test_no_seat_is_taken_without_a_credit(shop: Shop) -> None:
    live_session = make_live_session()
    with pytest.raises(NoCredit):
        book_with_credit(user=make_user(), live_session_id=live_session.pk, now=clock.now())
    assert not Seat.objects.exists()


def test_credit_is_refused_for_a_session_that_starts_after_its_expiry(shop: Shop, subscriber: Subscriber) -> None:
    grant = CreditGrant.objects.get()
    after = make_live_session(starts_in=grant.expires_at - clock.now() + timedelta(seconds=1))
    with pytest.raises(CreditExpiresBefore) as refusal:
        book_with_credit(user=subscriber.user, live_session_id=after.pk, now=clock.now())
    assert refusal.value.expires_at == grant.expires_at
    before = make_live_session(starts_in=grant.expires_at - clock.now() - timedelta(seconds=60))
    assert book_with_credit(user=subscriber.user, live_session_id=before.pk, now=clock.now()).kind == SeatCoverage.Kind.CREDIT


def test_the_soonest_expiring_credit_that_fits_goes_first(shop: Shop, subscriber: Subscriber) -> None:
    early = CreditGrant.objects.get()
    late = CreditGrant.objects.create(
        subscriber=subscriber,
        source=CreditGrant.Source.STAFF,
        granted_by=make_user(),
        credits=1,
        balance=1,
        valid_from=early.valid_from,
        expires_at=early.expires_at + timedelta(days=90),
        created_at=clock.now(),
    )
    soon = make_live_session()
    assert book_with_credit(user=subscriber.user, live_session_id=soon.pk, now=clock.now()).credit_entry.grant == early  # type: ignore[union-attr]
    beyond = make_live_session(starts_in=early.expires_at - clock.now() + timedelta(days=1))
    assert book_with_credit(user=subscriber.user, live_session_id=beyond.pk, now=clock.now()).credit_entry.grant == late  # type: ignore[union-attr]


def test_the_ledger_is_append_only_in_the_database_itself(shop: Shop, subscriber: Subscriber) -> None:
    for statement in ("UPDATE subscriptions_creditentry SET delta = 99", "DELETE FROM subscriptions_creditentry"):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    assert ledger(subscriber) == [("grant", 12, 12)]


def test_declined_card_leaves_no_subscription_and_the_order_pending(shop: Shop) -> None:
    order = shop.order_year()
    assert shop.stripe.pay(str(order.stripe_checkout_session_id), card="4000000000000002")["outcome"] == "declined"
    shop.hear_all()
    order.refresh_from_db()
    assert (order.state, Subscription.objects.count(), CreditGrant.objects.count()) == ("pending", 0, 0)


def test_unpaid_year_expires_and_may_be_ordered_again(shop: Shop) -> None:
    user = make_user()
    first = shop.order_year(user)
    shop.let_hold_lapse(first)
    second = shop.order_year(user)
    first.refresh_from_db()
    assert (first.state, second.state, second.pk != first.pk) == ("expired", "pending", True)


def paid_invoice(**line: Any) -> tuple[str, InvoiceState]:
    """The year's invoice as Stripe tells it, with its line changed."""
    subscription = Subscription.objects.get()
    invoice = gateway.fetch_invoice(gateway.fetch_subscription(subscription.stripe_subscription_id).latest_invoice_id)
    changed = replace(invoice.lines[0], id="il_another", **line)
    return invoice.id, replace(invoice, lines=(changed,))


@pytest.mark.parametrize(
    "line",
    [{"is_proration": True}, {"amount_minor": -125000}, {"amount_minor": 0}, {"period_end": clock.now()}],
    ids=["proration", "credit note", "trial", "part of a year"],
)
def test_small_change_on_the_yearly_price_brings_no_credits(shop: Shop, subscriber: Subscriber, line: dict[str, Any]) -> None:
    invoice_id, invoice = paid_invoice(**line)
    synchronize(invoice_id, lambda lease: renewals._apply_invoice(invoice, lease, clock.now()))
    assert ledger(subscriber) == [("grant", 12, 12)]


def test_year_paid_with_another_amount_opens_a_case_and_grants_nothing(shop: Shop) -> None:
    order = shop.order_year()
    Order.objects.update(amount_minor=300000)
    shop.pay(order)
    shop.hear_all()
    order.refresh_from_db()
    assert order.cases.get().kind == "amount_mismatch"
    assert (order.fulfilled_at, CreditGrant.objects.count()) == (None, 0)
    assert order.payments.get().amount_minor == 250000


def test_several_years_on_one_line_grant_one_and_are_put_to_a_person(shop: Shop, subscriber: Subscriber) -> None:
    invoice_id, invoice = paid_invoice(quantity=2)
    synchronize(invoice_id, lambda lease: renewals._apply_invoice(invoice, lease, clock.now()))
    assert [grant.credits for grant in CreditGrant.objects.all()] == [12, 12]
    assert Case.objects.get().summary.endswith("is paid for more than one year at once; 12 credits came of it")
