"""The sweeps' batches: one row's trouble stops no other, Stripe's silence ends the batch, the task's end is no row's fault."""

from datetime import timedelta
from typing import Any

import pytest
from celery.exceptions import SoftTimeLimitExceeded

from redreport import clock
from redreport.outbox.deliver import CLAIM as MAIL_CLAIM
from redreport.outbox.deliver import deliver_mail
from redreport.outbox.models import OutgoingMail
from subscriptions import tasks
from subscriptions.errors import GatewayUnavailable, ObjectBusy
from subscriptions.models import Order, StripeEvent
from subscriptions.webhooks import inbox
from tests.fixtures_shop import Shop
from tests.outbox_helpers import owe_mail, register_test_kind

CHECKOUTS = "/v1/checkout/sessions/*"


class Rows:
    """Rows numbered from 0, of which each does what it is told."""

    def __init__(self, *fates: type[Exception] | bool) -> None:
        self.fates = fates
        self.acted_on: list[int] = []

    def act(self, number: int) -> bool:
        self.acted_on.append(number)
        fate = self.fates[number]
        if isinstance(fate, bool):
            return fate
        raise fate

    def sweep(self) -> int:
        return tasks._each(range(len(self.fates)), self.act)


def test_trouble_of_one_row_stops_no_other() -> None:
    rows = Rows(ZeroDivisionError, ObjectBusy, GatewayUnavailable, True, ValueError)
    assert rows.sweep() == 5


def test_the_third_row_running_without_an_answer_ends_the_batch() -> None:
    rows = Rows(GatewayUnavailable, False, GatewayUnavailable, True, True)
    assert rows.sweep() == 3
    assert rows.acted_on == [0, 1, 2]


def test_an_answer_in_between_begins_the_count_anew() -> None:
    assert Rows(False, False, True, False, False, True).sweep() == 6


def test_the_end_of_the_tasks_time_is_no_fault_of_the_row() -> None:
    rows = Rows(True, SoftTimeLimitExceeded, True)
    with pytest.raises(SoftTimeLimitExceeded):
        rows.sweep()
    assert rows.acted_on == [0, 1]


def test_an_event_cut_short_by_the_tasks_end_is_due_again(shop: Shop, monkeypatch: Any) -> None:
    def time_is_over(object_id: str, now: Any) -> None:
        raise SoftTimeLimitExceeded

    shop.pay(shop.hold_seat())
    shop.post_webhook(shop.events("checkout.session.completed")[0])
    monkeypatch.setitem(inbox.HANDLERS, "checkout.session.completed", time_is_over)
    event, now = StripeEvent.objects.get(), clock.now()
    with pytest.raises(SoftTimeLimitExceeded):
        inbox.process_event(event_id=event.pk, now=now)
    event.refresh_from_db()
    assert (event.state, event.due_at, event.error) == ("received", now + inbox.CLAIM, "")


@pytest.mark.django_db
def test_a_mail_cut_short_by_the_tasks_end_is_due_again() -> None:
    def time_is_over(mail: OutgoingMail) -> Any:
        raise SoftTimeLimitExceeded

    register_test_kind("test_slow", render=time_is_over)
    now = clock.now()
    mail = owe_mail("test_slow", now=now)
    with pytest.raises(SoftTimeLimitExceeded):
        deliver_mail(mail.pk, now)
    mail.refresh_from_db()
    assert (mail.state, mail.claimed_until, mail.faults) == ("sending", now + MAIL_CLAIM, 0)


def test_while_stripe_is_down_a_sweep_of_orders_asks_for_three_and_leaves_the_rest_due(shop: Shop) -> None:
    for _ in range(5):
        shop.hold_seat()
    now = clock.now()
    Order.objects.update(next_check_at=now - timedelta(seconds=1))
    shop.stripe.fault("503", path=CHECKOUTS, count=100)
    assert tasks.sweep_orders(now=now) == 3
    assert Order.objects.filter(next_check_at__lte=now).count() == 2
    shop.stripe.clear_faults()
    assert tasks.sweep_orders(now=now) == 2


def test_while_stripe_is_down_a_sweep_of_events_tries_three_and_leaves_the_rest_due(shop: Shop) -> None:
    for _ in range(4):
        shop.pay(shop.hold_seat())
    for event in shop.events("checkout.session.completed"):
        shop.post_webhook(event)
    shop.stripe.fault("503", path=CHECKOUTS, count=100)
    assert tasks.sweep_events_task() == 3
    assert StripeEvent.objects.filter(due_at__lte=clock.now()).count() == 1
