"""The page on which a seat is handed over: what it does first, the form, and whose the seat is then."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from redreport import clock, policy
from sessions_live.models import HandOver, Seat
from sessions_live.operations.attendance import enter_by_door
from sessions_live.operations.declining import decline_seat
from sessions_live.operations.seats import Attendee
from subscriptions.models import Order
from tests.canceling import book, cancel
from tests.factories import make_credits, make_guest_seat, make_live_session, make_user
from tests.fixtures_shop import Shop
from tests.handing_over import hand_over
from tests.outbox_helpers import kinds_owed_to
from tests.parties import BO, CY

pytestmark = pytest.mark.django_db

BOS = {"attendee_name": BO.name, "attendee_email": BO.email, "attendee_firm": BO.firm}


@pytest.fixture
def seat() -> Seat:
    ada = make_user("Ada Reader", email="ada@example.com")
    make_credits(ada)
    return book(ada, make_live_session())


def browser_of(seat: Seat) -> Client:
    client = Client()
    client.force_login(seat.booked_by)
    return client


def address_of(seat: Seat) -> str:
    return f"/seats/{seat.public_id}/hand-over/"


def text_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def holder_of(seat: Seat) -> str:
    return Seat.objects.get(pk=seat.pk).attendee_email


@pytest.mark.parametrize("method", ["get", "head"])
def test_looking_says_what_happens_and_changes_nothing(seat: Seat, method: str) -> None:
    answer = getattr(browser_of(seat), method)(address_of(seat))
    assert (answer.status_code, holder_of(seat), HandOver.objects.count()) == (200, "ada@example.com", 0)
    assert "no-store" in answer["Cache-Control"]
    if method == "get":
        page = text_of(answer)
        for said in (
            "The seat is somebody else’s at once.",
            "Your own link to the door stops working",
            "you get back what it cost",
            "ada@example.com",
        ):
            assert said in page, said


def test_sending_it_hands_the_seat_over_and_sending_it_again_does_not(seat: Seat) -> None:
    client = browser_of(seat)
    for _ in range(2):
        answer = client.post(address_of(seat), BOS)
        assert (answer.status_code, answer["Location"]) == (303, address_of(seat))
    page = text_of(client.get(address_of(seat)))
    assert "Bo Chen has this seat." in page
    assert "by mail to bo@example.org" in page
    assert (holder_of(seat), HandOver.objects.count(), kinds_owed_to(BO.email)) == (BO.email, 1, ["seat_handed_over"])


def test_wrong_address_is_put_right_by_handing_it_over_again(seat: Seat) -> None:
    client = browser_of(seat)
    client.post(address_of(seat), {**BOS, "attendee_email": "bo@exampel.org"})
    client.post(address_of(seat), BOS)
    assert (holder_of(seat), kinds_owed_to("bo@exampel.org")) == (BO.email, ["seat_handed_over", "seat_handed_away"])


def test_somebody_elses_seat_is_not_there(seat: Seat) -> None:
    hand_over(seat, BO)
    client = Client()
    client.force_login(make_user(email=BO.email))
    assert [client.get(address_of(seat)).status_code, client.post(address_of(seat), BOS).status_code] == [404, 404]
    assert holder_of(seat) == BO.email


def test_reader_who_is_signed_out_signs_in_first(seat: Seat) -> None:
    answer = Client().get(address_of(seat))
    assert (answer.status_code, address_of(seat).replace("/", "%2F") in answer["Location"].replace("/", "%2F")) == (302, True)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"attendee_name": ""}, "Enter the name of the person who gets the seat."),
        ({"attendee_email": ""}, "Enter the e-mail address of the person who gets the seat."),
        ({"attendee_email": "bo"}, "Enter an e-mail address like name@example.com."),
        ({"attendee_name": "Bo\r\nBcc: all@example.com"}, "Write this on one line"),
    ],
)
def test_what_is_missing_is_said_and_what_was_typed_kept(seat: Seat, given: dict[str, str], said: str) -> None:
    answer = browser_of(seat).post(address_of(seat), {**BOS, **given})
    page = text_of(answer)
    assert (answer.status_code, said in page, "There is a problem" in page, "Hill &amp; Co" in page) == (400, True, True, True)
    assert holder_of(seat) == "ada@example.com"


def test_empty_form_is_refused_like_any_other(seat: Seat) -> None:
    answer = browser_of(seat).post(address_of(seat))
    assert (answer.status_code, holder_of(seat)) == (400, "ada@example.com")


def test_who_has_a_seat_already_is_named_at_the_address(seat: Seat) -> None:
    make_guest_seat(seat.live_session, make_user(email=BO.email))
    answer = browser_of(seat).post(address_of(seat), BOS)
    assert (answer.status_code, "This person already has a seat in this session: bo@example.org" in text_of(answer)) == (
        400,
        True,
    )
    assert holder_of(seat) == "ada@example.com"


def test_page_says_when_it_is_too_late(seat: Seat) -> None:
    client = browser_of(seat)
    with time_machine.travel(seat.live_session.starts_at, tick=False):
        for answer in (client.get(address_of(seat)), client.post(address_of(seat), BOS)):
            assert (answer.status_code, "This session has begun" in text_of(answer)) == (409, True)
        assert "hand-over" not in client.get("/account/").text
    assert holder_of(seat) == "ada@example.com"


def test_page_says_that_the_attendee_is_in_already(seat: Seat) -> None:
    client, early = browser_of(seat), seat.live_session.starts_at - timedelta(minutes=5)
    with time_machine.travel(early, tick=False):
        enter_by_door(seat=seat, device=uuid.uuid4(), takes_over=False, now=clock.now())
        for answer in (client.get(address_of(seat)), client.post(address_of(seat), BOS)):
            assert (answer.status_code, "The attendee has come in already" in text_of(answer)) == (409, True)
        for page in ("/account/", f"/seats/{seat.public_id}/cancel/", f"/sessions/{seat.live_session.slug}/"):
            assert "hand-over" not in client.get(page).text


def test_canceled_seat_leads_to_the_page_that_says_so(seat: Seat) -> None:
    cancel(seat)
    answer = browser_of(seat).get(address_of(seat))
    assert (answer.status_code, answer["Location"]) == (303, f"/seats/{seat.public_id}/cancel/")


def test_orders_page_leads_there_until_the_start(shop: Shop) -> None:
    seat = shop.sell_seat()
    assert seat.coverage.order
    page = f"/orders/{seat.coverage.order.number}/"
    assert address_of(seat) in text_of(browser_of(seat).get(page))
    with time_machine.travel(seat.live_session.starts_at, tick=False):
        assert address_of(seat) not in text_of(browser_of(seat).get(page))


def test_held_seat_cannot_be_handed_over_before_it_is_paid(shop: Shop) -> None:
    order = shop.hold_seat()
    held = Seat.objects.select_related("booked_by").get(coverage__order=order)
    answer = browser_of(held).post(address_of(held), BOS)
    assert (answer.status_code, "There is no seat to cancel or to hand over" in text_of(answer)) == (409, True)
    assert (Order.objects.get().state, holder_of(held)) == ("pending", held.booked_by.email)


def test_seat_that_changed_hands_too_often_is_the_desks(seat: Seat) -> None:
    for number in range(policy.MOST_HAND_OVERS):
        hand_over(seat, Attendee(f"Colleague {number}", f"colleague{number}@example.org"))
    answer = browser_of(seat).post(address_of(seat), BOS)
    assert (answer.status_code, "Write to us, and we do it for you" in text_of(answer)) == (409, True)


def test_every_page_about_the_seat_leads_there_while_it_is_theirs(seat: Seat) -> None:
    client = browser_of(seat)
    for page in ("/account/", f"/seats/{seat.public_id}/cancel/", f"/sessions/{seat.live_session.slug}/"):
        assert f'href="{address_of(seat)}"' in client.get(page).text, page
    hand_over(seat, BO)
    # No longer in the seat, the booker finds it in the account.
    assert f'href="{address_of(seat)}"' in client.get("/account/").text
    assert f'href="{address_of(seat)}"' not in client.get(f"/sessions/{seat.live_session.slug}/").text


def test_colleague_in_the_seat_is_offered_neither_cancel_nor_hand_over(seat: Seat) -> None:
    hand_over(seat, BO)
    client = Client()
    client.force_login(make_user(email=BO.email))
    page = client.get(f"/sessions/{seat.live_session.slug}/").text
    assert "You have a seat." in page
    assert str(seat.public_id) not in page


def test_late_cancel_proposes_to_hand_it_over_instead(seat: Seat) -> None:
    client = browser_of(seat)
    with time_machine.travel(seat.live_session.cancel_cutoff_at + timedelta(hours=1), tick=False):
        page = text_of(client.get(f"/seats/{seat.public_id}/cancel/"))
        assert "Nothing comes back, but the seat need not be lost: hand it" in page
        assert "you get back what it cost" not in text_of(client.get(address_of(seat)))


def test_booker_sees_who_cannot_come(seat: Seat) -> None:
    bo = hand_over(seat, BO)
    decline_seat(seat_id=seat.pk, door_version=bo.door_version, now=clock.now())
    client = browser_of(seat)
    assert "Can’t come</strong>, as they told us" in text_of(client.get(address_of(seat)))
    client.post(address_of(seat), {"attendee_name": CY.name, "attendee_email": CY.email})
    assert "Can’t come" not in text_of(client.get(address_of(seat)))


def test_guest_seat_speaks_of_no_money(seat: Seat) -> None:
    guest = make_guest_seat(make_live_session())
    page = text_of(browser_of(guest).get(address_of(guest)))
    assert "what it cost" not in page
