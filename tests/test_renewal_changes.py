"""The renewal turned off and on: the last wish holds at Stripe in the end, whatever is lost, slow or repeated on the way."""

from datetime import timedelta
from typing import Any

import pytest

from redreport import clock
from subscriptions import stripe_gateway as gateway
from subscriptions.errors import ObjectBusy, YearNotRunning
from subscriptions.models import Case, Subscription, SubscriptionChange
from subscriptions.operations.changes import ask_end_now, ask_renewal, submit_change
from subscriptions.operations.renewals import sync_subscription
from subscriptions.tasks import sweep_changes_task
from tests.factories import make_staff, make_user
from tests.fixtures_shop import Shop
from tests.racing import at_once

SUBSCRIPTIONS = "/v1/subscriptions/*"


@pytest.fixture
def year(shop: Shop) -> Subscription:
    return shop.begin_year()


def wish(year: Subscription, renews: bool) -> SubscriptionChange:
    return ask_renewal(user=year.subscriber.user, renews=renews, now=clock.now())


def turn(year: Subscription, renews: bool) -> SubscriptionChange:
    """The reader's click: the wish, and the attempt to carry it out."""
    change = wish(year, renews)
    submit_change(change_id=change.pk, now=clock.now())
    change.refresh_from_db()
    return change


def sweep_later() -> None:
    """The sweep, after every wait is over."""
    SubscriptionChange.objects.filter(next_attempt_at__isnull=False).update(next_attempt_at=clock.now())
    sweep_changes_task()


def at_stripe(shop: Shop) -> dict[str, Any]:
    [subscription] = shop.stripe.objects("subscription")
    return subscription


def renews_at_stripe(shop: Shop) -> bool:
    return at_stripe(shop)["cancel_at"] is None and not at_stripe(shop)["cancel_at_period_end"]


def states() -> list[tuple[str, str]]:
    return list(SubscriptionChange.objects.order_by("id").values_list("kind", "state"))


def updates(shop: Shop) -> int:
    """How often Stripe was told to change a subscription."""
    return len(shop.events("customer.subscription.updated"))


def test_renewal_is_turned_off_at_stripe_and_here(shop: Shop, year: Subscription) -> None:
    change = turn(year, False)
    year.refresh_from_db()
    assert (change.state, change.done_at is not None, change.next_attempt_at) == ("done", True, None)
    assert (at_stripe(shop)["cancel_at_period_end"], year.cancel_at_period_end, year.renews) == (True, True, False)
    assert year.ends_at == year.current_period_end


def test_off_on_off_ends_off(shop: Shop, year: Subscription) -> None:
    for renews in (False, True, False):
        assert turn(year, renews).state == "done"
        assert renews_at_stripe(shop) is renews
    year.refresh_from_db()
    assert (year.renews, states()) == (False, [("renewal_off", "done"), ("renewal_on", "done"), ("renewal_off", "done")])


def test_end_that_the_portal_set_as_a_date_is_taken_back(shop: Shop, year: Subscription) -> None:
    ends = int(year.current_period_end.timestamp())
    gateway.client().v1.subscriptions.update(year.stripe_subscription_id, {"cancel_at": ends})
    assert (at_stripe(shop)["cancel_at"], at_stripe(shop)["cancel_at_period_end"]) == (ends, False)
    assert turn(year, True).state == "done"
    year.refresh_from_db()
    assert (at_stripe(shop)["cancel_at"], year.cancel_at, year.renews) == (None, None, True)


def test_double_click_is_one_wish_and_one_call(shop: Shop, year: Subscription) -> None:
    first, second = wish(year, False), wish(year, False)
    assert first == second
    for change in (first, second):
        submit_change(change_id=change.pk, now=clock.now())
    assert (states(), updates(shop)) == ([("renewal_off", "done")], 1)


def test_two_tabs_at_once_leave_one_pending_wish(shop: Shop, year: Subscription) -> None:
    changes = at_once([lambda: wish(year, False)] * 4)
    assert len({change.pk for change in changes}) == 1  # type: ignore[attr-defined]
    assert states() == [("renewal_off", "pending")]


