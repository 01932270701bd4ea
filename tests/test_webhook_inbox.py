"""Stripe's webhooks: what is let in, stored once, and acted on until it succeeds or needs a person."""

from datetime import timedelta
from typing import Any

import pytest
import stripe
import time_machine
from django.test import Client

from redreport import clock
from sessions_live.errors import SoldOut
from sessions_live.models import LiveSession, Seat
from subscriptions.models import Price, Refund, StripeEvent
from subscriptions.operations import leases
from subscriptions.webhooks.inbox import MOST_FAULTS, process_event
from tests.factories import make_live_session
from tests.fixtures_shop import Shop, seats_given, stripe_json

URL = "/webhooks/stripe/"


@pytest.fixture
def paid(shop: Shop) -> dict[str, Any]:
    """The event of a paid Checkout."""
    shop.pay(shop.hold_seat())
    return shop.events("checkout.session.completed")[0]


def test_signed_event_is_stored_once_and_answered_200(shop: Shop, paid: dict[str, Any]) -> None:
    assert [shop.post_webhook(paid), shop.post_webhook(paid)] == [200, 200]
    event = StripeEvent.objects.get()
    assert (event.stripe_event_id, event.type, event.state) == (paid["id"], "checkout.session.completed", "received")


@pytest.mark.parametrize("age", [timedelta(minutes=6), timedelta(minutes=-6)], ids=["old", "from the future"])
def test_event_signed_at_another_time_is_refused(shop: Shop, paid: dict[str, Any], age: timedelta) -> None:
    assert shop.post_webhook(paid, at=clock.now() - age) == 400
    assert not StripeEvent.objects.exists()


def test_forged_unsigned_and_garbled_events_are_refused(shop: Shop, paid: dict[str, Any]) -> None:
    assert shop.post_webhook(paid, secret="whsec_of_somebody_else") == 400
    client = Client()
    just_now = int(clock.now().timestamp())
    for signature in ("", "t=now,v1=nonsense", "é", f"t={just_now},v1={'é' * 64}"):
        headers = {"stripe-signature": signature} if signature else {}
        answer = client.post(URL, stripe_json(paid), content_type="application/json", headers=headers)
        assert answer.status_code == 400
    assert not StripeEvent.objects.exists()


@pytest.mark.parametrize("time", ["\u00b2", "9" * 5000, "-1", ""])
def test_signature_with_an_impossible_time_is_refused(shop: Shop, time: str) -> None:
    answer = Client().post(URL, "{}", content_type="application/json", headers={"stripe-signature": f"t={time},v1=00"})
    assert answer.status_code == 400


def test_oversized_body_is_refused_without_reading_on(shop: Shop) -> None:
    answer = Client().post(URL, b"x" * (513 * 1024), content_type="application/json")
    assert answer.status_code == 400


def test_event_of_the_other_mode_is_refused(shop: Shop, paid: dict[str, Any]) -> None:
    assert shop.post_webhook({**paid, "livemode": True}) == 400
    assert not StripeEvent.objects.exists()


def test_both_secrets_are_accepted_while_one_replaces_the_other(shop: Shop, paid: dict[str, Any], settings: Any) -> None:
    settings.STRIPE_WEBHOOK_SECRETS = ["whsec_new", "whsec_old"]
    assert [shop.post_webhook(paid, secret=secret) for secret in ("whsec_new", "whsec_old", "whsec_gone")] == [200, 200, 400]


def test_event_signed_with_both_secrets_in_one_header_is_accepted_by_who_knows_either(
    shop: Shop, paid: dict[str, Any], settings: Any
) -> None:
    payload, moment = stripe_json(paid), int(clock.now().timestamp())
    headers = [
        stripe.WebhookSignature.generate_signature_header(payload, secret, timestamp=moment)
        for secret in ("whsec_new", "whsec_old")
    ]
    both = f"{headers[0]},{headers[1].partition(',')[2]}"
    for known, status in ((["whsec_new"], 200), (["whsec_old"], 200), (["whsec_new", "whsec_old"], 200), (["whsec_gone"], 400)):
        settings.STRIPE_WEBHOOK_SECRETS = known
        answer = Client().post(URL, payload, content_type="application/json", headers={"stripe-signature": both})
        assert answer.status_code == status, known
    assert StripeEvent.objects.count() == 1


