"""The form that asks who attends, for one seat or several, without any script."""

import re
from typing import Any

import pytest
from django.test import Client

from redreport.accounts.models import User
from sessions_live.models import LiveSession, Seat
from sessions_live.operations.seats import Attendee
from subscriptions.models import Order, Plan
from subscriptions.selectors import current_price
from tests.factories import make_guest_seat, make_live_session, make_user
from tests.fixtures_shop import Shop
from tests.parties import BO, CY, colleagues, who_sits


@pytest.fixture
def user(shop: Shop) -> User:
    return make_user("Ada Reader", email="ada@example.com")


def filled_in(*attendees: Attendee, **more: Any) -> dict[str, Any]:
    """What a browser sends for these attendees."""
    sent = {"seats": len(attendees), "price_id": current_price(Plan.SINGLE_SEAT).pk}
    for number, attendee in enumerate(attendees, 1):
        for part in ("name", "email", "firm"):
            sent[f"attendee_{part}" if number == 1 else f"attendee_{part}_{number}"] = getattr(attendee, part)
    return {**sent, **more}


def reserve(user: User, live_session: LiveSession, sent: dict[str, Any] | None = None) -> Any:
    client, path = Client(), f"/sessions/{live_session.slug}/reserve/"
    client.force_login(user)
    return client.get(path) if sent is None else client.post(path, sent)


def text_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def fields_shown(answer: Any) -> dict[str, str]:
    """The values of the attendees' fields that a browser without script shows."""
    shown = re.sub(r"<fieldset[^>]* hidden disabled>.*?</fieldset>", "", answer.content.decode(), flags=re.DOTALL)
    found = re.findall(r'<input type="(?:text|email)" name="(attendee_\w+)"([^>]*)>', shown)
    return {name: (re.findall(r'value="([^"]*)"', rest) or [""])[0] for name, rest in found}


def test_first_look_asks_for_one_attendee_and_proposes_the_reader(user: User) -> None:
    answer = reserve(user, make_live_session())
    assert fields_shown(answer) == {
        "attendee_name": "Ada Reader",
        "attendee_email": "ada@example.com",
        "attendee_firm": "",
    }
    assert "1 seat</span> <span>$250</span>" in text_of(answer)


def test_button_for_the_number_shows_fields_and_keeps_what_was_typed(user: User) -> None:
    answer = reserve(user, make_live_session(), filled_in(BO, seats=3, show="fields"))
    assert answer.status_code == 200
    assert [name for name in fields_shown(answer) if "name" in name] == [
        "attendee_name",
        "attendee_name_2",
        "attendee_name_3",
    ]
    assert fields_shown(answer)["attendee_email"] == BO.email
    assert "There is a problem" not in text_of(answer)
    assert "3 seats</span> <span>$750</span>" in text_of(answer)
    assert Seat.objects.count() == 0


def test_more_seats_than_the_page_had_fields_for_are_asked_about_and_not_refused(user: User) -> None:
    answer = reserve(user, make_live_session(), filled_in(BO, seats=2))
    assert (answer.status_code, Seat.objects.count()) == (200, 0)
    assert "attendee_name_2" in fields_shown(answer)
    assert "There is a problem" not in text_of(answer)


def test_filled_in_form_leads_to_stripe_with_one_order(user: User, shop: Shop) -> None:
    answer = reserve(user, make_live_session(), filled_in(BO, CY))
    assert answer.status_code == 303
    order = Order.objects.get()
    assert answer["Location"] == order.checkout_url
    assert (order.quantity, who_sits(order, Seat.State.HELD)) == (2, [BO.email, CY.email])


def test_fewer_seats_than_fields_take_the_first_attendees(user: User) -> None:
    reserve(user, make_live_session(), filled_in(BO, CY, seats=1))
    assert who_sits(Order.objects.get(), Seat.State.HELD) == [BO.email]


def test_each_refusal_names_its_attendee(user: User) -> None:
    answer = reserve(user, make_live_session(), filled_in(BO, Attendee("", "cy@"), Attendee("Di", "")))
    assert answer.status_code == 400
    for said in (
        "Enter the name of attendee 2.",
        "Enter an e-mail address like name@example.com for attendee 2.",
        "Enter the e-mail address of attendee 3.",
        '<a href="#id_attendee_name_2">',
    ):
        assert said in text_of(answer), said
    assert fields_shown(answer)["attendee_name"] == "Bo Chen"
    assert Seat.objects.count() == 0