def test_what_holds_already_is_done_without_a_call(shop: Shop, year: Subscription) -> None:
    assert turn(year, True).state == "done"
    assert updates(shop) == 0


def test_wish_waits_while_stripe_is_down_and_the_sweep_carries_it_out(shop: Shop, year: Subscription) -> None:
    shop.stripe.fault("503", path=SUBSCRIPTIONS, count=100)
    now = clock.now()
    change = ask_renewal(user=year.subscriber.user, renews=False, now=now)
    assert submit_change(change_id=change.pk, now=now) is False
    change.refresh_from_db()
    assert (change.state, change.attempts, change.next_attempt_at) == ("pending", 1, now + timedelta(minutes=1))
    assert submit_change(change_id=change.pk, now=now + timedelta(seconds=59)) is True
    for attempt, wait in ((2, 2), (3, 4), (4, 8)):
        assert change.next_attempt_at
        now = change.next_attempt_at
        submit_change(change_id=change.pk, now=now)
        change.refresh_from_db()
        assert (change.attempts, change.next_attempt_at) == (attempt, now + timedelta(minutes=wait))
    shop.stripe.clear_faults()
    sweep_later()
    assert (states(), renews_at_stripe(shop)) == ([("renewal_off", "done")], False)


@pytest.mark.parametrize("fault", ["drop_after", "500_after"])
def test_call_whose_answer_was_lost_is_not_made_twice(shop: Shop, year: Subscription, fault: Any) -> None:
    shop.stripe.fault(fault, method="POST", path=SUBSCRIPTIONS, count=2)
    assert turn(year, False).state == "pending"
    shop.stripe.clear_faults()
    shop.stripe.prune_idempotency_keys()
    sweep_later()
    assert (states(), updates(shop)) == ([("renewal_off", "done")], 1)


def test_server_error_is_not_replayed_for_ever(shop: Shop, year: Subscription) -> None:
    shop.stripe.fault("500", method="POST", path=SUBSCRIPTIONS, count=2)
    assert turn(year, False).state == "pending"
    shop.stripe.clear_faults()
    sweep_later()
    assert (states(), renews_at_stripe(shop)) == ([("renewal_off", "done")], False)


def test_wish_undone_in_the_dashboard_before_it_was_answered_is_asked_anew(shop: Shop, year: Subscription) -> None:
    """The key was used already: the same key would only give the old answer."""
    shop.stripe.fault("drop_after", method="POST", path=SUBSCRIPTIONS, count=2)
    assert turn(year, False).state == "pending"
    shop.stripe.clear_faults()
    gateway.client().v1.subscriptions.update(year.stripe_subscription_id, {"cancel_at_period_end": False})
    for _ in range(2):
        sweep_later()
    year.refresh_from_db()
    assert (states(), renews_at_stripe(shop), year.renews) == ([("renewal_off", "done")], False, False)


def test_wish_that_comes_while_an_older_call_is_under_way_wins(shop: Shop, year: Subscription) -> None:
    """Stripe has done the older one, and its answer is still on the way when the reader changes their mind."""
    fault = shop.stripe.fault("hold", method="POST", path=SUBSCRIPTIONS)

    def change_mind() -> None:
        shop.stripe.wait_until_waiting(fault)
        newer = wish(year, True)
        with pytest.raises(ObjectBusy):
            submit_change(change_id=newer.pk, now=clock.now())
        shop.stripe.release(fault)

    assert [outcome for outcome in at_once([lambda: turn(year, False), change_mind]) if isinstance(outcome, Exception)] == []
    year.refresh_from_db()
    assert states() == [("renewal_off", "superseded"), ("renewal_on", "done")]
    assert (renews_at_stripe(shop), year.renews) == (True, True)


