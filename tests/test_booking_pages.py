"""The pages of buying, as a reader meets them when something is not as it should be."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from redreport import clock
from redreport.accounts.models import User
from sessions_live.models import LiveSession, Seat
from subscriptions.models import CreditGrant, Order, Plan
from subscriptions.operations.leases import _abandon, _claim
from subscriptions.selectors import current_price
from tests.factories import make_credits, make_guest_seat, make_live_session, make_user
from tests.fixtures_shop import Shop

Reader = tuple[Client, User]


@pytest.fixture
def reader(shop: Shop) -> Reader:
    user, client = make_user("Ada Reader"), Client()
    client.force_login(user)
    return client, user


def reserve(reader: Reader, live_session: LiveSession, **values: Any) -> Any:
    client, user = reader
    form = {
        "attendee_name": user.name,
        "attendee_email": user.email,
        "attendee_firm": "",
        "price_id": current_price(Plan.SINGLE_SEAT).pk,
        **values,
    }
    return client.post(f"/sessions/{live_session.slug}/reserve/", form)


def text_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def test_reserving_leads_to_stripes_page(shop: Shop, reader: Reader) -> None:
    answer = reserve(reader, make_live_session())
    assert answer.status_code == 303
    assert answer["Location"] == shop.stripe.objects("checkout.session")[0]["url"]


def test_nothing_is_held_before_sign_in(shop: Shop) -> None:
    live_session = make_live_session()
    answer = Client().post(f"/sessions/{live_session.slug}/reserve/", {})
    assert answer["Location"].startswith("/accounts/login/?next=")
    assert not Seat.objects.exists()


def test_sold_out_page_says_that_nothing_was_charged(shop: Shop, reader: Reader) -> None:
    live_session = make_live_session(capacity=1)
    shop.hold_seat(live_session=live_session)
    answer = reserve(reader, live_session)
    assert answer.status_code == 409
    assert "This session is sold out" in text_of(answer)
    assert "Nothing was charged." in text_of(answer)


def test_tampered_price_is_refused_without_a_hold(shop: Shop, reader: Reader) -> None:
    for price_id in (current_price(Plan.ANNUAL).pk, 999999):
        answer = reserve(reader, make_live_session(), price_id=price_id)
        assert "The price has changed" in text_of(answer)
    assert not Seat.objects.exists()


def test_missing_name_keeps_what_was_filled_in_and_says_what_to_do(shop: Shop, reader: Reader) -> None:
    answer = reserve(reader, make_live_session(), attendee_name="", attendee_firm="Hill & Co")
    assert answer.status_code == 400
    assert "There is a problem" in text_of(answer)
    assert "Enter the name of the person who will attend." in text_of(answer)
    assert 'value="Hill &amp; Co"' in text_of(answer)


def test_line_breaks_in_a_name_are_refused(shop: Shop, reader: Reader) -> None:
    answer = reserve(reader, make_live_session(), attendee_name="Ada\r\nBcc: everybody@example.com")
    assert answer.status_code == 400
    assert not Seat.objects.exists()


def test_address_longer_than_we_can_keep_is_refused(shop: Shop, reader: Reader) -> None:
    live_session = make_live_session()
    longest = f"{'a' * 64}@{'.'.join(['b' * 60] * 3)}.example"
    assert len(longest) == 255
    assert reserve(reader, live_session, attendee_email=longest).status_code == 400
    assert Seat.objects.count() == 0


def test_person_who_already_has_a_seat_is_told_so_only_by_their_booker(shop: Shop, reader: Reader) -> None:
    live_session, somebody = make_live_session(), make_user()
    make_guest_seat(live_session, somebody)
    answer = reserve(reader, live_session, attendee_email=somebody.email.upper())
    assert "This person already has a seat" in text_of(answer)
    assert somebody.name not in text_of(answer).replace("Ada Reader", "")


def test_stripe_down_says_try_again(shop: Shop, reader: Reader) -> None:
    shop.stripe.fault("500", method="POST", path="/v1/checkout/sessions", count=5)
    live_session = make_live_session()
    answer = reserve(reader, live_session)
    assert answer.status_code == 503
    assert "This attempt charged nothing." in text_of(answer)
    assert f'href="/sessions/{live_session.slug}/reserve/"' in text_of(answer)
    shop.stripe.clear_faults()
    assert reserve(reader, live_session).status_code == 303
    assert Order.objects.count() == 1


def test_started_session_sells_no_seats(shop: Shop, reader: Reader) -> None:
    live_session = make_live_session()
    LiveSession.objects.update(starts_at=clock.now() - timedelta(minutes=1))
    assert "Seats are no longer sold" in text_of(reserve(reader, live_session))


@pytest.mark.parametrize("rest", ["", "pay/", "release/"])
def test_somebody_elses_order_is_as_unknown_as_one_that_never_was(shop: Shop, reader: Reader, rest: str) -> None:
    order = shop.hold_seat()
    call: Callable[..., Any] = reader[0].post if rest else reader[0].get
    assert [call(f"/orders/{number}/{rest}").status_code for number in (order.number, "RR-22222222")] == [404, 404]
    order.refresh_from_db()
    assert order.state == Order.State.PENDING


def test_returning_from_stripe_confirms_without_any_webhook(shop: Shop, reader: Reader) -> None:
    order = shop.hold_seat(reader[1])
    shop.pay(order)
    answer = reader[0].get(f"/orders/{order.number}/?returned=paid")
    assert "Your seat is confirmed" in text_of(answer)
    assert "/pay/" not in text_of(answer)


def test_page_of_a_paid_year_asks_again_after_another_worker_was_at_it(shop: Shop, reader: Reader) -> None:
    order = shop.order_year(reader[1])
    shop.pay(order)
    [subscription] = shop.stripe.objects("subscription")
    with synchronizing(subscription["id"]):
        answer = reader[0].get(f"/orders/{order.number}/?returned=paid")
        order.refresh_from_db()
        assert (order.state, order.fulfilled_at) == ("paid", None)
        assert "Confirming your payment" in text_of(answer)
    assert "Your 12 sessions are ready" in text_of(reader[0].get(f"/orders/{order.number}/"))


@contextmanager
def synchronizing(stripe_object_id: str) -> Iterator[None]:
    """Another worker is fetching this object of Stripe's."""
    lease = _claim(stripe_object_id)
    yield
    _abandon(lease)


