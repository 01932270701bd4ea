"""The renewal's page and the account's billing section, as a reader meets them."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from redreport import clock
from redreport.wording import full_day, house_day
from subscriptions.models import Invoice, Order, Payment, Subscription, SubscriptionChange
from subscriptions.operations.changes import ask_end_now
from subscriptions.tasks import sweep_changes_task
from tests.factories import make_live_session, make_staff, make_user
from tests.fixtures_shop import Shop

RENEWAL = "/account/renewal/"


@pytest.fixture
def year(shop: Shop) -> Subscription:
    return shop.begin_year()


@pytest.fixture
def reader(year: Subscription) -> Client:
    client = Client()
    client.force_login(year.subscriber.user)
    return client


def text_of(answer: Any) -> str:
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def ends_on(year: Subscription) -> str:
    return full_day(house_day(year.current_period_end))


def test_account_says_what_the_next_charge_is_and_has_the_way_off_in_sight(reader: Client, year: Subscription) -> None:
    page = text_of(reader.get("/account/"))
    assert f"Renews on <strong>{ends_on(year)}</strong> for $2,500, which is the next charge." in page
    assert '<a class="more" href="/account/renewal/">Turn off auto-renew</a>' in page
    assert "Card, address, tax ID, invoices" in page
    assert "write to" not in page


def test_page_says_what_turning_off_means_before_it_is_done(reader: Client, year: Subscription) -> None:
    page = text_of(reader.get(RENEWAL))
    assert f"<dt>Next charge</dt><dd>$2,500 on {ends_on(year)}</dd>" in page
    assert f"12 left, good for sessions that start before {ends_on(year)}" in page
    assert "Nothing is lost until then" in page
    assert SubscriptionChange.objects.count() == 0


def test_off_and_on_again_on_one_page(reader: Client, year: Subscription) -> None:
    answer = reader.post(RENEWAL, {"renewal": "off"})
    assert (answer.status_code, answer["Location"]) == (303, RENEWAL)
    page = text_of(reader.get(RENEWAL))
    assert "<h1>Your renewal is off</h1> <p>Nothing will be charged. A mail confirms it.</p>" in page
    assert f"Ends on {ends_on(year)}" in page
    assert f"Renews on {ends_on(year)} for $2,500, with 12 new credits" in page
    assert f"Ends on <strong>{ends_on(year)}</strong>. It does not renew" in text_of(reader.get("/account/"))
    answer = reader.post(RENEWAL, {"renewal": "on"}, follow=True)
    assert "Your renewal is on again." in text_of(answer)
    year.refresh_from_db()
    assert year.renews


def test_wish_is_kept_while_stripe_does_not_answer(shop: Shop, reader: Client, year: Subscription) -> None:
    shop.stripe.fault("503", path="/v1/subscriptions/*", count=100)
    page = text_of(reader.post(RENEWAL, {"renewal": "off"}, follow=True))
    assert "We have your wish; it is done as soon as Stripe answers." in page
    assert "Keep it on after all" in page
    assert "Your renewal is being turned off." in text_of(reader.get("/account/"))
    shop.stripe.clear_faults()
    SubscriptionChange.objects.update(next_attempt_at=clock.now())
    sweep_changes_task()
    assert "Your renewal is off" in text_of(reader.get(RENEWAL))


def test_second_click_and_nonsense_change_nothing_more(reader: Client, year: Subscription) -> None:
    for wish in ("off", "off", "perhaps"):
        assert reader.post(RENEWAL, {"renewal": wish}).status_code == 303
    year.refresh_from_db()
    assert (year.renews, SubscriptionChange.objects.filter(state="pending").count()) == (False, 0)


def test_refusal_of_stripes_is_said(reader: Client, year: Subscription) -> None:
    Subscription.objects.update(stripe_subscription_id="sub_of_another_account")
    page = text_of(reader.post(RENEWAL, {"renewal": "off"}, follow=True))
    assert "Stripe did not accept it, so nothing was changed. Our desk has been told and will write to you." in page


def test_nobody_without_a_running_year_is_offered_a_renewal(shop: Shop) -> None:
    client = Client()
    assert client.get(RENEWAL)["Location"] == f"/accounts/login/?next={RENEWAL}"
    client.force_login(make_user())
    for answer in (client.get(RENEWAL), client.post(RENEWAL, {"renewal": "off"})):
        assert answer.status_code == 409
        assert "You have no current year" in answer.text
    assert SubscriptionChange.objects.count() == 0


def test_year_that_staff_are_ending_offers_nothing(reader: Client, year: Subscription) -> None:
    ask_end_now(subscription_id=year.pk, actor=make_staff(), reason="Asked to leave", now=clock.now())
    page = text_of(reader.get("/account/"))
    assert "We are ending your year." in page
    assert "auto-renew" not in page
    assert "Your year is being ended" in text_of(reader.get(RENEWAL))
    assert reader.post(RENEWAL, {"renewal": "on"}).status_code == 409


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"status": "past_due"}, "We could not take the payment for the year that began on"),
        ({"status": "unpaid"}, "is not paid.</strong> Stripe has stopped trying"),
        ({"status": "paused"}, "<strong>Paused by us.</strong> Nothing is charged"),
        ({"pause_behavior": "void"}, "<strong>Paused by us.</strong> Nothing is charged"),
        ({"status": "canceled"}, 'Nothing more will be charged. <a href="/plans/annual/">Start a new year</a>'),
    ],
)
def test_account_says_how_the_year_stands(reader: Client, fields: dict[str, str], words: str) -> None:
    Subscription.objects.update(**fields)
    page = text_of(reader.get("/account/"))
    assert words in page
    assert "which is the next charge" not in page


def test_year_that_was_not_ordered_here_names_no_amount(reader: Client, year: Subscription) -> None:
    Order.objects.update(subscription=None)
    assert f"Renews on <strong>{ends_on(year)}</strong>. The next charge is on that day." in text_of(reader.get("/account/"))
    assert f"<dt>Next charge</dt><dd>on {ends_on(year)}</dd>" in text_of(reader.get(RENEWAL))


def test_payments_are_listed_with_what_came_back_and_their_papers(shop: Shop, reader: Client, year: Subscription) -> None:
    user, live_session = year.subscriber.user, make_live_session()
    seat = shop.hold_seat(user, live_session)
    shop.pay(seat)
    shop.hear_all()
    Payment.objects.filter(order=seat).update(refunded_minor=10000, receipt_url="https://stripe.example/receipt")
    renewal = Payment.objects.create(
        subscriber=year.subscriber,
        stripe_payment_intent_id="pi_renewal",
        stripe_invoice_id="in_renewal",
        amount_minor=250000,
        currency="usd",
        captured_at=clock.now() + timedelta(days=1),
        recorded_at=clock.now(),
    )
    Invoice.objects.create(
        stripe_invoice_id="in_renewal",
        subscriber=year.subscriber,
        subscription=year,
        status="paid",
        subtotal_minor=250000,
        total_minor=250000,
        currency="usd",
        invoice_pdf_url="https://stripe.example/renewal.pdf",
        created_at=clock.now(),
        synced_at=clock.now(),
    )
    page = reader.get("/account/")
    lines = page.context["payments"]
    assert [(line.payment.amount_minor, line.payment.refunded_minor, line.what_for) for line in lines] == [
        (250000, 0, "A year"),
        (25000, 10000, live_session.title),
        (250000, 0, "A year"),
    ]
    assert lines[0].payment == renewal
    assert (lines[0].invoice_pdf_url, lines[1].receipt_url) == (
        "https://stripe.example/renewal.pdf",
        "https://stripe.example/receipt",
    )
    first = Order.objects.get(kind="year")
    assert lines[2].invoice_pdf_url == first.invoice_pdf_url != ""
    assert lines[2].receipt_url == first.receipt_url != ""
    assert "$100" in page.text
