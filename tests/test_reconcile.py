"""`manage.py reconcile`: what differs from Stripe is told, healed, or left to a case; well is well."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection, connections, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from redreport import clock
from subscriptions.models import Case, Order, Payment, Plan, Price, Reconciliation, Refund, StripeEvent, Subscription
from subscriptions.operations.refunds import owe_refund, submit_refund
from subscriptions.reconciliation.run import LOCK, AlreadyReconciling, reconcile
from subscriptions.stripe_gateway import client
from subscriptions.tasks import reconcile_task
from tests.fixtures_shop import Shop


def run(*arguments: str) -> tuple[int, list[str]]:
    """The command's exit code and its lines."""
    out = io.StringIO()
    try:
        call_command("reconcile", *arguments, stdout=out)
    except SystemExit as ended:
        return int(str(ended.code)), out.getvalue().splitlines()
    return 0, out.getvalue().splitlines()


def snapshot() -> dict[str, list[dict[str, Any]]]:
    """Every row of every table."""
    return {model._meta.label: list(model._base_manager.order_by("pk").values()) for model in apps.get_models()}


@contextmanager
def only_reading(shop: Shop) -> Iterator[None]:
    """Whatever would change something at Stripe is refused, and must not even be tried."""
    refusals = {shop.stripe.fault("500", method=method, path="/v1/*", count=1000) for method in ("POST", "DELETE")}
    yield
    assert {row["id"]: row["taken"] for row in shop.stripe.faults() if row["id"] in refusals} == dict.fromkeys(refusals, 0)
    shop.stripe.clear_faults()


@pytest.fixture
def business(shop: Shop) -> Shop:
    """A seat, a year and a refund of ours, all heard of."""
    shop.pay(shop.hold_seat())
    shop.pay(shop.order_year())
    returned = shop.hold_seat()
    shop.pay(returned)
    shop.hear_all()
    with transaction.atomic():
        refund = owe_refund(payment_id=returned.payments.get().pk, reason=Refund.Reason.STAFF, now=clock.now())
    assert refund
    submit_refund(refund_id=refund.pk, now=clock.now())
    shop.hear_all()
    return shop


def test_when_all_is_well_nothing_differs_and_the_run_is_written_down(business: Shop) -> None:
    code, lines = run()
    assert (code, len(lines)) == (0, 1)
    assert lines[0].startswith("reconcile: nothing differs (")
    row = Reconciliation.objects.get()
    assert (row.found, row.fixed, row.cases, row.lines, row.finished_at is not None) == (0, 0, 0, [], True)
    assert run("--dry-run") == (0, lines)


def test_it_says_how_many_objects_were_compared(shop: Shop) -> None:
    shop.pay(shop.hold_seat())
    shop.hear_all()
    # One payment, its Checkout, its invoice, the events that concern us.
    events = StripeEvent.objects.exclude(state="ignored").count()
    assert run() == (0, [f"reconcile: nothing differs ({3 + events} objects compared)."])


def test_dry_run_tells_what_differs_writes_nothing_and_only_asks(business: Shop) -> None:
    business.pay(business.hold_seat())
    Subscription.objects.update(status="past_due")
    before = snapshot()
    with only_reading(business):
        code, lines = run("--dry-run")
    assert code == 1
    assert snapshot() == before
    [subscription] = [line for line in lines if line.startswith("subscription")]
    assert subscription.endswith(", status: ours past_due, Stripe active.")
    assert sum(line.startswith(("payment", "checkout", "invoice", "event")) for line in lines) >= 3
    assert f"{len(lines) - 1} differences" in lines[-1]
    assert lines[-1].endswith(f"0 fixed, 0 left to cases, {len(lines) - 1} left as they are.")
    # Then it is healed: one thing healed may take another along.
    code, healed = run()
    told = {line.removesuffix(".") for line in lines[:-1]}
    assert (code, len(healed) > 1, {line.removesuffix(": fixed.") for line in healed[:-1]} <= told) == (0, True, True)
    assert run()[1][0].startswith("reconcile: nothing differs (")


def test_card_that_we_never_heard_of_is_fetched_and_its_digits_are_in_no_line(business: Shop) -> None:
    Subscription.objects.update(card_brand="visa", card_last4="1881", card_expires="01/2027")
    code, lines = run()
    assert code == 0
    assert lines[0].endswith(", card: ours one that expires 01/2027, Stripe one that expires 12/2034: fixed.")
    assert not any(digits in line for line in lines for digits in ("1881", "4242"))
    assert set(Subscription.objects.values_list("card_last4", flat=True)) == {"4242"}