def test_return_page_never_offers_to_pay_again_while_it_confirms(shop: Shop, reader: Reader) -> None:
    order = shop.hold_seat(reader[1])
    shop.pay(order)
    shop.stripe.fault("500", method="GET", path="/v1/checkout/sessions/*", count=5)
    answer = reader[0].get(f"/orders/{order.number}/?returned=paid")
    assert "Confirming your payment" in text_of(answer)
    assert "/pay/" not in text_of(answer)


def test_coming_back_unpaid_says_that_the_seat_is_still_held(shop: Shop, reader: Reader) -> None:
    order = shop.hold_seat(reader[1])
    answer = reader[0].get(f"/orders/{order.number}/?returned=back")
    assert "Your seat is held" in text_of(answer)
    assert "No payment has reached us yet." in text_of(answer)
    assert reader[0].post(f"/orders/{order.number}/pay/")["Location"] == order.checkout_url


def test_giving_the_seat_back_frees_it(shop: Shop, reader: Reader) -> None:
    order = shop.hold_seat(reader[1])
    reader[0].post(f"/orders/{order.number}/release/")
    assert "Nothing was charged" in text_of(reader[0].get(f"/orders/{order.number}/"))
    assert Seat.objects.get().state == Seat.State.EXPIRED


def test_a_year_needs_the_ticked_box(shop: Shop, reader: Reader) -> None:
    client, _ = reader
    form = {"price_id": current_price(Plan.ANNUAL).pk, "terms_version": "2026-11"}
    page = client.get("/plans/annual/")
    assert "checked" not in text_of(page)
    assert client.post("/plans/annual/", form).status_code == 400
    assert not Order.objects.exists()
    assert client.post("/plans/annual/", {**form, "consent": "on"}).status_code == 303
    assert client.post("/plans/annual/", {**form, "consent": "on", "terms_version": "2020-01"}).status_code == 400