@pytest.mark.parametrize(("account", "status"), [("acct_of_somebody_else", 400), (None, 200)])
def test_event_of_another_account_is_refused(shop: Shop, paid: dict[str, Any], account: str | None, status: int) -> None:
    own = Price.objects.values_list("stripe_account_id", flat=True).first()
    assert shop.post_webhook({**paid, "account": account or own}) == status
    assert StripeEvent.objects.count() == (status == 200)


def test_event_that_comes_three_days_late_still_gives_the_seat(shop: Shop) -> None:
    order = shop.hold_seat(live_session=make_live_session(capacity=1))
    shop.pay(order)
    with time_machine.travel(clock.now() + timedelta(days=3)):
        # Nobody swept meanwhile, and the seat was kept: only Stripe's word gives it back.
        with pytest.raises(SoldOut):
            shop.hold_seat(live_session=order.live_session)
        assert shop.hear(shop.events("checkout.session.completed")[0]) == 200
    order.refresh_from_db()
    assert (order.state, Seat.objects.get().state) == ("paid", "confirmed")
    assert order.fulfilled_at is not None


def test_event_that_comes_after_its_seat_was_given_to_another_returns_the_money(shop: Shop) -> None:
    shop.stripe.take_payment_despite_expire()
    late, live_session = shop.hold_seat(live_session=make_live_session(capacity=1)), LiveSession.objects.get()
    shop.let_hold_lapse(late)
    quick = shop.hold_seat(live_session=live_session)
    for order in (late, quick):
        shop.pay(order)
    told = {event["data"]["object"]["id"]: event for event in shop.events("checkout.session.completed")}
    shop.hear(told[quick.stripe_checkout_session_id])
    with time_machine.travel(clock.now() + timedelta(days=3)):
        shop.hear(told[late.stripe_checkout_session_id])
    late.refresh_from_db()
    assert (late.state, Refund.objects.get().reason) == ("refunded", "sold_out")
    assert seats_given(live_session) == 1


def test_event_of_a_type_that_does_not_concern_us_is_stored_and_ignored(shop: Shop, paid: dict[str, Any]) -> None:
    assert shop.hear({**paid, "id": "evt_other", "type": "customer.tax_id.created"}) == 200
    assert StripeEvent.objects.get().state == StripeEvent.State.IGNORED


def test_event_about_an_object_stripe_does_not_have_is_left_for_staff_to_see(shop: Shop, paid: dict[str, Any]) -> None:
    unknown = {**paid, "id": "evt_unknown", "data": {"object": {**paid["data"]["object"], "id": "cs_test_unknown"}}}
    assert shop.hear(unknown) == 200
    event = StripeEvent.objects.get()
    assert (event.state, event.error, event.due_at) == ("failed", "Stripe has no such object", None)


def test_event_waits_while_stripe_is_down_and_is_acted_on_by_the_sweep(shop: Shop, paid: dict[str, Any]) -> None:
    shop.stripe.fault("503", method="GET", path="/v1/checkout/sessions/*", count=2)
    shop.hear(paid)
    event = StripeEvent.objects.get()
    assert (event.state, event.attempts, event.error) == ("received", 1, "GatewayBroken")
    process_event(event_id=event.pk, now=clock.now() + timedelta(minutes=1))
    event.refresh_from_db()
    assert (event.state, Seat.objects.get().state) == ("processed", "confirmed")


def test_event_that_always_fails_ends_in_the_inbox_as_failed(shop: Shop, paid: dict[str, Any], monkeypatch: Any) -> None:
    def poison(object_id: str, now: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setitem(process_event.__globals__["HANDLERS"], "checkout.session.completed", poison)
    shop.post_webhook(paid)
    event = StripeEvent.objects.get()
    now = clock.now()
    for _ in range(MOST_FAULTS):
        now += timedelta(hours=1)
        process_event(event_id=event.pk, now=now)
    event.refresh_from_db()
    assert (event.state, event.attempts, event.error, event.due_at) == ("failed", MOST_FAULTS, "ZeroDivisionError", None)


def test_event_of_an_object_that_another_worker_holds_is_tried_again(shop: Shop, paid: dict[str, Any]) -> None:
    leases._claim(paid["data"]["object"]["id"])
    shop.hear(paid)
    event = StripeEvent.objects.get()
    assert (event.state, event.error) == ("received", "ObjectBusy")
    # The other worker died: its lease runs out.
    leases.StripeObjectLease.objects.update(leased_until=clock.now())
    process_event(event_id=event.pk, now=clock.now() + timedelta(minutes=1))
    event.refresh_from_db()
    assert (event.state, Seat.objects.get().state) == ("processed", "confirmed")
