"""What is told, opened or pressed too late turns nothing back."""

from django.test import Client

from redreport import clock
from sessions_live.models import Seat
from subscriptions.models import Refund
from subscriptions.operations.checkouts import give_up_order
from tests.canceling import cancel
from tests.factories import make_live_session, make_user
from tests.fixtures_shop import Shop, seats_given


def test_payment_told_again_after_its_refund_revives_nothing(shop: Shop) -> None:
    order = shop.hold_seat()
    shop.pay(order)
    shop.hear_all()
    cancel(Seat.objects.select_related("live_session", "booked_by").get())
    told = shop.stripe.objects("event")
    for number, event in enumerate([*told, *reversed(told)]):
        # Under an id of its own, or the inbox would know it already.
        assert shop.hear({**event, "id": f"evt_{number}"}) == 200
    order.refresh_from_db()
    assert (order.state, Seat.objects.get().state) == ("refunded", "canceled")
    assert [refund["amount"] for refund in shop.stripe.objects("refund")] == [25000]
    assert Refund.objects.count() == 1


def test_reader_who_comes_back_after_the_webhook_sees_the_seat_and_no_offer_to_pay(shop: Shop) -> None:
    user, client = make_user(), Client()
    client.force_login(user)
    order = shop.hold_seat(user)
    shop.pay(order)
    shop.hear_all()
    page = client.get(f"/orders/{order.number}/?returned=paid").content.decode()
    assert "Your seat is confirmed" in page
    assert f"/orders/{order.number}/pay/" not in page
    assert client.post(f"/orders/{order.number}/pay/").status_code != 303
    assert len(shop.stripe.objects("checkout.session")) == 1


def test_order_that_was_given_back_cannot_be_paid_from_an_old_tab(shop: Shop) -> None:
    user, live_session = make_user(), make_live_session(capacity=1)
    old = shop.hold_seat(user, live_session)
    give_up_order(order_id=old.pk, by_buyer=True, now=clock.now())
    new = shop.hold_seat(user, live_session)
    assert shop.stripe.pay(str(old.stripe_checkout_session_id))["outcome"] == "closed"
    shop.pay(new)
    shop.hear_all()
    assert seats_given(live_session) == 1
    assert [intent["amount_received"] for intent in shop.stripe.objects("payment_intent")] == [25000]
