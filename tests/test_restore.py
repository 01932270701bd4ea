"""Yesterday's database is put back: what Stripe knows of today comes back from there, once, and the rest is left to a case."""

import re
import textwrap
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection

from redreport import clock
from redreport.accounts.models import User
from redreport.accounts.selectors import has_proven_email
from redreport.outbox.models import OutgoingMail
from sessions_live.models import LiveSession, Seat
from subscriptions.models import Case, CreditGrant, Order, Payment, Refund, Subscriber, Subscription
from subscriptions.reconciliation.run import Report, reconcile
from tests.books import Backup, Day, our_books, stripes_books
from tests.factories import attendee_of, make_live_session, make_user
from tests.parties import BO, CY
from tests.test_docs import section
from tests.timeline import Timeline


def run() -> Report:
    return reconcile(since=None, dry_run=False, now=clock.now())


def hear_of_all(timeline: Timeline) -> None:
    for event in timeline.unheard():
        timeline.shop.hear(event)


@pytest.fixture
def day(timeline: Timeline) -> Day:
    """Yesterday: a reader of before bought a seat and a year, and the books agree."""
    day = Day(timeline.shop)
    regular = make_user("Rae Regular", email="regular@example.com")
    day.buy_seat("old_seat", regular)
    day.buy_year("old_year", regular)
    hear_of_all(timeline)
    assert run().is_whole
    timeline.let_pass(timedelta(hours=20))
    return day


def test_a_year_and_a_seat_of_a_reader_whom_the_old_database_does_not_know(day: Day, timeline: Timeline) -> None:
    backup = Backup()
    year, seat = day.buy_year("new_year"), day.buy_seat("new_seat")
    hear_of_all(timeline)
    assert seat.live_session
    before, slug = our_books(), seat.live_session.slug
    subscriber = {row.user.email: row.public_id for row in Subscriber.objects.select_related("user")}
    backup.restore()
    assert not User.objects.filter(email="new_year@example.com").exists()
    report = run()
    assert our_books() == before == stripes_books(day.shop)
    assert report.found == report.fixed > 0
    for name in ("new_year", "new_seat"):
        user = User.objects.get(email=f"{name}@example.com")
        assert (user.name, user.has_usable_password(), has_proven_email(user)) == ("Ada Reader", False, False)
        assert user.subscriber.public_id == subscriber[user.email]
    # The year is whole without its order; of the seat there is the money, and a case that says what to do.
    assert not Order.objects.filter(number__in=[year.number, seat.number]).exists()
    grant = CreditGrant.objects.get(subscriber__user__email="new_year@example.com")
    assert (grant.credits, grant.balance) == (12, 12)
    case = Case.objects.get()
    assert (case.kind, case.subscriber, case.payment) == (
        "payment_without_seat",
        Subscriber.objects.get(user__email="new_seat@example.com"),
        Payment.objects.get(stripe_payment_intent_id=day.intent_of("new_seat")),
    )
    assert case.summary == f"$250: order {seat.number} for a seat in {slug} is not in our books"
    assert "neither the attendees nor the seats" in case.proposal
    again = run()
    assert (again.found, again.known, Case.objects.count()) == (0, 0, 1)


def test_a_reader_of_before_gets_back_what_they_did_today(day: Day, timeline: Timeline) -> None:
    backup = Backup()
    regular = User.objects.get(email="regular@example.com")
    day.buy_seat("second_seat", regular)
    hear_of_all(timeline)
    day.turn_renewal_off("old_year")
    hear_of_all(timeline)
    before = our_books()
    backup.restore()
    assert Subscription.objects.get().renews
    run()
    assert our_books() == before == stripes_books(day.shop)
    assert not Subscription.objects.get().renews
    assert (Subscriber.objects.count(), Case.objects.get().kind) == (1, "payment_without_seat")
    assert run().found == 0


def test_an_order_that_was_open_yesterday_and_paid_today_gets_its_seat(day: Day, timeline: Timeline) -> None:
    order = day.orders["late"] = day.shop.hold_seat(make_user(email="late@example.com"))
    backup = Backup()
    day.shop.pay(order)
    hear_of_all(timeline)
    backup.restore()
    order.refresh_from_db()
    assert order.state == "pending"
    run()
    order.refresh_from_db()
    assert (order.state, Seat.objects.get(coverage__order=order).state) == ("paid", "confirmed")
    assert not Case.objects.exists()
    assert our_books() == stripes_books(day.shop)


def test_who_came_back_and_bought_again_before_the_comparison_keeps_both(day: Day, timeline: Timeline) -> None:
    backup = Backup()
    day.buy_year("new_year")
    hear_of_all(timeline)
    backup.restore()
    # The same person signs up anew, as the restored database has them not, and buys a seat as another customer.
    again = make_user("Ada Reader", email="new_year@example.com")
    day.buy_seat("again", again)
    hear_of_all(timeline)
    run()
    assert our_books() == stripes_books(day.shop)
    subscriber = Subscriber.objects.get(user=again)
    assert (subscriber.payments.count(), subscriber.former_customers.count()) == (2, 1)
    assert User.objects.filter(email="new_year@example.com").count() == 1
    assert run().found == 0


