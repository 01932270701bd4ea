"""The mails as texts: one heading, one button, a text twin with the same links, and nobody else's name."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
import time_machine

from redreport.accounts.models import User
from redreport.desk.announcements import paragraphs_with_links
from redreport.desk.models import Announcement
from redreport.outbox.kinds import RenderedMail
from redreport.outbox.render import render_templates
from sessions_live.models import HandOver, LiveSession, ScheduleChange, Seat, WaitlistEntry
from sessions_live.reservations import reservation
from subscriptions.mails.lapses import LAPSED
from subscriptions.mails.unused_credits import CREDIT_REMINDERS
from subscriptions.models import CreditGrant, Invoice, Order, Payment, Price, Refund, Subscription

STARTS_AT = datetime(2027, 7, 28, 15, tzinfo=UTC)
LIVE_SESSION = LiveSession(
    title="Chips & “friends”: what 深度求索 tells us", slug="chips", section="tech", question="Who sells?", starts_at=STARTS_AT
)
LEFT = LiveSession(title="Rare earths", slug="rare-earths", section="tech", starts_at=datetime(2027, 7, 21, 15, tzinfo=UTC))
BOOKER = User(email="ada@example.com", name="Ada Okafor", time_zone="Asia/Singapore")
ORDER = Order(number="RR-7F3K9QXW", amount_minor=250_00, currency="usd", consented_at=datetime(2026, 12, 1, 17, tzinfo=UTC))
ORDER.consent_version = "2026-11"
GRANT = CreditGrant(credits=12, balance=12, expires_at=datetime(2027, 12, 1, 17, tzinfo=UTC))
INVOICE = Invoice(number="RRL-0002", hosted_invoice_url="https://invoice.example.com/i/in_2")
ENTRY = WaitlistEntry(live_session=LIVE_SESSION, user=BOOKER, offer_expires_at=datetime(2027, 7, 15, 3, tzinfo=UTC))
ANNOUNCEMENT = Announcement(subject="Bring your questions", body="The paper & its twin:\n\nhttp://paper.example/")
PRICE = Price(amount_minor=250_00, currency="usd")
DOOR = "http://testserver/door/token/"
CANT_COME_URL = "http://testserver/seats/cant-come/token/"

SUBJECTS = {
    "seat_confirmed": "Seat confirmed: Chips & “friends”: what 深度求索 tells us, Wed 28 Jul",
    "booking_receipt": "You booked a seat: Chips & “friends”: what 深度求索 tells us, Wed 28 Jul",
    "reminder": "Tomorrow: Chips & “friends”: what 深度求索 tells us, 11:00 am ET",
    "hold_lapsed": "We released your held seat",
    "year_started": "Your 12 sessions are ready",
    "payment_refunded": "Refund of $250",
    "refund_failed": "Your refund of $250 has not arrived yet",
    "payment_failed": "We could not take payment",
    "payment_action_needed": "Your bank asks you to confirm a payment of $2,500",
    "payment_recovered": "Payment received: your year goes on",
    "year_lapsed": "Your year has ended: the renewal was not paid",
    "renewal_notice": "Renews on 1 December 2027 for $2,500",
    "renewal_turned_off": "Your renewal is off: access until 1 December 2027",
    "renewal_turned_on": "Your renewal is on: next on 1 December 2027",
    "year_ended_by_house": "Your year has ended: $250 comes back",
    "seat_canceled": "Canceled: Chips & “friends”: what 深度求索 tells us",
    "cant_come": "Ada Okafor can't come to Chips & “friends”: what 深度求索 tells us",
    "cancellation_receipt": "Canceled: Chips & “friends”: what 深度求索 tells us",
    "session_moved": "New time: Chips & “friends”: what 深度求索 tells us",
    "booking_moved": "New time: Chips & “friends”: what 深度求索 tells us",
    "host_reminder": "Tomorrow you host: Chips & “friends”: what 深度求索 tells us",
    "host_moved": "New time: Chips & “friends”: what 深度求索 tells us",
    "host_canceled": "Canceled: Chips & “friends”: what 深度求索 tells us",
    "waitlist_canceled": "Canceled: Chips & “friends”: what 深度求索 tells us",
    "waitlist_offer": "A seat opened: Chips & “friends”: what 深度求索 tells us",
    "waitlist_closed": "No seat came free: Chips & “friends”: what 深度求索 tells us",
    "waitlist_moved": "New time: Chips & “friends”: what 深度求索 tells us",
    "auto_booked": "You are in: Chips & “friends”: what 深度求索 tells us",
    "credits_left": "4 credits, 3 sessions left",
    "credits_granted": "You have 12 new credits",
    "invitation": "Your Red Report Live account",
    "welcome": "Your Red Report Live account",
    "not_booked": "Not booked: Chips & “friends”: what 深度求索 tells us",
    "seat_moved": "Your seat is now in: Chips & “friends”: what 深度求索 tells us",
    "booked_seat_moved": "The seat you booked is now in: Chips & “friends”: what 深度求索 tells us",
    "seat_handed_away": "Your seat was handed over: Chips & “friends”: what 深度求索 tells us",
    "booked_seat_handed_over": "Bo Chen has the seat you booked: Chips & “friends”: what 深度求索 tells us",
    "seat_handed_over": "The seat is yours: Chips & “friends”: what 深度求索 tells us",
    "announcement": "Bring your questions",
}


HOUR_BEFORE = datetime(2027, 7, 28, 14, tzinfo=UTC)


@pytest.fixture(autouse=True)
def two_weeks_before() -> Iterator[None]:
    with time_machine.travel(datetime(2027, 7, 14, 15, tzinfo=UTC), tick=False):
        yield


def seat_of(name: str, email: str) -> Seat:
    return Seat(live_session=LIVE_SESSION, attendee_name=name, attendee_email=email, booked_by=BOOKER)


def rendered(kind: str, seat: Seat | None = None, **values: Any) -> RenderedMail:
    seat = seat or seat_of("Ada Okafor", "ada@example.com")
    context = {
        "seat": seat,
        "seats": [(seat, "http://testserver/seats/1/cancel/")],
        "quantity": 1,
        "look_label": "See whether a seat is left",
        "is_free_to_cancel": True,
        "free_until": LIVE_SESSION.cancel_cutoff_at,
        "live_session": LIVE_SESSION,
        "door_url": DOOR,
        "session_url": "http://testserver/sessions/chips/",
        "sessions_url": "http://testserver/sessions/",
        "cancel_url": "http://testserver/seats/1/cancel/",
        "comes_back": "You get $250 back.",
        "is_booker": True,
        "session_left": LEFT,
        "account_url": "http://testserver/account/",
        "renewal_url": "http://testserver/account/renewal/",
        "price_text": "$250",
        "order": ORDER,
        "cutoff_at": LIVE_SESSION.cancel_cutoff_at,
        "grant": GRANT,
        "subscription": Subscription(status="active", current_period_end=GRANT.expires_at),
        "amount_text": "$2,500",
        "paid_text": "$2,500",
        "lapse": LAPSED.said_of(1),
        "refund": Refund(reason=Refund.Reason.SOLD_OUT, payment=Payment(order=ORDER)),
        "refund_text": "$250",
        "opening": "Tomorrow",
        "agreed_to": ["The subscription renews every year for $2,500, charged to the same card, until you turn it off."],
        "invoice": INVOICE,
        "next_attempt_at": datetime(2027, 12, 4, 18, tzinfo=UTC),
        "pay_url": INVOICE.hosted_invoice_url,
        "plan_url": "http://testserver/plans/annual/",
        "is_over": True,
        "renews_at": GRANT.expires_at,
        "total": "$2,500",
        "card": "Visa ending in 4242",
        "new_credits": 12,
        "attended": "5 sessions",
        "left": "3, good until 1 December 2027",
        "was_starting_at": datetime(2027, 7, 21, 15, tzinfo=UTC),
        "message": "The host is traveling that week.",
        "minutes": 90,
        "time_zone": "Asia/Singapore",
        "host_door_url": "http://testserver/host/token/",
        "attendees": 23,
        "not_coming": 2,
        "asked": 21,
        "questions": ["Who signs for the ministry?"],
        "entry": ENTRY,
        "price": PRICE,
        "by_credit": False,
        "offer_url": "http://testserver/sessions/chips/offer/",
        "hand_over": HandOver(from_name="Ada Okafor", to_name="Bo Chen", to_email="bo@example.org"),
        "change": ScheduleChange(old_starts_at=datetime(2027, 7, 21, 15, tzinfo=UTC), message="The host is traveling that week."),
        "out_url": "http://testserver/seats/out/token/",
        "switch_url": "http://testserver/account/credits/",
        "credits_left": 3,
        "grants": [GRANT],
        "balance": 15,
        "email": "ada@example.com",
        "reservation": reservation(seat),
        "login_url": "http://testserver/accounts/login/",
        "credits_url": "http://testserver/account/credits/",
        "user": BOOKER,
        "outcome": "no_credit",
        "credits": 4,
        "sessions": 3,
        "named": [(LIVE_SESSION, "http://testserver/sessions/chips/")],
        "expires_at": GRANT.expires_at,
        "announcement": ANNOUNCEMENT,
        "body_html": paragraphs_with_links(ANNOUNCEMENT.body),
        "topic": CREDIT_REMINDERS,
        "unsubscribe_url": "http://testserver/mail/unsubscribe/token/",
        "wishes_url": "http://testserver/account/mails/",
        "postal_address": "1 Example Street, Exampleton",
        **values,
    }
    return render_templates(kind, context)


def links_in_html(html: str) -> set[str]:
    return {unescape(link) for link in re.findall(r'href="([^"]+)"', html)}


def links_in_text(text: str) -> set[str]:
    # The last line names the site's own address without inviting to it.
    return set(re.findall(r"https?://\S+", text)) - {"http://testserver"}


@pytest.mark.parametrize(("kind", "subject"), SUBJECTS.items())
def test_subject_says_what_it_is(kind: str, subject: str) -> None:
    assert rendered(kind).subject == subject


@pytest.mark.parametrize("kind", SUBJECTS)
def test_text_has_the_same_links_as_html(kind: str) -> None:
    mail = rendered(kind)
    assert links_in_html(mail.html) == links_in_text(mail.text) != set()


def test_colleague_who_is_given_a_seat_has_the_same_links_in_both_parts() -> None:
    mail = rendered("seat_handed_over", seat_of("Bo Chen", "bo@example.org"), is_booker=False, cant_come_url=CANT_COME_URL)
    assert mail.subject == "Ada Okafor has given you their seat"
    links = {DOOR, "http://testserver/sessions/chips/", CANT_COME_URL}
    assert links_in_html(mail.html) == links_in_text(mail.text) == links


@pytest.mark.parametrize("kind", SUBJECTS)
def test_html_has_one_heading_one_button_and_little_weight(kind: str) -> None:
    html = rendered(kind).html
    assert html.count("<h1") == 1
    assert html.count('class="button"') == 1
    assert len(html.encode()) < 100_000
    assert html.count("<script") == html.count('<script type="application/ld+json">')
    assert "{{" not in html
    assert "{%" not in html


@pytest.mark.parametrize("kind", SUBJECTS)
def test_text_is_not_escaped_and_html_is(kind: str) -> None:
    mail = rendered(kind)
    assert "&amp;" not in mail.text
    assert "Chips & “" not in mail.html


@pytest.mark.parametrize("kind", ["seat_confirmed", "reminder"])
def test_seat_mail_says_when_where_and_the_readers_own_time(kind: str) -> None:
    for part in (rendered(kind).text, rendered(kind).html):
        assert "Wed 28 Jul 2027, 11:00 am ET (15:00 UTC)" in part
        assert "Wed 28 Jul, 11:00 pm (Singapore)" in part
        assert DOOR in part
        assert "15 minutes before the start" in part


@pytest.mark.parametrize("kind", ["session_moved", "booking_moved", "waitlist_moved"])
def test_mail_of_a_move_says_both_times_and_why(kind: str) -> None:
    for part in (rendered(kind).text, rendered(kind).html):
        assert "Wed 21 Jul 2027, 11:00 am ET (15:00 UTC)" in part
        assert "Wed 28 Jul 2027, 11:00 am ET (15:00 UTC)" in part
        assert "Wed 28 Jul, 11:00 pm (Singapore)" in part
        assert "The host is traveling that week." in part
        assert "90 minutes" in part


@pytest.mark.parametrize("kind", ["seat_confirmed", "reminder", "session_moved"])
def test_colleague_in_the_seat_gets_neither_the_bookers_papers_nor_zone(kind: str) -> None:
    mail = rendered(kind, seat_of("Bo Chen", "bo@example.org"), is_booker=False)
    for part in (mail.text, mail.html):
        assert "Singapore" not in part
        assert "$250" not in part
        assert "ada@example.com" not in part
        assert "/account/" not in part


def test_seat_bought_within_the_last_day_is_promised_no_refund() -> None:
    assert "you get back in full what it cost" in rendered("seat_confirmed").text
    with time_machine.travel(HOUR_BEFORE, tick=False):
        for part in (rendered("seat_confirmed").text, rendered("seat_confirmed").html):
            assert "less than 24 hours away, so nothing is returned" in part
            assert "money or the credit back" not in part


def test_year_mail_repeats_what_was_agreed_to() -> None:
    text = rendered("year_started").text
    agreed = "On 1 December 2026 you agreed to this (version 2026-11):\n- The subscription renews every year for $2,500,"
    assert agreed in text
    assert "one credit is one seat in a session that starts before then" in text


def test_year_mail_speaks_of_a_renewal_only_where_there_will_be_one() -> None:
    set_to_end = Subscription(status="active", cancel_at=GRANT.expires_at)
    renewing_mail = rendered("year_started")
    ending_mail = rendered("year_started", subscription=set_to_end, ends_on=GRANT.expires_at)
    for renewing, ending in ((renewing_mail.text, ending_mail.text), (renewing_mail.html, ending_mail.html)):
        assert ("Renews on" in renewing, "Ends on" in renewing, "turn off auto-renew" in renewing) == (True, False, True)
        assert ("Renews on" in ending, "Ends on" in ending, "turn off auto-renew" in ending) == (False, True, False)
        assert "It does not renew. You keep your credits" in ending


def test_lapsed_hold_and_late_payment_say_where_the_money_is() -> None:
    assert "Nothing was charged." in rendered("hold_lapsed").text
    assert "All the money of this payment goes back" in rendered("payment_refunded").text
    assert "after the held seat had been released" in rendered("payment_refunded").text
