"""What the mails about a renewal say: renewed, failed, recovered, lapsed; and when each of them is withheld."""

from datetime import UTC, datetime, timedelta

import pytest

from redreport import clock
from redreport.outbox import kinds
from redreport.outbox.kinds import RenderedMail
from redreport.outbox.models import OutgoingMail
from subscriptions.models import Invoice
from subscriptions.operations.booking import book_with_credit
from tests.factories import make_live_session
from tests.fixtures_mail import MailServer
from tests.fixtures_years import CHARGED_AFTER, Year, deliver_all, mails_about

RENEWS_AT = datetime(2027, 12, 1, 17, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("smtp_server")


def last_mail(kind: str) -> OutgoingMail:
    return OutgoingMail.objects.filter(kind=kind).latest("id")


def words_of(kind: str) -> RenderedMail:
    return kinds.find(kind).render(last_mail(kind))


def fail_at_renewal(year: Year) -> None:
    year.pass_to(RENEWS_AT + CHARGED_AFTER)


def recover(year: Year) -> None:
    year.shop.stripe.change_card(year.stripe_id, "4242424242424242")
    year.hear()


def test_a_renewal_is_called_one_and_shows_its_invoice(year: Year) -> None:
    year.pass_to(RENEWS_AT + CHARGED_AFTER)
    mail, invoice = words_of("year_started"), Invoice.objects.get(stripe_invoice_id=year.invoice_id(1))
    assert mail.subject == "Your 12 sessions are ready"
    for part in (mail.text, mail.html):
        assert "Your year is renewed" in part
        assert "Valid to 1 December 2028." in part
        assert invoice.hosted_invoice_url in part
        assert "http://testserver/account/renewal/" in part
        assert "you agreed to this" not in part
        assert year.order.number not in part
        # Nobody offered a session, so all twelve came over.
        assert "12 unused credits of last year came over to the new one, and are used first." in part
    assert "Paid: $2,500\n" in mail.text
    assert f"Invoice: {invoice.number} {invoice.hosted_invoice_url}\n" in mail.text


def test_the_first_year_is_no_renewal(year: Year) -> None:
    mail = words_of("year_started")
    assert mail.subject == "Your 12 sessions are ready"
    assert f"Order: {year.order.number}\n" in mail.text
    assert "renewed" not in mail.text
    assert "came over" not in mail.text


def test_a_failed_payment_says_until_when_and_where_to_pay(failing_year: Year) -> None:
    fail_at_renewal(failing_year)
    mail, invoice = words_of("payment_failed"), Invoice.objects.get(stripe_invoice_id=failing_year.invoice_id(1))
    assert mail.subject == "We could not take payment"
    assert "the payment of $2,500 did not go through. Nothing was charged." in mail.text
    assert "We try the same card again on 4 December 2027. Please pay before then, with any card." in mail.text
    assert f"Pay the invoice: {invoice.hosted_invoice_url}\n" in mail.text
    assert "http://testserver/account/" in mail.text


def test_the_last_try_is_said_to_be_the_last(failing_year: Year) -> None:
    failing_year.shop.stripe.set_dunning("past_due")
    failing_year.pass_to(RENEWS_AT + timedelta(days=20))
    mail = words_of("payment_failed")
    assert "This was the last try by itself. Please pay on the invoice’s page, with any card." in mail.text
    assert "Next try" not in mail.text


def test_an_invoice_without_a_page_is_paid_from_the_account(failing_year: Year) -> None:
    fail_at_renewal(failing_year)
    Invoice.objects.update(hosted_invoice_url="")
    assert "Pay the invoice: http://testserver/account/\n" in words_of("payment_failed").text


def test_a_bank_that_asks_is_answered_on_the_invoices_page(year: Year) -> None:
    year.shop.stripe.change_card(year.stripe_id, "4000002760003184")
    fail_at_renewal(year)
    mail, invoice = words_of("payment_action_needed"), Invoice.objects.get(stripe_invoice_id=year.invoice_id(1))
    assert "Confirm before: 4 December 2027\n" in mail.text
    assert f"Confirm the payment: {invoice.hosted_invoice_url}\n" in mail.text


def test_a_recovered_payment_says_that_the_credits_are_there(failing_year: Year) -> None:
    used = make_live_session(starts_in=timedelta(days=20))
    book_with_credit(user=failing_year.subscriber.user, live_session_id=used.pk, now=clock.now())
    fail_at_renewal(failing_year)
    recover(failing_year)
    mail = words_of("payment_recovered")
    assert mail.subject == "Payment received: your year goes on"
    assert "You have 12 new credits, good for sessions that start before 1 December 2028." in mail.text
    assert "11 unused credits of last year came over to the new one, and are used first." in mail.text
    assert "Renews on: 1 December 2028\n" in mail.text


def test_a_lapsed_year_says_what_stays_and_how_to_begin_again(failing_year: Year) -> None:
    failing_year.pass_to(RENEWS_AT + timedelta(days=20))
    mail = words_of("year_lapsed")
    assert mail.subject == "Your year has ended: the renewal was not paid"
    assert "You were not charged for a new year, and no new credits came." in mail.text
    assert "Seats that you have booked stay yours." in mail.text
    assert "Credits that you were granted stay good until they expire." in mail.text
    assert "Start a new year: http://testserver/plans/annual/\n" in mail.text


def test_a_year_left_unpaid_says_where_it_can_still_be_paid(failing_year: Year) -> None:
    failing_year.shop.stripe.set_dunning("unpaid")
    failing_year.pass_to(RENEWS_AT + timedelta(days=20))
    mail, invoice = words_of("year_lapsed"), Invoice.objects.get(stripe_invoice_id=failing_year.invoice_id(1))
    assert mail.subject == "Your renewal is not paid"
    assert f"Pay the invoice: {invoice.hosted_invoice_url}\n" in mail.text


def test_what_is_still_true_is_sent(failing_year: Year, smtp_server: MailServer) -> None:
    fail_at_renewal(failing_year)
    deliver_all()
    recover(failing_year)
    deliver_all()
    assert [mail.subject for mail in smtp_server.mails] == [
        "Your 12 sessions are ready",
        "We could not take payment",
        "Payment received: your year goes on",
    ]


def test_a_failure_is_withheld_once_the_invoice_is_paid_and_the_good_news_is_told(failing_year: Year) -> None:
    fail_at_renewal(failing_year)
    recover(failing_year)
    deliver_all()
    assert mails_about("payment_failed", "payment_recovered") == [("payment_failed", "withheld"), ("payment_recovered", "sent")]
    assert last_mail("payment_failed").reason == "the invoice is paid"


def test_a_failure_is_withheld_once_the_invoice_is_void(failing_year: Year) -> None:
    fail_at_renewal(failing_year)
    failing_year.shop.stripe.void_invoice(failing_year.invoice_id(1))
    failing_year.hear()
    deliver_all()
    assert (last_mail("payment_failed").state, last_mail("payment_failed").reason) == ("withheld", "the invoice is void")


def test_only_the_latest_failure_is_sent(failing_year: Year) -> None:
    fail_at_renewal(failing_year)
    failing_year.pass_to(RENEWS_AT + timedelta(days=4))
    deliver_all()
    assert mails_about("payment_failed") == [("payment_failed", "withheld"), ("payment_failed", "sent")]


def test_a_failure_is_withheld_once_the_year_lapsed(failing_year: Year) -> None:
    for days in (1, 4, 9, 17):
        failing_year.pass_to(RENEWS_AT + timedelta(days=days))
    deliver_all()
    assert mails_about("payment_failed") == [("payment_failed", "withheld")] * 3
    assert mails_about("year_lapsed") == [("year_lapsed", "sent")]


def test_the_end_is_withheld_once_the_year_is_paid(failing_year: Year) -> None:
    failing_year.shop.stripe.set_dunning("unpaid")
    failing_year.pass_to(RENEWS_AT + timedelta(days=20))
    failing_year.shop.stripe.pay_invoice(failing_year.invoice_id(1))
    failing_year.hear()
    deliver_all()
    assert (last_mail("year_lapsed").state, last_mail("year_lapsed").reason) == ("withheld", "the subscription is active again")


def test_the_end_is_withheld_once_another_year_runs(failing_year: Year) -> None:
    failing_year.pass_to(RENEWS_AT + timedelta(days=20))
    failing_year.shop.pay(failing_year.shop.order_year(failing_year.subscriber.user))
    failing_year.hear()
    deliver_all()
    assert (last_mail("year_lapsed").state, last_mail("year_lapsed").reason) == ("withheld", "another year runs")