def test_request_that_reaches_stripe_late_does_not_overtake_the_last_wish(shop: Shop, year: Subscription) -> None:
    """The older call broke off on our side; what it asked for would still be done, after the newer wish."""
    shop.stripe.fault("drop", method="POST", path=SUBSCRIPTIONS, count=2)
    older = turn(year, False)
    shop.stripe.clear_faults()
    newer = wish(year, True)
    submit_change(change_id=newer.pk, now=clock.now())
    # Now it arrives, with its own key: Stripe gives the answer of before, and does nothing.
    state = gateway.fetch_subscription(year.stripe_subscription_id)
    gateway.set_renewal(key=f"change-{older.public_id}-0", subscription=state, renews=False)
    sync_subscription(stripe_subscription_id=year.stripe_subscription_id, now=clock.now())
    year.refresh_from_db()
    assert (renews_at_stripe(shop), year.renews) == (True, True)
    assert states() == [("renewal_off", "superseded"), ("renewal_on", "done")]


def test_wish_never_sent_is_superseded_without_a_call(shop: Shop, year: Subscription) -> None:
    wish(year, False)
    assert turn(year, True).state == "done"
    assert (states(), updates(shop)) == ([("renewal_off", "superseded"), ("renewal_on", "done")], 0)


def test_webhook_at_work_leaves_the_wish_to_the_sweep(shop: Shop, year: Subscription) -> None:
    fault = shop.stripe.fault("hold", method="GET", path=SUBSCRIPTIONS)

    def click() -> None:
        shop.stripe.wait_until_waiting(fault)
        with pytest.raises(ObjectBusy):
            turn(year, False)
        shop.stripe.release(fault)

    sync = lambda: sync_subscription(stripe_subscription_id=year.stripe_subscription_id, now=clock.now())  # noqa: E731
    at_once([sync, click])
    assert states() == [("renewal_off", "pending")]
    sweep_later()
    assert (states(), renews_at_stripe(shop)) == ([("renewal_off", "done")], False)


@pytest.mark.parametrize(("renews", "state"), [(False, "done"), (True, "refused")])
def test_wish_for_a_year_that_ends_this_moment(shop: Shop, year: Subscription, renews: bool, state: str) -> None:
    change = wish(year, renews)
    gateway.cancel_subscription(year.stripe_subscription_id)
    submit_change(change_id=change.pk, now=clock.now())
    year.refresh_from_db()
    assert (states()[0][1], year.status, Case.objects.count()) == (state, "canceled", 0)


def test_year_deleted_between_our_look_and_our_call_needs_nobody(shop: Shop, year: Subscription) -> None:
    fault = shop.stripe.fault("hold", method="GET", path=SUBSCRIPTIONS)

    def delete() -> None:
        shop.stripe.wait_until_waiting(fault)
        gateway.cancel_subscription(year.stripe_subscription_id)
        shop.stripe.release(fault)

    assert at_once([lambda: turn(year, False), delete])[1] is None
    year.refresh_from_db()
    assert (states(), year.status, Case.objects.count()) == ([("renewal_off", "done")], "canceled", 0)


def test_refusal_of_stripes_opens_a_case_once(shop: Shop, year: Subscription) -> None:
    Subscription.objects.update(stripe_subscription_id="sub_of_another_account")
    change = turn(year, False)
    submit_change(change_id=change.pk, now=clock.now())
    assert (change.state, change.error, change.next_attempt_at) == ("refused", "InvalidRequestError resource_missing", None)
    case = Case.objects.get()
    assert (case.kind, case.subscriber) == ("change_refused", year.subscriber)


def test_nobody_turns_what_does_not_run(shop: Shop, year: Subscription) -> None:
    with pytest.raises(YearNotRunning):
        ask_renewal(user=make_user(), renews=False, now=clock.now())
    ask_end_now(subscription_id=year.pk, actor=make_staff(), reason="Asked to leave", now=clock.now())
    with pytest.raises(YearNotRunning):
        wish(year, True)
    assert states() == [("end_now", "pending")]


def test_ending_at_once_supersedes_the_readers_wish_and_counts_as_done_when_it_has_ended(shop: Shop, year: Subscription) -> None:
    wish(year, False)
    change = ask_end_now(subscription_id=year.pk, actor=make_staff(), reason="Asked to leave", now=clock.now())
    gateway.cancel_subscription(year.stripe_subscription_id)
    submit_change(change_id=change.pk, now=clock.now())
    year.refresh_from_db()
    assert states() == [("renewal_off", "superseded"), ("end_now", "done")]
    assert (at_stripe(shop)["status"], year.status) == ("canceled", "canceled")
