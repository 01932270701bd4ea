"""A session in the reader's calendar: a file, and links into calendars on the web, which never hold a door."""

from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from redreport import clock
from sessions_live.calendar_links import google_address, outlook_address
from sessions_live.models import LiveSession
from subscriptions.operations.booking import book_with_credit
from tests.factories import make_credits, make_live_session, make_price, make_user

pytestmark = pytest.mark.django_db

# The clocks in New York go forward between the two; the last begins on one day in New York and on the next in UTC.
WINTER, SUMMER = datetime(2027, 3, 12, 16, tzinfo=UTC), datetime(2027, 3, 15, 15, tzinfo=UTC)
LATE = datetime(2027, 7, 1, 3, 30, tzinfo=UTC)


def starting(at: datetime) -> LiveSession:
    return LiveSession(title="A & B: what, why?", slug="a-and-b", question="Who pays +10%?\nAnd when?", starts_at=at)


def asked_of(address: str) -> dict[str, str]:
    return {name: value for name, (value,) in parse_qs(urlsplit(address).query, strict_parsing=True).items()}


@pytest.mark.parametrize(
    ("at", "google", "outlook"),
    [
        (WINTER, "20270312T160000Z/20270312T170000Z", ("2027-03-12T16:00:00Z", "2027-03-12T17:00:00Z")),
        (SUMMER, "20270315T150000Z/20270315T160000Z", ("2027-03-15T15:00:00Z", "2027-03-15T16:00:00Z")),
        (LATE, "20270701T033000Z/20270701T043000Z", ("2027-07-01T03:30:00Z", "2027-07-01T04:30:00Z")),
    ],
)
def test_times_are_in_utc_on_both_sides_of_a_clock_change(at: datetime, google: str, outlook: tuple[str, str]) -> None:
    assert asked_of(google_address(starting(at)))["dates"] == google
    said = asked_of(outlook_address(starting(at)))
    assert (said["startdt"], said["enddt"]) == outlook


def test_words_arrive_as_they_were_written() -> None:
    details = f"Who pays +10%?\nAnd when?\n\n{settings.SITE_URL}/sessions/a-and-b/"
    google, outlook = asked_of(google_address(starting(WINTER))), asked_of(outlook_address(starting(WINTER)))
    assert (google["action"], google["text"], google["details"]) == ("TEMPLATE", "Red Report Live: A & B: what, why?", details)
    assert (outlook["rru"], outlook["subject"], outlook["body"]) == ("addevent", "Red Report Live: A & B: what, why?", details)
    assert urlsplit(google_address(starting(WINTER)))[:2] == ("https", "calendar.google.com")
    assert urlsplit(outlook_address(starting(WINTER)))[:2] == ("https", "outlook.office.com")


class Links(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[dict[str, str]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found.append({name: value or "" for name, value in attrs})


def links_into_calendars(html: str) -> list[dict[str, str]]:
    return [link for link in Links(html).found if "calendar.google.com" in link["href"] or "outlook.office.com" in link["href"]]


def test_public_page_and_the_holders_account_lead_into_calendars_without_a_door(client: Client) -> None:
    make_price()
    live_session, reader = make_live_session(starts_in=timedelta(days=3)), make_user()
    make_credits(reader)
    book_with_credit(user=reader, live_session_id=live_session.pk, now=clock.now())
    page = reverse("sessions:detail", args=[live_session.slug])
    public = client.get(page).text
    assert [link["href"] for link in links_into_calendars(public)] == [
        google_address(live_session),
        outlook_address(live_session),
    ]
    client.force_login(reader)
    for address in (page, reverse("pages:account")):
        html = client.get(address).text
        links = links_into_calendars(html)
        assert reverse("sessions:calendar", args=[live_session.slug]) in html
        assert [link["href"] for link in links] == [google_address(live_session), outlook_address(live_session)], address
        assert {link["rel"] for link in links} == {"noreferrer"}
        assert not any("door" in link["href"] or live_session.meeting_url in link["href"] for link in links)