def test_reader_who_may_use_a_credit_has_no_second_order_by_reload(shop: Shop, reader: Reader) -> None:
    client, user = reader
    shop.pay(shop.order_year(user))
    shop.hear_all()
    live_session = make_live_session()
    first = client.post(f"/sessions/{live_session.slug}/use-credit/")
    second = client.post(f"/sessions/{live_session.slug}/use-credit/")
    assert [answer["Location"] for answer in (first, second)] == [f"/sessions/{live_session.slug}/"] * 2
    assert CreditGrant.objects.get().balance == 11
    assert Seat.objects.count() == 1


def test_buying_works_while_the_broker_is_down(shop: Shop, reader: Reader, broker_down: None) -> None:
    order = shop.hold_seat(reader[1])
    shop.pay(order)
    answer = reader[0].get(f"/orders/{order.number}/?returned=paid")
    assert "Your seat is confirmed" in text_of(answer)


def test_booking_with_a_credit_is_confirmed_once_in_words(shop: Shop, reader: Reader) -> None:
    client, user = reader
    make_credits(user, 3)
    live_session = make_live_session()
    answers = [client.post(f"/sessions/{live_session.slug}/use-credit/", follow=True) for _ in range(2)]
    said = f"Your seat is reserved with 1 credit. 2 left. The invitation goes to {user.email}."
    assert [said in text_of(answer) for answer in answers] == [True, False]


def test_form_of_a_sold_out_session_is_shown_to_the_holder_of_its_seat_alone(shop: Shop, reader: Reader) -> None:
    live_session = make_live_session(capacity=1)
    shop.hold_seat(make_user(), live_session)
    answer = reader[0].get(f"/sessions/{live_session.slug}/reserve/")
    assert (answer.status_code, "This session is sold out" in text_of(answer)) == (409, True)
    own = make_live_session(capacity=1)
    shop.hold_seat(reader[1], own)
    assert reader[0].get(f"/sessions/{own.slug}/reserve/").status_code == 200


def test_form_is_not_shown_once_the_session_has_started(shop: Shop, reader: Reader) -> None:
    live_session = make_live_session(starts_in=-timedelta(minutes=1))
    assert "Seats are no longer sold" in text_of(reader[0].get(f"/sessions/{live_session.slug}/reserve/"))


def test_terms_of_a_year_are_not_shown_to_somebody_who_has_one(shop: Shop, reader: Reader) -> None:
    shop.pay(shop.order_year(reader[1]))
    shop.hear_all()
    assert "You already have a year" in text_of(reader[0].get("/plans/annual/"))


def test_hold_that_ended_because_the_session_began_says_so(shop: Shop, reader: Reader) -> None:
    order = shop.hold_seat(reader[1])
    Order.objects.update(state=Order.State.EXPIRED)
    assert "Should a payment for it still arrive" in text_of(reader[0].get(f"/orders/{order.number}/"))
    LiveSession.objects.update(starts_at=clock.now() - timedelta(minutes=1))
    page = text_of(reader[0].get(f"/orders/{order.number}/"))
    assert "The session has begun, so seats are no longer sold. <strong>Nothing was charged.</strong>" in page
    assert "Should a payment still arrive, all of it comes back." in page
    assert "See whether a seat is left" not in page


def test_pending_year_speaks_of_no_seat(shop: Shop, reader: Reader) -> None:
    order = shop.order_year(reader[1])
    page = text_of(reader[0].get(f"/orders/{order.number}/"))
    assert "Your order is open" in page
    assert "Your seat is held" not in page
    assert "Pay or drop it" in text_of(reader[0].get("/account/"))
