"""A year is for one person: of one session its credits pay for one seat, also when that one was handed to a colleague."""

import pytest
from django.test import Client

from redreport import clock
from sessions_live.models import Seat
from subscriptions.entitlements import Action, entitlement
from subscriptions.errors import CreditUsedHere
from subscriptions.models import CreditGrant
from tests.canceling import book, cancel
from tests.factories import make_credits, make_live_session, make_price, make_user
from tests.handing_over import hand_over
from tests.parties import BO

pytestmark = pytest.mark.django_db


@pytest.fixture
def given_away() -> Seat:
    """Ada booked it with one of her credits, and Bo sits in it."""
    ada = make_user("Ada Reader", email="ada@example.com")
    make_credits(ada, 3)
    make_price()
    return hand_over(book(ada, make_live_session()), BO)


def test_second_credit_takes_no_second_seat(given_away: Seat) -> None:
    with pytest.raises(CreditUsedHere):
        book(given_away.booked_by, given_away.live_session)
    assert (CreditGrant.objects.get().balance, Seat.objects.count()) == (2, 1)


def test_page_offers_to_pay_instead(given_away: Seat) -> None:
    ada, live_session = given_away.booked_by, given_away.live_session
    answer = entitlement(user=ada, live_session=live_session, seats_left=11, now=clock.now())
    assert (answer.action, answer.credits_end_too_soon) == (Action.RESERVE, False)
    client = Client()
    client.force_login(ada)
    assert "Reserve a seat: $250" in client.get(f"/sessions/{live_session.slug}/").text
    refused = client.post(f"/sessions/{live_session.slug}/use-credit/")
    assert (refused.status_code, "You have used a credit for this session" in refused.text) == (409, True)


def test_seat_given_back_frees_the_session_for_another_credit(given_away: Seat) -> None:
    cancel(given_away)
    again = book(given_away.booked_by, given_away.live_session)
    assert (again.attendee_email, CreditGrant.objects.get().balance) == ("ada@example.com", 2)


def test_other_sessions_and_other_subscribers_are_not_touched(given_away: Seat) -> None:
    book(given_away.booked_by, make_live_session())
    di = make_user("Di Eng")
    make_credits(di)
    book(di, given_away.live_session)
    assert Seat.objects.count() == 3
