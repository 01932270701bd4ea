"""Refunds on a staff member's word: part or all, once for a form; made again once after a failure, and the reader is told."""

from datetime import timedelta
from functools import partial
from uuid import uuid4

import pytest

from redreport import clock
from redreport.audit.models import AuditEntry
from redreport.outbox.deliver import deliver_mail
from redreport.outbox.models import OutgoingMail
from subscriptions.errors import PaymentDisputed, RefundNotFailed, RefundTooLarge
from subscriptions.models import Case, Order, Payment, Refund
from subscriptions.operations.refund_sync import check_refund
from subscriptions.operations.refunds import refund_payment, retry_refund, submit_refund
from tests.factories import make_staff
from tests.fixtures_mail import MailServer
from tests.fixtures_shop import Shop
from tests.money_back import bought_seat, case_states, owe, refund_rows
from tests.racing import at_once


def test_part_refunded_by_staff_goes_back_and_leaves_the_order_partly_refunded(shop: Shop) -> None:
    payment, staff = bought_seat(shop), make_staff()
    refund = refund_payment(
        payment_id=payment.pk, amount_minor=6000, actor=staff, note="Came late", request_id=uuid4(), now=clock.now()
    )
    assert refund is not None
    assert submit_refund(refund_id=refund.pk, now=clock.now())
    assert refund_rows() == [(6000, "staff", "succeeded")]
    assert (Order.objects.get().state, Payment.objects.get().refunded_minor) == ("partly_refunded", 6000)
    entry = AuditEntry.objects.get(verb="owed")
    assert (entry.actor, entry.reason, entry.target_id) == (staff, "Came late", str(refund.pk))


def test_more_than_is_left_is_refused_with_what_is_left(shop: Shop) -> None:
    payment, staff = bought_seat(shop), make_staff()
    refund_payment(payment_id=payment.pk, amount_minor=20000, actor=staff, note="", request_id=uuid4(), now=clock.now())
    with pytest.raises(RefundTooLarge) as refusal:
        refund_payment(payment_id=payment.pk, amount_minor=5001, actor=staff, note="", request_id=uuid4(), now=clock.now())
    assert refusal.value.left_minor == 5000
    assert refund_rows() == [(20000, "staff", "pending")]


def test_double_click_makes_one_refund_and_another_form_another(shop: Shop) -> None:
    payment, staff, form = bought_seat(shop), make_staff(), uuid4()
    click = partial(refund_payment, payment_id=payment.pk, amount_minor=5000, actor=staff, note="", now=clock.now())
    first, second = at_once([partial(click, request_id=form), partial(click, request_id=form)])
    assert first == second
    assert refund_rows() == [(5000, "staff", "pending")]
    click(request_id=uuid4())
    assert refund_rows() == [(5000, "staff", "pending"), (5000, "staff", "pending")]


def fail_at_stripe(shop: Shop, refund: Refund) -> None:
    refund.refresh_from_db()
    shop.stripe.settle_refund(str(refund.stripe_refund_id), "failed", reason="expired_or_canceled_card")
    shop.hear_all()
    refund.refresh_from_db()
    assert refund.state == "failed"


def failed_refund(shop: Shop) -> Refund:
    refund = owe(bought_seat(shop))
    submit_refund(refund_id=refund.pk, now=clock.now())
    fail_at_stripe(shop, refund)
    return refund


def test_refund_that_fails_days_later_opens_a_case_and_tells_the_reader_once(shop: Shop, smtp_server: MailServer) -> None:
    refund = failed_refund(shop)
    shop.hear_all()
    check_refund(refund_id=refund.pk, now=clock.now() + timedelta(days=2))
    case = Case.objects.get()
    assert (case.kind, case.refund, case.summary) == (
        "refund_failed",
        refund,
        "Refund of $250 failed: expired_or_canceled_card",
    )
    assert "Try it again once" in case.proposal
    [mail] = OutgoingMail.objects.filter(kind="refund_failed")
    deliver_mail(mail.pk, clock.now())
    [received] = smtp_server.mails
    assert received.subject == "Your refund of $250 has not arrived yet"
    assert "your bank did not take it" in received.part("text/plain")


def test_announcement_of_a_refund_that_failed_before_it_was_mailed_is_withheld(shop: Shop, smtp_server: MailServer) -> None:
    failed_refund(shop)
    mail = OutgoingMail.objects.get(kind="payment_refunded")
    deliver_mail(mail.pk, clock.now())
    mail.refresh_from_db()
    assert (mail.state, mail.reason) == ("withheld", "the refund failed")


