"""A renewal that fails: a mail for each attempt, then the money comes after all, or the year lapses."""

from datetime import UTC, datetime, timedelta

from django.db import transaction

from redreport import clock
from redreport.outbox import kinds
from redreport.outbox.models import OutgoingMail
from subscriptions import stripe_gateway as gateway
from subscriptions.models import CreditEntry, CreditGrant, Invoice
from subscriptions.operations.booking import book_with_credit
from subscriptions.operations.changes import ask_renewal, submit_change
from subscriptions.operations.credits import expire_credits
from subscriptions.selectors import credit_balance
from tests.factories import make_live_session
from tests.fixtures_years import BEGIN, CHARGED_AFTER, Year, mails_about

RENEWS_AT = datetime(2027, 12, 1, 17, tzinfo=UTC)
ENDS_AT = datetime(2028, 12, 1, 17, tzinfo=UTC)
DUNNING = ("payment_failed", "payment_action_needed", "payment_recovered", "year_lapsed", "year_started")
MINUTE = timedelta(minutes=1)


def fail_at_renewal(year: Year) -> None:
    """The renewal is charged, in vain."""
    year.pass_to(RENEWS_AT + CHARGED_AFTER)


def attempts_told() -> list[int]:
    return [mail.context["attempt"] for mail in OutgoingMail.objects.filter(kind="payment_failed").order_by("id")]


def state_of(year: Year) -> tuple[str, str, int]:
    invoice = Invoice.objects.get(stripe_invoice_id=year.invoice_id(1))
    return year.subscription.status, invoice.status, invoice.attempt_count


def years_granted(year: Year) -> list[tuple[int, datetime, datetime]]:
    grants = CreditGrant.objects.filter(subscriber=year.subscriber, source="invoice").order_by("id")
    return list(grants.values_list("credits", "valid_from", "expires_at"))


def test_a_failed_renewal_is_past_due_brings_no_credits_and_is_told_once(failing_year: Year) -> None:
    fail_at_renewal(failing_year)
    failing_year.hear()
    assert state_of(failing_year) == ("past_due", "open", 1)
    assert years_granted(failing_year) == [(12, BEGIN, RENEWS_AT)]
    assert mails_about(*DUNNING) == [("year_started", "queued"), ("payment_failed", "queued")]


def test_turning_the_renewal_on_again_does_not_deny_the_open_payment(failing_year: Year) -> None:
    fail_at_renewal(failing_year)
    for renews in (False, True):
        change = ask_renewal(user=failing_year.subscriber.user, renews=renews, now=clock.now())
        submit_change(change_id=change.pk, now=clock.now())
    mail = OutgoingMail.objects.get(kind="renewal_turned_on")
    rendered = kinds.find(mail.kind).render(mail)
    for part in (rendered.text, rendered.html):
        assert "The payment for the year that began on 1 December 2027 is still open" in part
        assert "Nothing is charged before" not in part


def test_each_further_attempt_is_told_once_and_the_last_one_ends_the_year(failing_year: Year) -> None:
    fail_at_renewal(failing_year)
    tried_at = RENEWS_AT + timedelta(hours=1)
    for days, told in ((3, [1, 2]), (5, [1, 2, 3])):
        tried_at += timedelta(days=days)
        failing_year.pass_to(tried_at + MINUTE)
        assert attempts_told() == told
        assert failing_year.subscription.status == "past_due"
    failing_year.pass_to(tried_at + timedelta(days=7) + MINUTE)
    failing_year.hear()
    assert state_of(failing_year) == ("canceled", "open", 4)
    assert attempts_told() == [1, 2, 3]
    assert mails_about("year_lapsed", "payment_recovered") == [("year_lapsed", "queued")]
    assert years_granted(failing_year) == [(12, BEGIN, RENEWS_AT)]


def test_another_card_recovers_the_year_with_the_credits_of_the_invoices_period(failing_year: Year) -> None:
    fail_at_renewal(failing_year)
    failing_year.pass_to(RENEWS_AT + timedelta(days=2))
    failing_year.shop.stripe.change_card(failing_year.stripe_id, "4242424242424242")
    failing_year.hear()
    assert state_of(failing_year)[:2] == ("active", "paid")
    assert years_granted(failing_year) == [(12, BEGIN, RENEWS_AT), (12, RENEWS_AT, ENDS_AT)]
    assert mails_about(*DUNNING) == [("year_started", "queued"), ("payment_failed", "queued"), ("payment_recovered", "queued")]