def test_what_does_not_heal_becomes_one_case_with_a_proposal_and_is_not_found_again(business: Shop) -> None:
    payment = Payment.objects.first()
    assert payment
    Payment.objects.filter(pk=payment.pk).update(amount_minor=26000)
    code, lines = run()
    intent = payment.stripe_payment_intent_id
    assert (code, lines[0]) == (1, f"payment {intent}, amount: ours $260, Stripe {amount(payment)}: a case.")
    case = Case.objects.get()
    assert (case.kind, case.state, case.proposal != "") == ("difference", "opened", True)
    assert Reconciliation.objects.get().cases == 1
    code, lines = run()
    assert (code, Case.objects.count()) == (1, 1)
    assert lines[-1].startswith("reconcile: nothing new differs (")
    assert lines[-1].endswith("Known from before and in open cases: 1.")
    assert run("--dry-run") == (code, lines)
    # A person puts it right: the case settles itself.
    Payment.objects.filter(pk=payment.pk).update(amount_minor=payment.amount_minor)
    assert run()[0] == 0
    case.refresh_from_db()
    assert (case.state, case.settled_by, case.resolution) == ("settled", None, "Both agree again.")


def amount(payment: Payment) -> str:
    return f"${payment.amount_minor // 100:,}"


def test_a_difference_that_staff_have_settled_is_theirs(business: Shop) -> None:
    Payment.objects.filter(order__kind="seat").update(amount_minor=F("amount_minor") + 100)
    assert run()[0] == 1
    Case.objects.update(state="settled", settled_at=clock.now(), resolution="Agreed with the bookkeeper")
    assert run()[0] == 0
    assert set(Case.objects.values_list("resolution", flat=True)) == {"Agreed with the bookkeeper"}


def test_a_difference_that_went_away_and_comes_back_opens_its_case_again(business: Shop) -> None:
    seat = Payment.objects.filter(order__kind="seat").order_by("id")[:1]
    for _ in range(2):
        Payment.objects.filter(pk__in=seat).update(amount_minor=F("amount_minor") + 100)
        code, lines = run()
        assert (code, lines[0].endswith(": a case."), Case.objects.get().state) == (1, True, "opened")
        Payment.objects.filter(pk__in=seat).update(amount_minor=F("amount_minor") - 100)
        assert run()[0] == 0
        assert Case.objects.get().state == "settled"


def test_one_object_that_stripe_stumbles_on_does_not_stop_the_others(business: Shop) -> None:
    wrong = Payment.objects.filter(order__kind="seat").order_by("id").first()
    assert wrong
    Payment.objects.filter(pk=wrong.pk).update(amount_minor=F("amount_minor") + 100)
    assert run()[0] == 1
    late = business.hold_seat()
    business.pay(late)
    business.stripe.fault("500", method="GET", path=f"/v1/payment_intents/{wrong.stripe_payment_intent_id}", count=1000)
    run()
    late.refresh_from_db()
    assert (late.fulfilled_at is not None, Case.objects.get().state) == (True, "opened")
    assert Reconciliation.objects.order_by("-id")[0].finished_at is not None


def test_two_never_run_at_once(business: Shop) -> None:
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        with pytest.raises(AlreadyReconciling):
            reconcile(since=None, dry_run=False, now=clock.now())
        with pytest.raises(CommandError, match="Another run is under way"):
            call_command("reconcile", stdout=io.StringIO())
        assert reconcile_task() == "reconcile: another run is under way."
        assert not Reconciliation.objects.exists()
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
    finally:
        other.close()
    assert run()[0] == 0


def test_it_begins_a_day_before_the_last_run_that_finished_and_a_month_back_at_most(shop: Shop) -> None:
    now = clock.now()
    run_at(now)
    assert Reconciliation.objects.latest("id").since == now - timedelta(days=30)
    run_at(now + timedelta(hours=2))
    assert Reconciliation.objects.latest("id").since == now - timedelta(days=1)
    Reconciliation.objects.create(started_at=now + timedelta(hours=3), since=now)
    run_at(now + timedelta(hours=4))
    assert Reconciliation.objects.latest("id").since == now + timedelta(hours=2) - timedelta(days=1)
    run_at(now + timedelta(days=90))
    assert Reconciliation.objects.latest("id").since == now + timedelta(days=60)


def run_at(now: datetime) -> None:
    reconcile(since=None, dry_run=False, now=now)