def test_one_address_twice_is_refused_whatever_its_case(user: User) -> None:
    answer = reserve(user, make_live_session(), filled_in(BO, CY, Attendee("Bo Two", "BO@example.org")))
    assert answer.status_code == 400
    assert "Attendees 1 and 3 have the same e-mail address." in text_of(answer)
    assert Seat.objects.count() == 0


def test_attendee_who_has_a_seat_is_named_at_the_field(user: User) -> None:
    live_session = make_live_session()
    make_guest_seat(live_session, make_user("Cy", email=CY.email))
    answer = reserve(user, live_session, filled_in(BO, CY))
    assert answer.status_code == 409
    assert "This person already has a seat in this session: cy@example.org." in text_of(answer)
    assert '<a href="#id_attendee_email_2">' in text_of(answer)
    assert fields_shown(answer)["attendee_email"] == BO.email
    assert Order.objects.count() == 0


def test_too_few_seats_left_is_said_where_the_number_is_chosen(user: User) -> None:
    answer = reserve(user, make_live_session(capacity=2), filled_in(*colleagues(3)))
    assert answer.status_code == 409
    assert "Only 2 seats are left, so we hold none yet. Nothing was charged." in text_of(answer)
    assert '<a href="#id_seats">' in text_of(answer)
    assert len(fields_shown(answer)) == 9
    assert Seat.objects.count() == 0


@pytest.mark.parametrize("number", ["0", "11", "-1", "two", "1e1"])
def test_a_number_that_the_form_does_not_offer_is_refused(user: User, number: str) -> None:
    answer = reserve(user, make_live_session(), filled_in(BO, seats=number))
    assert (answer.status_code, Seat.objects.count()) == (400, 0)
    assert "Choose a number from 1 to 10." in text_of(answer)


def test_eleventh_seat_of_a_buyer_is_refused_in_words(user: User, shop: Shop) -> None:
    live_session = make_live_session(capacity=40)
    shop.sell_seats(user, live_session, colleagues(9))
    answer = reserve(user, live_session, filled_in(BO, CY))
    assert (answer.status_code, Order.objects.count()) == (409, 1)
    assert "One buyer can have 10 seats in a session, those booked before included." in text_of(answer)


def test_reader_with_a_pending_order_finds_whom_they_named(user: User, shop: Shop) -> None:
    live_session = make_live_session()
    shop.hold_seat(user, live_session, [BO, CY])
    shown = fields_shown(reserve(user, live_session))
    assert [value for name, value in shown.items() if "email" in name] == [BO.email, CY.email]


def test_reader_with_a_seat_is_not_proposed_again(user: User, shop: Shop) -> None:
    live_session = make_live_session()
    shop.sell_seat(user, live_session)
    assert set(fields_shown(reserve(user, live_session)).values()) == {""}


def test_held_seats_stay_when_the_other_number_is_not_to_be_had(user: User, shop: Shop) -> None:
    live_session = make_live_session(capacity=2)
    order = shop.hold_seat(user, live_session, [BO, CY])
    answer = reserve(user, live_session, filled_in(*colleagues(3)))
    assert answer.status_code == 409
    assert "So many seats are not to be had" in text_of(answer)
    assert f'href="/orders/{order.number}/"' in text_of(answer)
    assert who_sits(order, Seat.State.HELD) == [BO.email, CY.email]


def test_order_paid_meanwhile_is_shown_instead_of_a_second_one(user: User, shop: Shop) -> None:
    live_session = make_live_session()
    order = shop.hold_seat(user, live_session, [BO])
    shop.pay(order)
    answer = reserve(user, live_session, filled_in(BO, CY))
    assert "Your earlier order is paid" in text_of(answer)
    assert f'href="/orders/{order.number}/"' in text_of(answer)
    assert Order.objects.count() == 1


def test_page_for_ten_attendees_stays_within_its_size(user: User) -> None:
    answer = reserve(user, make_live_session(), filled_in(BO, seats=10, show="fields"))
    assert len(fields_shown(answer)) == 30
    assert len(answer.content) < 30_000