def test_what_was_left_over_comes_along_although_it_expired_before_the_money_came(failing_year: Year) -> None:
    reader = failing_year.subscriber.user
    for month in range(1, 11):
        make_live_session(starts_in=timedelta(days=30 * month))
    used = make_live_session(starts_in=timedelta(days=20))
    book_with_credit(user=reader, live_session_id=used.pk, now=clock.now())
    fail_at_renewal(failing_year)
    with transaction.atomic():
        assert expire_credits(grant_id=CreditGrant.objects.get().pk, now=clock.now())
    assert credit_balance(user=reader, now=clock.now()).total == 0
    failing_year.pass_to(RENEWS_AT + timedelta(days=2))
    failing_year.shop.stripe.change_card(failing_year.stripe_id, "4242424242424242")
    failing_year.hear()
    # Twelve credits, eleven sessions offered, one credit used: one comes over.
    lines = list(CreditEntry.objects.order_by("id").values_list("kind", "delta"))
    assert lines == [("grant", 12), ("spend", -1), ("expire", -11), ("carry_over", 1), ("grant", 12)]
    carried = CreditGrant.objects.get(source="carried_over")
    assert (carried.valid_from, carried.expires_at) == (RENEWS_AT, ENDS_AT)
    assert credit_balance(user=reader, now=clock.now()).total == 13


def test_a_year_left_unpaid_brings_nothing_until_it_is_paid(failing_year: Year) -> None:
    failing_year.shop.stripe.set_dunning("unpaid")
    failing_year.pass_to(RENEWS_AT + timedelta(days=20))
    assert state_of(failing_year) == ("unpaid", "open", 4)
    assert years_granted(failing_year) == [(12, BEGIN, RENEWS_AT)]
    assert mails_about("year_lapsed") == [("year_lapsed", "queued")]
    failing_year.pass_to(RENEWS_AT + timedelta(days=40))
    assert failing_year.shop.stripe.pay_invoice(failing_year.invoice_id(1)) == "paid"
    failing_year.hear()
    assert failing_year.subscription.status == "active"
    assert years_granted(failing_year) == [(12, BEGIN, RENEWS_AT), (12, RENEWS_AT, ENDS_AT)]


def test_a_year_left_past_due_is_told_that_this_was_the_last_try(failing_year: Year) -> None:
    failing_year.shop.stripe.set_dunning("past_due")
    for days in (1, 4, 9, 16):
        failing_year.pass_to(RENEWS_AT + timedelta(days=days))
    assert state_of(failing_year) == ("past_due", "open", 4)
    assert attempts_told() == [1, 2, 3, 4]
    assert mails_about("year_lapsed") == []


def test_a_year_that_somebody_ended_does_not_lapse(failing_year: Year) -> None:
    fail_at_renewal(failing_year)
    gateway.cancel_subscription(failing_year.stripe_id)
    failing_year.hear()
    assert failing_year.subscription.status == "canceled"
    assert mails_about("year_lapsed") == []


def test_a_bank_that_asks_the_reader_is_another_mail(year: Year) -> None:
    year.shop.stripe.change_card(year.stripe_id, "4000002760003184")
    fail_at_renewal(year)
    year.hear()
    assert state_of(year) == ("past_due", "open", 1)
    assert mails_about(*DUNNING) == [("year_started", "queued"), ("payment_action_needed", "queued")]
    assert year.shop.stripe.answer_bank(year.invoice_id(1), "complete") == "paid"
    year.hear()
    assert mails_about(*DUNNING)[2:] == [("payment_recovered", "queued")]
    assert years_granted(year)[1:] == [(12, RENEWS_AT, ENDS_AT)]


def test_a_failure_that_we_hear_of_only_after_the_payment_is_told_to_nobody(failing_year: Year) -> None:
    failing_year.pass_to(RENEWS_AT + CHARGED_AFTER, hear=False)
    failing_year.shop.stripe.change_card(failing_year.stripe_id, "4242424242424242")
    failing_year.hear()
    assert mails_about(*DUNNING) == [("year_started", "queued"), ("year_started", "queued")]


def test_the_end_may_be_heard_before_the_failure(failing_year: Year) -> None:
    for days in (1, 4, 9):
        failing_year.pass_to(RENEWS_AT + timedelta(days=days))
    heard = len(failing_year.shop.stripe.objects("event"))
    failing_year.pass_to(RENEWS_AT + timedelta(days=17), hear=False)
    for event in reversed(failing_year.shop.stripe.objects("event")[heard:]):
        failing_year.shop.hear(event)
    assert state_of(failing_year) == ("canceled", "open", 4)
    assert attempts_told() == [1, 2, 3]
    assert mails_about("year_lapsed") == [("year_lapsed", "queued")]
