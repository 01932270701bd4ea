"""The switch on the page of credits, and the way out by the mail's link: the consequence first, once, and for nobody else."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from redreport import clock
from redreport.accounts.models import User
from redreport.audit.models import AuditEntry
from sessions_live.errors import SeatNotTaken
from sessions_live.models import LiveSession, Seat
from sessions_live.seat_links import AUTO_OUT, DOOR
from subscriptions.models import AutoBooking, CreditEntry, CreditGrant
from subscriptions.operations.auto_booking import switch_off_auto_booking
from subscriptions.operations.cancel import cancel_auto_booked_seat, cancel_live_session_and_settle
from tests.auto_booking import auto_booked_seat, make_auto_booker, publish_session, sweep
from tests.canceling import assert_books_balance, book, consequence_of
from tests.factories import make_credits, make_guest_seat, make_live_session, make_staff, make_user
from tests.outbox_helpers import kinds_owed_to

pytestmark = pytest.mark.django_db

SWITCH = "/account/auto-booking/"
CREDITS = "/account/credits/"


def browser_of(user: User | None = None) -> Client:
    client = Client(enforce_csrf_checks=user is None)
    if user:
        client.force_login(user)
    return client


def text_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def link_of(seat: Seat) -> str:
    return f"/seats/out/{AUTO_OUT.token(seat)}/"


def press(client: Client, address: str, page: Any) -> Any:
    """Send the form as the page gave it, and look at what comes of it."""
    [consequence] = re.findall(r'name="consequence" value="(\w+)"', page.content.decode())
    return client.post(address, {"consequence": consequence}, follow=True)


def test_switch_says_what_it_does_and_does_it_both_ways() -> None:
    reader = make_user()
    make_credits(reader, 2)
    client = browser_of(reader)
    page = text_of(client.get(CREDITS))
    assert "We book you into every session" not in page
    assert "we book you into every session published from then on, while your credits last" in page
    on = client.post(SWITCH, {"wish": "on"})
    assert (on.status_code, on["Location"]) == (303, CREDITS)
    assert AutoBooking.objects.get().subscriber.user == reader
    assert "<strong>On.</strong>" in text_of(client.get(CREDITS))
    assert "You are booked into every new session." in text_of(client.get("/account/"))
    assert client.post(SWITCH, {"wish": "off"}).status_code == 303
    assert not AutoBooking.objects.exists()
    assert "<strong>Off.</strong>" in text_of(client.get(CREDITS))


def test_looking_never_switches_and_a_stranger_signs_in_first() -> None:
    reader = make_auto_booker()
    assert browser_of(reader).get(SWITCH).status_code == 405
    answer = Client().post(SWITCH, {"wish": "off"})
    assert answer["Location"].startswith("/accounts/login/")
    assert AutoBooking.objects.count() == 1


def test_unproven_address_is_told_why_not() -> None:
    reader = make_user(proven=False)
    answer = browser_of(reader).post(SWITCH, {"wish": "on"})
    assert (answer.status_code, "not confirmed yet" in text_of(answer)) == (403, True)


def test_reader_without_credits_is_not_offered_the_switch_but_can_turn_it_off() -> None:
    assert "Switch on" not in text_of(browser_of(make_user()).get(CREDITS))
    assert "Switch off" in text_of(browser_of(make_auto_booker(credits=0)).get(CREDITS))


def test_page_of_credits_says_what_came_of_each_coming_session() -> None:
    reader = make_auto_booker(credits=1)
    booked = publish_session()
    publish_session(starts_in=timedelta(days=8))
    sweep()
    page = text_of(browser_of(reader).get(CREDITS))
    assert [page.count(words) for words in (">Booked<", ">No credit for its date<")] == [1, 1]
    assert "Seat reserved automatically: " in page
    assert "Seat reserved: " not in page
    seat = Seat.objects.get(live_session=booked)
    press(Client(), link_of(seat), Client().get(link_of(seat)))
    assert ">Given back<" in text_of(browser_of(reader).get(CREDITS))


def test_link_gives_the_seat_back_for_its_credit_without_signing_in() -> None:
    reader = make_auto_booker(credits=2)
    seat, client = auto_booked_seat(reader), browser_of()
    page = client.get(link_of(seat))
    assert (page.status_code, Seat.objects.get().state) == (200, "confirmed")
    assert "1 credit returns, good for sessions that start before" in text_of(page)
    assert (page["Referrer-Policy"], page["X-Robots-Tag"]) == ("no-referrer", "noindex")
    assert "no-store" in page["Cache-Control"]
    done = press(client, link_of(seat), page)
    assert "This seat is canceled" in text_of(done)
    assert "1 credit is back" in text_of(done)
    assert (Seat.objects.get().state, Seat.objects.get().canceled_by) == ("canceled", "buyer")
    assert (CreditGrant.objects.get().balance, sweep()) == (2, 0)
    assert AuditEntry.objects.get(verb="canceled").actor == reader
    assert_books_balance()


def test_second_click_says_the_same_and_returns_nothing_more() -> None:
    reader = make_auto_booker(credits=2)
    seat, client = auto_booked_seat(reader), browser_of()
    page = client.get(link_of(seat))
    answers = [text_of(press(client, link_of(seat), page)) for _ in range(2)]
    assert all("1 credit is back" in answer for answer in answers)
    assert CreditEntry.objects.filter(kind="return").count() == 1
    assert kinds_owed_to(reader.email) == ["auto_booked", "seat_canceled"]
    assert text_of(client.get(link_of(seat))).count("This seat is canceled") == 2


def test_mail_scanner_that_looks_changes_nothing() -> None:
    seat = auto_booked_seat()
    for method in ("get", "head"):
        assert getattr(Client(), method)(link_of(seat)).status_code == 200
    assert Seat.objects.get().state == "confirmed"


def test_cut_off_that_passed_meanwhile_is_shown_before_anything_is_done() -> None:
    seat, client = auto_booked_seat(make_auto_booker(credits=2)), browser_of()
    page = client.get(link_of(seat))
    with time_machine.travel(seat.live_session.cancel_cutoff_at + timedelta(minutes=1), tick=False):
        again = press(client, link_of(seat), page)
        assert (again.status_code, Seat.objects.get().state) == (409, "confirmed")
        assert "Nothing is canceled yet" in text_of(again)
        assert "Nothing is returned: the start is less than 24 hours away." in text_of(again)
        press(client, link_of(seat), again)
    assert (Seat.objects.get().state, CreditGrant.objects.get().balance) == ("canceled", 1)


def test_post_without_having_seen_the_consequence_does_nothing() -> None:
    seat = auto_booked_seat()
    assert Client().post(link_of(seat)).status_code == 409
    assert Seat.objects.get().state == "confirmed"


def test_session_moved_by_us_is_given_back_freely_until_its_new_start() -> None:
    seat = auto_booked_seat()
    starts_at = clock.now() + timedelta(hours=3)
    LiveSession.objects.update(starts_at=starts_at, moved_at=clock.now(), schedule_version=1)
    page = text_of(Client().get(link_of(seat)))
    assert "1 credit returns" in page


def test_begun_session_can_no_longer_be_given_back() -> None:
    seat = auto_booked_seat()
    LiveSession.objects.update(starts_at=clock.now() - timedelta(minutes=1))
    for answer in (Client().get(link_of(seat)), Client().post(link_of(seat), {"consequence": "x"}, follow=True)):
        assert (answer.status_code, "This session has begun" in text_of(answer)) == (409, True)
    assert Seat.objects.get().state == "confirmed"


def test_session_that_we_canceled_says_so() -> None:
    seat = auto_booked_seat()
    cancel_live_session_and_settle(
        live_session_id=seat.live_session_id, actor=make_staff(), reason="The host is ill", now=clock.now()
    )
    page = text_of(Client().get(link_of(seat)))
    assert "We canceled it on" in page
    assert "1 credit is back" in page
    assert "The host is ill" not in page


def test_link_dies_with_a_hand_over_and_so_does_a_click_at_that_moment() -> None:
    seat = auto_booked_seat()
    address, consequence = link_of(seat), consequence_of(seat)
    Seat.objects.update(door_version=1, attendee_email="colleague@example.com")
    assert Client().get(address).status_code == 404
    assert Client().post(address, {"consequence": consequence}, follow=True).status_code == 404
    with pytest.raises(SeatNotTaken):
        cancel_auto_booked_seat(seat=seat, consequence=consequence, now=clock.now())
    assert (Seat.objects.get().state, CreditEntry.objects.filter(kind="return").count()) == ("confirmed", 0)


@pytest.mark.parametrize("booked_by", ["hand", "house"])
def test_link_is_good_for_no_seat_that_was_not_booked_automatically(booked_by: str) -> None:
    reader = make_user()
    make_credits(reader)
    seat = book(reader, make_live_session()) if booked_by == "hand" else make_guest_seat(make_live_session(), reader)
    answers = [Client().get(link_of(seat)), Client().post(link_of(seat), {"consequence": consequence_of(seat)}, follow=True)]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert Seat.objects.get().state == "confirmed"


def test_no_other_link_of_the_seat_opens_it_and_a_forged_one_is_dead() -> None:
    seat = auto_booked_seat()
    for token in (DOOR.token(seat), "nonsense", AUTO_OUT.token(seat)[:-1]):
        answer = Client().get(f"/seats/out/{token}/")
        assert (answer.status_code, "This link is no longer valid" in text_of(answer)) == (404, True)
    assert Client().get(f"/door/{AUTO_OUT.token(seat)}/").status_code == 404


def test_link_works_after_the_switch_is_off() -> None:
    reader = make_auto_booker(credits=2)
    seat = auto_booked_seat(reader)
    switch_off_auto_booking(user=reader, now=clock.now())
    press(Client(), link_of(seat), Client().get(link_of(seat)))
    assert (Seat.objects.get().state, CreditGrant.objects.get().balance) == ("canceled", 2)
