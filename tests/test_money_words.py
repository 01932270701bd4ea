"""What pages and mails say of money is true, even while Stripe has not answered."""

from typing import Any

import pytest
from django.test import Client

from redreport import clock
from redreport.outbox import kinds
from redreport.outbox.models import OutgoingMail
from subscriptions.mails import queue_payment_refunded
from subscriptions.models import Order, Payment, Plan, Price, Refund
from subscriptions.operations.booking import start_seat_order
from subscriptions.selectors import current_price
from tests.factories import attendee_of, make_live_session, make_price, make_user
from tests.fixtures_shop import Shop

pytestmark = pytest.mark.django_db

REASONS = {
    Refund.Reason.SOLD_OUT: "The payment came after the held seat had been released, and no other was left.",
    Refund.Reason.STARTED: "The payment came after the session had started.",
    Refund.Reason.HEARD_TOO_LATE: "We learned of the payment only after the session.",
    Refund.Reason.NOT_HELD: "The session does not take place.",
    Refund.Reason.ALREADY_SEATED: "The attendee already had a seat in this session.",
    Refund.Reason.PAID_TWICE: "The order was paid twice.",
    Refund.Reason.GIVEN_BACK: "You canceled the seat in time.",
    Refund.Reason.HOUSE_CANCELED: "We canceled the seat.",
    Refund.Reason.YEAR_ENDED: "The year was ended early.",
    Refund.Reason.STAFF: "We agreed on it with you.",
    Refund.Reason.DASHBOARD: "We returned it.",
}


def refund_for(reason: Refund.Reason, *, given: bool) -> Refund:
    user, now = make_user(), clock.now()
    order = start_seat_order(
        user=user, live_session_id=make_live_session().pk, attendees=[attendee_of(user)], price_id=make_price().pk, now=now
    )
    Order.objects.filter(pk=order.pk).update(state=Order.State.PAID, paid_at=now, fulfilled_at=now if given else None)
    payment = Payment.objects.create(
        order=order,
        subscriber=order.subscriber,
        stripe_payment_intent_id="pi_1",
        amount_minor=25000,
        currency="usd",
        captured_at=now,
        recorded_at=now,
    )
    return Refund.objects.create(payment=payment, amount_minor=25000, currency="usd", reason=reason, created_at=now)


def text_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def buyer_of(order: Order) -> Client:
    client = Client()
    client.force_login(order.subscriber.user)
    return client


def mail_about(refund: Refund) -> str:
    assert refund.payment.order is not None
    if refund.is_told_already:
        # Only one that is made instead of another is news.
        refund.replaces = Refund.objects.create(
            payment=refund.payment, amount_minor=25000, currency="usd", reason=refund.reason, created_at=clock.now()
        )
        refund.save()
    queue_payment_refunded(refund=refund, now=clock.now())
    mail = OutgoingMail.objects.get(kind="payment_refunded")
    return kinds.find(mail.kind).render(mail).text


@pytest.mark.parametrize("reason", Refund.Reason, ids=str)
def test_mail_gives_the_one_reason_and_says_what_became_of_the_seat(reason: Refund.Reason) -> None:
    text = mail_about(refund_for(reason, given=reason == Refund.Reason.PAID_TWICE))
    assert [known for known, words in REASONS.items() if words in text] == [reason]
    stays = reason == Refund.Reason.PAID_TWICE
    assert ("Your seat stays." in text, "you have no seat" in text) == (stays, reason not in Refund.SAY_NOTHING_OF_THE_SEAT)


def test_mail_about_a_part_says_of_what_and_nothing_of_the_seat() -> None:
    refund = refund_for(Refund.Reason.DASHBOARD, given=True)
    refund.amount_minor = 10000
    refund.save()
    text = mail_about(refund)
    assert "We return part of your payment" in text
    assert "$100 of your payment of $250 comes back to you. We returned it. It goes back to the card" in text
    assert "you have no seat" not in text


def test_mail_about_a_refund_that_waits_for_the_reader_says_what_to_do() -> None:
    refund = refund_for(Refund.Reason.STAFF, given=True)
    queue_payment_refunded(refund=refund, asks_reader=True, now=clock.now())
    text = kinds.find("payment_refunded").render(OutgoingMail.objects.get()).text
    assert "Stripe has to know where to send it, and has written you a mail of its own about that. Please answer it" in text
    assert "You need do nothing" not in text


@pytest.mark.parametrize("reason", Refund.Reason, ids=str)
def test_page_of_an_order_without_a_seat_gives_the_one_reason(reason: Refund.Reason) -> None:
    order = refund_for(reason, given=False).payment.order
    assert order is not None
    page = text_of(buyer_of(order).get(f"/orders/{order.number}/"))
    assert [known for known, words in REASONS.items() if words in page] == [reason]
    assert "Your seat stays." not in page


def test_stripe_refusing_is_no_reason_to_try_again(shop: Shop) -> None:
    user, client = make_user(), Client()
    client.force_login(user)
    price = current_price(Plan.SINGLE_SEAT)
    Price.objects.filter(pk=price.pk).update(stripe_price_id="price_that_stripe_does_not_know")
    form = {"attendee_name": user.name, "attendee_email": user.email, "attendee_firm": "", "price_id": price.pk}
    answer = client.post(f"/sessions/{make_live_session().slug}/reserve/", form)
    assert answer.status_code == 502
    assert "Please write to us" in text_of(answer)
    assert "try again" not in text_of(answer).lower()


@pytest.mark.parametrize("page", ["order", "account", "session"])
def test_no_page_of_a_pending_order_denies_a_payment_we_have_not_heard_of(shop: Shop, page: str) -> None:
    order = shop.hold_seat()
    assert order.live_session is not None
    shop.pay(order)
    shop.stripe.fault("500", method="GET", path="/v1/checkout/sessions/*", count=5)
    addresses = {"order": f"/orders/{order.number}/", "account": "/account/", "session": f"/sessions/{order.live_session.slug}/"}
    answer = text_of(buyer_of(order).get(addresses[page]))
    assert "no payment has reached us yet." in answer.lower()
    assert "charged" not in answer


def test_giving_back_a_seat_that_is_paid_already_denies_no_payment_while_stripe_is_down(shop: Shop) -> None:
    order = shop.hold_seat()
    shop.pay(order)
    shop.stripe.fault("500", path="/v1/checkout/sessions/*", count=10)
    answer = buyer_of(order).post(f"/orders/{order.number}/release/")
    assert answer.status_code == 503
    assert "Nothing was charged" not in text_of(answer)
    assert "do not pay again: we confirm it as soon as Stripe answers." in text_of(answer)


def test_order_whose_payment_page_could_not_be_opened_says_so(shop: Shop) -> None:
    order = shop.hold_seat()
    Order.objects.filter(pk=order.pk).update(state=Order.State.FAILED, next_check_at=None)
    answer = text_of(buyer_of(order).get(f"/orders/{order.number}/"))
    assert "We could not open the payment page</h1>" in answer
    assert "So this order is closed. <strong>Nothing was charged.</strong>" in answer