def test_row_ids_given_out_again_repeat_no_request_to_stripe(day: Day, timeline: Timeline) -> None:
    """Idempotency keys are made of random numbers and ids: what the same row id asked for before the restore is not answered."""
    backup, live_session = Backup(), make_live_session()
    lost = day.buy_seat("lost", make_user(email="lost@example.com"))
    hear_of_all(timeline)
    day.refund_by_us("lost", 100)
    hear_of_all(timeline)
    lost_row, lost_refund = lost.pk, lost.payments.get().refunds.get().pk
    backup.restore()
    assert not LiveSession.objects.filter(slug=live_session.slug).exists()
    other = day.buy_seat("other", make_user(email="other@example.com"))
    hear_of_all(timeline)
    day.refund_by_us("other", 100)
    assert (other.pk, other.payments.get().refunds.get().pk) == (lost_row, lost_refund)
    assert other.stripe_checkout_session_id != lost.stripe_checkout_session_id
    refunds = day.shop.stripe.objects("refund")
    assert {refund["payment_intent"] for refund in refunds} == {day.intent_of("lost"), day.intent_of("other")}


def test_after_the_handbooks_statement_no_row_id_is_given_out_again(day: Day, timeline: Timeline) -> None:
    backup = Backup()
    lost = day.buy_seat("lost")
    hear_of_all(timeline)
    lost_mail = OutgoingMail.objects.get(recipient="lost@example.com").key
    backup.restore()
    [statement] = re.findall(r"```sql\n(.*?)```", section("docs/operations.md", "Backups"), re.DOTALL)
    with connection.cursor() as cursor:
        cursor.execute(textwrap.dedent(statement))
    again = day.buy_seat("again")
    hear_of_all(timeline)
    assert again.pk > lost.pk + 10_000
    assert OutgoingMail.objects.get(recipient="again@example.com").key != lost_mail


def test_lost_order_of_several_seats_is_a_case_that_says_how_many(day: Day, timeline: Timeline) -> None:
    backup, live_session = Backup(), make_live_session()
    buyer = make_user(email="party@example.com")
    order = day.shop.hold_seat(buyer, live_session, [attendee_of(buyer), BO, CY])
    day.shop.pay(order)
    backup.restore()
    hear_of_all(timeline)
    run()
    case = Case.objects.get(kind=Case.Kind.PAYMENT_WITHOUT_SEAT)
    assert case.summary == f"$750: order {order.number} for 3 seats in {live_session.slug} is not in our books"


def test_a_seat_that_a_promotion_made_free_is_a_case_and_a_free_year_comes_back_whole(day: Day, timeline: Timeline) -> None:
    day.shop.promote("GUEST", percent_off=100)
    backup = Backup()
    seat, year = day.buy_seat("free_seat", promotion_code="GUEST"), day.buy_year("free_year", promotion_code="GUEST")
    hear_of_all(timeline)
    before = our_books()
    backup.restore()
    run()
    assert our_books() == before == stripes_books(day.shop)
    case = Case.objects.get()
    assert (case.kind, case.payment, case.subscriber) == (
        "payment_without_seat",
        None,
        Subscriber.objects.get(user__email="free_seat@example.com"),
    )
    assert case.summary.startswith(f"order {seat.number} for a seat in ")
    assert not Order.objects.filter(number__in=[seat.number, year.number]).exists()
    assert CreditGrant.objects.get(subscriber__user__email="free_year@example.com").balance == 12
    assert (run().found, Case.objects.count()) == (0, 1)


def test_money_that_went_back_today_is_known_again(day: Day, timeline: Timeline) -> None:
    day.buy_seat("kept")
    hear_of_all(timeline)
    backup = Backup()
    for name in ("ours", "by_hand", "disputed"):
        day.buy_seat(name)
    hear_of_all(timeline)
    day.refund_by_us("ours", 10000)
    day.refund_by_us("kept", 5000)
    day.refund_by_hand("by_hand")
    day.refund_by_hand("old_seat", 7500)
    day.shop.stripe.open_dispute(day.intent_of("disputed"))
    hear_of_all(timeline)
    before = our_books()
    references = set(Refund.objects.values_list("stripe_refund_id", "public_id").filter(reason="staff"))
    assert (before, len(before["refunds"]), len(before["disputes"])) == (stripes_books(day.shop), 4, 1)
    backup.restore()
    run()
    assert our_books() == before
    # Those of ours keep the reference by which Stripe knows them.
    assert set(Refund.objects.values_list("stripe_refund_id", "public_id")) > references
    kinds = Counter(Case.objects.values_list("kind", flat=True))
    # Of what is all back nobody is owed anything: no case for it.
    assert kinds == {"payment_without_seat": 2, "partial_refund": 3, "dispute": 1}
    assert (run().found, Case.objects.count()) == (0, 6)
