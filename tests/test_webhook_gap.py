"""No webhook arrives for a day, as when the endpoint is disabled: the hourly comparison heals it all, and what comes late
changes nothing."""

from datetime import timedelta
from typing import Any

import pytest

from redreport import clock
from redreport.outbox.models import OutgoingMail
from sessions_live.models import Seat
from subscriptions import tasks
from subscriptions.models import Case, CreditEntry, Dispute, Order, Reconciliation, StripeEvent, Subscription
from subscriptions.stripe_gateway import client
from tests.books import Day, our_books, stripes_books
from tests.factories import make_user
from tests.timeline import Timeline


def state_of_the_house() -> dict[str, Any]:
    """Everything that a webhook could change."""
    return {
        **our_books(),
        "orders": list(Order.objects.order_by("id").values_list("number", "state", "paid_at", "fulfilled_at")),
        "seats": list(Seat.objects.order_by("id").values_list("id", "state")),
        "ledger": list(CreditEntry.objects.order_by("id").values_list("id", "kind", "delta", "balance_after")),
        "cases": list(Case.objects.order_by("id").values_list("key", "state")),
        "mails": sorted(OutgoingMail.objects.values_list("kind", "recipient")),
    }


@pytest.fixture
def day(timeline: Timeline) -> Day:
    """A house in which a year will renew soon, and everything so far is heard of."""
    day = Day(timeline.shop)
    day.buy_year("renewing")
    day.buy_seat("before")
    for event in timeline.unheard():
        timeline.shop.hear(event)
    tasks.reconcile_task()
    timeline.let_pass(timedelta(days=364))
    # That year has passed with its webhooks: what the last comparison saw is less than an hour ago.
    for event in timeline.unheard():
        timeline.shop.hear(event)
    tasks.reconcile_task()
    assert our_books() == stripes_books(day.shop)
    return day


def test_a_day_without_webhooks_is_healed_by_the_hourly_run(day: Day, timeline: Timeline) -> None:
    day.buy_seat("seat")
    day.buy_year("year")
    day.turn_renewal_off("year")
    day.buy_seat("returned")
    day.refund_by_hand("returned")
    disputed = day.shop.stripe.open_dispute(day.intent_of("seat"))
    timeline.let_pass(timedelta(days=2))
    assert Subscription.objects.get().current_period_end < clock.now()
    assert our_books() != stripes_books(day.shop)
    said = tasks.reconcile_task()
    assert our_books() == stripes_books(day.shop)
    run = Reconciliation.objects.latest("id")
    assert (run.found == run.fixed > 0, run.cases) == (True, 0)
    assert said.startswith(f"reconcile: {run.found} differences in ")
    assert set(Order.objects.values_list("state", flat=True)) == {"paid", "refunded"}
    assert Seat.objects.get(coverage__order=day.orders["returned"]).state == "canceled"
    assert (Case.objects.get().kind, Case.objects.get().dispute) == ("dispute", Dispute.objects.get(stripe_dispute_id=disputed))
    assert not Order.objects.filter(fulfilled_at__isnull=True).exists()
    assert tasks.reconcile_task().startswith("reconcile: nothing differs (")
    healed = state_of_the_house()
    for event in timeline.unheard():
        assert day.shop.hear(event) == 200
    assert state_of_the_house() == healed


def test_what_happened_just_now_is_left_to_its_webhooks(timeline: Timeline) -> None:
    day = Day(timeline.shop)
    day.buy_seat("seat")
    assert tasks.reconcile_task() == "reconcile: nothing differs (0 objects compared)."
    timeline.let_pass(timedelta(minutes=11))
    assert "differences" in tasks.reconcile_task()
    assert our_books() == stripes_books(day.shop)


def test_an_endpoint_that_stripe_disabled_leaves_no_gap(timeline: Timeline) -> None:
    shop = timeline.shop
    [endpoint] = shop.stripe.objects("webhook_endpoint")
    client().v1.webhook_endpoints.update(endpoint["id"], {"disabled": True})
    shop.stripe.release_webhooks()
    day = Day(shop)
    day.buy_seat("seat", make_user(email="seat@example.com"))
    assert (shop.stripe.deliveries(), StripeEvent.objects.count()) == ([], 0)
    timeline.let_pass(timedelta(hours=1))
    tasks.reconcile_task()
    assert our_books() == stripes_books(shop)
    assert Seat.objects.get().state == "confirmed"
    # The inbox has what it missed, each acted on once.
    assert set(StripeEvent.objects.values_list("type", "state")) == {
        ("checkout.session.completed", "processed"),
        ("invoice.paid", "processed"),
    }
