"""kill -9 at every step of turning a renewal and of ending a year: done once, mailed once, refunded once."""

from datetime import timedelta

import time_machine

from redreport import clock
from redreport.outbox.models import OutgoingMail
from subscriptions.models import CreditEntry, Refund, Subscription, SubscriptionChange
from subscriptions.operations.changes import ask_renewal, submit_change
from subscriptions.operations.year_endings import end_year
from subscriptions.tasks import sweep_changes_task, sweep_refunds_task
from tests.factories import make_staff
from tests.fixtures_shop import Shop
from tests.killing import kill_at_each_step


def turn_off(year: Subscription) -> None:
    change = ask_renewal(user=year.subscriber.user, renews=False, now=clock.now())
    submit_change(change_id=change.pk, now=clock.now())


def a_day_passes(shop: Shop) -> None:
    """Leases run out, Stripe forgets its keys, and the sweeps come by twice."""
    shop.stripe.prune_idempotency_keys()
    for later in (timedelta(minutes=5), timedelta(days=1)):
        with time_machine.travel(clock.now() + later, tick=True):
            sweep_changes_task()
            sweep_refunds_task()


def at_stripe(shop: Shop, year: Subscription) -> dict[str, object]:
    return next(row for row in shop.stripe.objects("subscription") if row["id"] == year.stripe_subscription_id)


def mails_of(year: Subscription, kind: str) -> int:
    return OutgoingMail.objects.filter(kind=kind, recipient=year.subscriber.user.email).count()


def test_killed_while_turning_the_renewal_off_the_wish_is_done_by_the_sweep(shop: Shop) -> None:
    def recover_and_check(year: Subscription) -> None:
        was_kept = year.changes.exists()
        a_day_passes(shop)
        year.refresh_from_db()
        kept = list(year.changes.values_list("kind", "state"))
        assert kept == ([("renewal_off", "done")] if was_kept else [])
        assert (at_stripe(shop, year)["cancel_at_period_end"], year.renews) == (was_kept, not was_kept)
        assert mails_of(year, "renewal_turned_off") == was_kept

    assert kill_at_each_step(shop.begin_year, turn_off, recover_and_check) >= 12


def test_killed_while_staff_end_a_year_it_ends_once_with_one_refund(shop: Shop) -> None:
    staff = make_staff()

    def end(year: Subscription) -> None:
        end_year(
            subscription_id=year.pk,
            actor=staff,
            reason="Asked to leave",
            refund_minor=100000,
            seats_to_cancel=[],
            now=clock.now(),
        )

    def recover_and_check(year: Subscription) -> None:
        end(year)
        a_day_passes(shop)
        year.refresh_from_db()
        refund = Refund.objects.get(payment__subscriber=year.subscriber)
        intent = refund.payment.stripe_payment_intent_id
        assert (year.status, refund.state) == ("canceled", "succeeded")
        assert [row["amount"] for row in shop.stripe.objects("refund") if row["payment_intent"] == intent] == [100000]
        revoked = CreditEntry.objects.filter(kind="revoke", grant__subscriber=year.subscriber)
        assert list(revoked.values_list("delta", flat=True)) == [-12]
        assert SubscriptionChange.objects.get(subscription=year).state == "done"
        assert mails_of(year, "year_ended_by_house") == 1

    assert kill_at_each_step(shop.begin_year, end, recover_and_check) >= 15