def test_failed_refund_is_made_again_once(shop: Shop) -> None:
    failed, staff = failed_refund(shop), make_staff()
    click = partial(retry_refund, refund_id=failed.pk, actor=staff, now=clock.now())
    first, second = at_once([click, click])
    assert first == second
    again = Refund.objects.get(replaces=failed)
    submit_refund(refund_id=again.pk, now=clock.now())
    assert refund_rows() == [(25000, "staff", "failed"), (25000, "staff", "succeeded")]
    assert (Payment.objects.get().refunded_minor, Order.objects.get().state) == (25000, "refunded")
    assert OutgoingMail.objects.filter(kind="payment_refunded").count() == 2


def test_news_of_a_failure_is_withheld_once_the_refund_is_made_again(shop: Shop, smtp_server: MailServer) -> None:
    failed = failed_refund(shop)
    retry_refund(refund_id=failed.pk, actor=make_staff(), now=clock.now())
    mail = OutgoingMail.objects.get(kind="refund_failed")
    deliver_mail(mail.pk, clock.now())
    mail.refresh_from_db()
    assert (mail.state, mail.reason) == ("withheld", "the refund is made again")


def test_refund_that_has_not_failed_is_not_made_again(shop: Shop) -> None:
    refund = owe(bought_seat(shop))
    with pytest.raises(RefundNotFailed):
        retry_refund(refund_id=refund.pk, actor=make_staff(), now=clock.now())
    submit_refund(refund_id=refund.pk, now=clock.now())
    with pytest.raises(RefundNotFailed):
        retry_refund(refund_id=refund.pk, actor=make_staff(), now=clock.now())


def test_refund_that_waits_for_the_reader_says_so_in_its_mail(shop: Shop) -> None:
    refund = owe(bought_seat(shop))
    shop.stripe.next_refund("requires_action")
    submit_refund(refund_id=refund.pk, now=clock.now())
    mail = OutgoingMail.objects.get(kind="payment_refunded")
    assert (mail.context, refund_rows()) == (
        {"refund_id": refund.pk, "asks_reader": True},
        [(25000, "staff", "submitted")],
    )


def test_disputed_payment_is_not_refunded_again_by_anybody(shop: Shop) -> None:
    payment, staff = bought_seat(shop), make_staff()
    owed = owe(payment, 1000)
    shop.stripe.open_dispute(payment.stripe_payment_intent_id)
    shop.hear_all()
    with pytest.raises(PaymentDisputed):
        refund_payment(payment_id=payment.pk, amount_minor=1000, actor=staff, note="", request_id=uuid4(), now=clock.now())
    calls = len(shop.stripe.objects("refund"))
    assert submit_refund(refund_id=owed.pk, now=clock.now())
    owed.refresh_from_db()
    assert (owed.state, owed.error, owed.next_attempt_at, len(shop.stripe.objects("refund"))) == (
        "failed",
        "charge_disputed",
        None,
        calls,
    )
    assert case_states() == {"dispute": "opened", "refund_failed": "opened"}
    with pytest.raises(PaymentDisputed):
        retry_refund(refund_id=owed.pk, actor=staff, now=clock.now())


def test_dispute_that_we_have_not_heard_of_fails_the_refund_instead_of_a_loop(shop: Shop) -> None:
    payment = bought_seat(shop)
    owed = owe(payment)
    dispute_id = shop.stripe.open_dispute(payment.stripe_payment_intent_id)
    assert submit_refund(refund_id=owed.pk, now=clock.now())
    owed.refresh_from_db()
    assert (owed.state, owed.error, owed.next_attempt_at) == ("failed", "InvalidRequestError charge_disputed", None)
    case = Case.objects.get()
    assert case.proposal.startswith("Wait for the dispute")
    # Lost: the reader has the money by the bank, so nothing is owed any more.
    shop.stripe.settle_dispute(dispute_id, "lost")
    shop.hear_all()
    assert case_states() == {"refund_failed": "settled", "dispute": "settled"}


def test_without_the_key_made_from_the_row_a_second_refund_appears(shop: Shop) -> None:
    """The control: the guard against a refund made twice is the row's key; without it Stripe makes another."""
    payment, now = bought_seat(shop), clock.now()
    owed = owe(payment, 1000)
    shop.stripe.fault("drop_after", method="POST", path="/v1/refunds", count=2)
    submit_refund(refund_id=owed.pk, now=clock.now())
    shop.stripe.clear_faults()
    # The call asked twice, since the SDK tries again by itself, and its row asks once more without looking first.
    assert len(shop.stripe.objects("refund")) == 1
    Refund.objects.update(attempts=0, next_attempt_at=now)
    Refund.objects.update(stripe_key_version=1)
    submit_refund(refund_id=owed.pk, now=clock.now())
    assert [refund["amount"] for refund in shop.stripe.objects("refund")] == [1000, 1000]