def test_how_far_back_can_be_said_as_a_day_or_as_a_number_of_days(shop: Shop) -> None:
    run("--since", "2026-01-31")
    assert Reconciliation.objects.latest("id").since == datetime(2026, 1, 31, tzinfo=UTC)
    run("--since", "7d")
    assert timedelta(0) <= clock.now() - timedelta(days=7) - Reconciliation.objects.latest("id").since < timedelta(minutes=1)
    with pytest.raises(CommandError, match="neither a day"):
        call_command("reconcile", "--since", "yesterday")


def test_while_stripe_is_down_nothing_is_taken_for_a_difference(business: Shop) -> None:
    business.stripe.fault("503", path="/v1/payment_intents", count=100)
    with pytest.raises(CommandError, match="no usable answer"):
        call_command("reconcile", stdout=io.StringIO())
    assert Reconciliation.objects.get().finished_at is None
    business.stripe.clear_faults()
    assert run()[0] == 0
    assert not Case.objects.exists()


def test_one_object_that_our_code_stumbles_on_does_not_stop_the_others(business: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from subscriptions.reconciliation import stripe_side

    def stumble(**values: Any) -> None:
        raise ZeroDivisionError

    Subscription.objects.update(status="past_due")
    late = business.hold_seat()
    business.pay(late)
    monkeypatch.setattr(stripe_side, "sync_subscription", stumble)
    code, lines = run()
    assert (code, Case.objects.get().summary) == (1, lines[0].removesuffix(": a case."))
    late.refresh_from_db()
    assert late.fulfilled_at is not None


def test_it_asks_the_database_by_the_page_and_not_by_the_object(shop: Shop) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert reconcile(since=None, dry_run=True, now=clock.now()).is_whole
        return len(captured.captured_queries)

    shop.pay(shop.hold_seat())
    shop.hear_all()
    for_one = asked()
    for _ in range(7):
        shop.pay(shop.hold_seat())
    shop.pay(shop.order_year())
    shop.hear_all()
    assert Order.objects.filter(state="paid").count() == 9
    assert asked() - for_one <= 4


def test_customer_deleted_in_the_dashboard_is_forgotten_and_its_year_ended(business: Shop) -> None:
    subscriber = Subscription.objects.get().subscriber
    customer_id = str(subscriber.stripe_customer_id)
    client().v1.customers.delete(customer_id)
    code, lines = run()
    assert code == 0
    assert any(line.endswith("customer: ours linked, Stripe deleted: fixed.") for line in lines)
    subscriber.refresh_from_db()
    assert (subscriber.stripe_customer_id, subscriber.former_customers.get().stripe_customer_id) == (None, customer_id)
    assert Subscription.objects.get().status == "canceled"
    assert run()[1][0].startswith("reconcile: nothing differs (")


def test_money_of_our_customer_for_nothing_we_know_is_written_down_and_left_to_a_case(business: Shop) -> None:
    subscriber = Subscription.objects.get().subscriber
    pay_past_us(business, customer=str(subscriber.stripe_customer_id))
    code, lines = run()
    assert (code, [line.endswith(": fixed.") for line in lines[:-1]]) == (0, [True] * (len(lines) - 1))
    case = Case.objects.get()
    assert (case.kind, case.subscriber, case.payment) == ("unknown_payment", subscriber, Payment.objects.latest("id"))
    assert (Payment.objects.latest("id").amount_minor, run()[0], Case.objects.count()) == (25000, 0, 1)


def test_money_of_strangers_is_none_of_our_business(business: Shop) -> None:
    stranger = client().v1.customers.create({"email": "stranger@example.com", "metadata": {"subscriber": "of another program"}})
    pay_past_us(business, customer=stranger.id)
    before = Payment.objects.count()
    code, lines = run()
    # Its event is heard of as webhooks bring all of the account's, and nothing follows from it.
    assert (code, [line.partition(" ")[0] for line in lines[:-1]]) == (0, ["event"])
    assert run()[1][0].startswith("reconcile: nothing differs (")
    assert (Payment.objects.count(), Case.objects.exists()) == (before, False)


def pay_past_us(shop: Shop, *, customer: str) -> None:
    """Somebody pays in a Checkout that this program did not open."""
    price = Price.objects.get(plan=Plan.SINGLE_SEAT).stripe_price_id
    addresses = {"success_url": "https://shop.example/", "cancel_url": "https://shop.example/"}
    params: Any = {"mode": "payment", "customer": customer, "line_items": [{"price": price, "quantity": 1}], **addresses}
    session = client().v1.checkout.sessions.create(params)
    assert shop.stripe.pay(session.id)["outcome"] == "paid"
