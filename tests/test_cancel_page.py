"""The page on which a seat is canceled: the consequence first, the button, and what was done."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from redreport import clock
from sessions_live.models import LiveSession, Seat
from subscriptions.models import CreditGrant, Order, Refund
from tests.canceling import book, cancel, cancel_by_house
from tests.factories import make_credits, make_live_session, make_user
from tests.fixtures_shop import Shop
from tests.test_booking_receipts import bought_for_colleague, parts_of

BACK = "You get $250 back, to the card or account you paid with, usually within 5 to 10 days."
LATE = "Nothing is returned: the start is less than 24 hours away."


def browser_of(seat: Seat) -> Client:
    client = Client()
    client.force_login(seat.booked_by)
    return client


def text_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def address_of(seat: Seat) -> str:
    return f"/seats/{seat.public_id}/cancel/"


def press(client: Client, seat: Seat, page: Any, **options: Any) -> Any:
    """Send the form as the page gave it."""
    [consequence] = re.findall(r'name="consequence" value="(\w+)"', page.content.decode())
    return client.post(address_of(seat), {"consequence": consequence}, **options)


def credit_seat() -> Seat:
    user = make_user()
    make_credits(user, 2)
    return book(user, make_live_session())


def test_consequence_comes_first_and_a_look_changes_nothing(shop: Shop) -> None:
    seat = shop.sell_seat()
    page = browser_of(seat).get(address_of(seat))
    assert (page.status_code, BACK in text_of(page), Seat.objects.get().state) == (200, True, "confirmed")


def test_button_does_what_the_page_said_and_pressing_again_shows_the_same(shop: Shop) -> None:
    seat = shop.sell_seat()
    client = browser_of(seat)
    page = client.get(address_of(seat))
    done = [text_of(press(client, seat, page, follow=True)) for _ in range(2)]
    assert done[0].count(BACK) == done[1].count(BACK) == 1
    assert all("This seat is canceled" in text for text in done)
    assert [refund["amount"] for refund in shop.stripe.objects("refund")] == [25000]
    order = Order.objects.get()
    assert order.state == "refunded"
    order_page = text_of(client.get(f"/orders/{order.number}/"))
    assert "You canceled the seat in time." in order_page
    assert "Your seat is confirmed" not in order_page


@pytest.mark.django_db
def test_credit_names_its_date_before_and_after() -> None:
    seat = credit_seat()
    client = browser_of(seat)
    page = client.get(address_of(seat))
    assert "1 credit returns, good for sessions that start before" in text_of(page)
    assert "1 credit is back, good for sessions that start before" in text_of(press(client, seat, page, follow=True))
    assert CreditGrant.objects.get().balance == 2


@pytest.mark.django_db
def test_cut_off_that_passed_meanwhile_is_shown_before_anything_is_done() -> None:
    seat = credit_seat()
    client = browser_of(seat)
    page = client.get(address_of(seat))
    assert LATE not in text_of(page)
    with time_machine.travel(seat.live_session.cancel_cutoff_at + timedelta(minutes=1), tick=False):
        client = browser_of(seat)
        again = press(client, seat, page)
        assert (again.status_code, Seat.objects.get().state) == (409, "confirmed")
        assert "Nothing is canceled yet" in text_of(again)
        assert LATE in text_of(again)
        done = press(client, seat, again, follow=True)
    assert "Nothing is returned: the seat was canceled less than 24 hours before the start." in text_of(done)
    assert (Seat.objects.get().state, CreditGrant.objects.get().balance) == ("canceled", 1)


@pytest.mark.django_db
def test_somebody_elses_seat_is_unknown_and_a_stranger_signs_in_first() -> None:
    seat = credit_seat()
    other = Client()
    other.force_login(make_user())
    assert [call(address_of(seat)).status_code for call in (other.get, other.post)] == [404, 404]
    answer = Client().post(address_of(seat))
    assert answer["Location"] == f"/accounts/login/?next={address_of(seat)}"
    assert Seat.objects.get().state == "confirmed"


@pytest.mark.django_db
def test_attendee_who_did_not_book_it_may_not() -> None:
    seat, guest = credit_seat(), make_user()
    Seat.objects.update(attendee_email=guest.email)
    client = Client()
    client.force_login(guest)
    assert client.get(address_of(seat)).status_code == 404
    assert "Cancel your seat" not in text_of(client.get(f"/sessions/{seat.live_session.slug}/"))


@pytest.mark.django_db
def test_after_the_start_the_page_says_that_it_is_too_late() -> None:
    seat = credit_seat()
    LiveSession.objects.update(starts_at=clock.now() - timedelta(minutes=1))
    for method in ("get", "post"):
        answer = getattr(browser_of(seat), method)(address_of(seat))
        assert (answer.status_code, "This session has begun" in text_of(answer)) == (409, True)
    assert Seat.objects.get().state == "confirmed"


def test_held_seat_has_nothing_to_cancel(shop: Shop) -> None:
    shop.hold_seat()
    seat = Seat.objects.get()
    answer = browser_of(seat).get(address_of(seat))
    assert (answer.status_code, "There is no seat to cancel" in text_of(answer)) == (409, True)


def test_while_stripe_is_down_the_page_says_the_same(shop: Shop) -> None:
    seat = shop.sell_seat()
    client = browser_of(seat)
    page = client.get(address_of(seat))
    shop.stripe.fault("503", method="POST", path="/v1/refunds", count=10)
    assert BACK in text_of(press(client, seat, page, follow=True))
    assert Refund.objects.get().state == "pending"
    assert "Your payment is being returned" in text_of(client.get(f"/orders/{Order.objects.get().number}/"))


@pytest.mark.django_db
def test_what_waits_for_the_sweep_is_said_as_it_will_be() -> None:
    seat, now = credit_seat(), clock.now()
    Seat.objects.update(state="canceled", canceled_at=now, canceled_by="house", restitution="full")
    text = text_of(browser_of(seat).get(address_of(seat)))
    assert "1 credit is back" in text
    assert "We canceled it on" in text


def test_order_of_a_seat_canceled_too_late_does_not_call_it_confirmed(shop: Shop) -> None:
    seat = shop.sell_seat()
    cancel(seat, seat.live_session.cancel_cutoff_at)
    text = text_of(browser_of(seat).get(f"/orders/{Order.objects.get().number}/"))
    assert "<h1>Canceled</h1>" in text
    assert "the seat was canceled less than 24 hours before the start" in text
    assert "Your seat is confirmed" not in text
    assert "Your door" not in text


def test_it_is_linked_from_account_order_and_session_until_the_start(shop: Shop) -> None:
    seat = shop.sell_seat()
    client = browser_of(seat)
    pages = ("/account/", f"/orders/{Order.objects.get().number}/", f"/sessions/{seat.live_session.slug}/")
    assert [address_of(seat) in text_of(client.get(page)) for page in pages] == [True] * 3
    LiveSession.objects.update(starts_at=clock.now() - timedelta(minutes=1))
    assert [address_of(seat) in text_of(client.get(page)) for page in pages] == [False] * 3


@pytest.mark.django_db
def test_account_leads_to_what_was_done_for_a_canceled_seat() -> None:
    seat = credit_seat()
    cancel_by_house(seat)
    client = browser_of(seat)
    assert f'<a class="badge" href="{address_of(seat)}">Canceled</a>' in text_of(client.get("/account/"))
    assert "Reserve with 1 credit" in text_of(client.get(f"/sessions/{seat.live_session.slug}/"))


def test_confirmation_and_receipt_lead_there(shop: Shop) -> None:
    order = bought_for_colleague(shop)
    seat = Seat.objects.get()
    for part in parts_of("booking_receipt", order.subscriber.user.email):
        assert f"http://testserver{address_of(seat)}" in part
    for part in parts_of("seat_confirmed", seat.attendee_email):
        assert "/cancel/" not in part
    own = shop.sell_seat()
    for part in parts_of("seat_confirmed", own.attendee_email):
        assert f"http://testserver{address_of(own)}" in part
