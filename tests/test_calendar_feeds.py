"""Calendars that a program subscribes to: everybody's without any door, a reader's own with theirs, both cheap to ask again."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from icalendar import Calendar

from redreport import clock
from redreport.accounts.models import User
from redreport.audit.models import AuditEntry
from sessions_live.models import CalendarFeed, LiveSession, Seat
from sessions_live.seat_links import DOOR
from tests.canceling import FULL, book, cancel, cancel_by_house
from tests.factories import make_credits, make_guest_seat, make_live_session, make_staff, make_user
from tests.handing_over import hand_over
from tests.moving import move
from tests.parties import BO
from tests.signing_in import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader() -> User:
    """Ada, with credits for a few seats."""
    ada = make_user("Ada Reader", email="ada@example.com")
    make_credits(ada, 6)
    return ada


def make_address(user: User) -> str:
    """The reader presses the button; the path of the address they get."""
    assert signed_in(user).post("/account/calendar/").status_code == 303
    return f"/calendar/{CalendarFeed.objects.get(user=user).key}.ics"


def events(answer: Any) -> dict[str, Any]:
    """What the calendar shows, by title."""
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/calendar; charset=utf-8; method=PUBLISH")
    calendar = Calendar.from_ical(answer.content)
    assert isinstance(calendar, Calendar)
    assert calendar["METHOD"] == "PUBLISH"
    return {str(event["SUMMARY"]).removeprefix("Red Report Live: "): event for event in calendar.walk("VEVENT")}


def states(answer: Any) -> dict[str, str]:
    return {title: str(event["STATUS"]) for title, event in events(answer).items()}


def test_public_feed_shows_what_is_coming_what_was_canceled_and_the_past_of_two_months() -> None:
    coming, canceled = make_live_session(), make_live_session(starts_in=timedelta(days=3))
    lately, long_ago = make_live_session(starts_in=-timedelta(days=59)), make_live_session(starts_in=-timedelta(days=61))
    draft, canceled_draft = make_live_session(published=False), make_live_session(published=False)
    LiveSession.objects.filter(pk__in=[canceled.pk, canceled_draft.pk]).update(state="canceled")
    LiveSession.objects.filter(pk__in=[lately.pk, long_ago.pk]).update(state="ended")
    assert states(Client().get("/calendar.ics")) == {
        lately.title: "CONFIRMED",
        canceled.title: "CANCELLED",
        coming.title: "CONFIRMED",
    }
    assert draft.title


def test_public_feed_leads_to_pages_and_to_no_door() -> None:
    live_session = make_live_session()
    make_guest_seat(live_session)
    answer = Client().get("/calendar.ics")
    event = events(answer)[live_session.title]
    assert str(event["URL"]) == f"http://testserver/sessions/{live_session.slug}/"
    for kept_back in (b"/door/", b"meet.example.com", b"ATTENDEE", b"ORGANIZER"):
        assert kept_back not in answer.content


def test_public_entry_follows_a_move_and_says_when_it_was_changed() -> None:
    live_session = make_live_session()
    before = events(Client().get("/calendar.ics"))[live_session.title]
    moved_at = clock.now().replace(microsecond=0) + timedelta(hours=1)
    move(live_session, now=moved_at)
    after = events(Client().get("/calendar.ics"))[live_session.title]
    assert (after["UID"], after["SEQUENCE"]) == (before["UID"], before["SEQUENCE"] + 1)
    assert after["DTSTART"].dt - before["DTSTART"].dt == timedelta(days=2)
    assert after["LAST-MODIFIED"].dt == after["DTSTAMP"].dt == moved_at
    assert before["LAST-MODIFIED"].dt < moved_at


def test_single_download_of_a_session_has_the_feeds_uid_and_sequence() -> None:
    live_session = make_live_session()
    move(live_session)
    in_feed = events(Client().get("/calendar.ics"))[live_session.title]
    alone = events(Client().get(f"/sessions/{live_session.slug}/calendar.ics"))[live_session.title]
    for part in ("UID", "SEQUENCE", "DTSTART", "LAST-MODIFIED", "SUMMARY"):
        assert alone[part] == in_feed[part], part


@pytest.mark.parametrize("signed", [False, True], ids=["signed out", "signed in"])
def test_public_feed_is_one_for_everybody_and_costs_nothing_to_ask_again(signed: bool) -> None:
    make_live_session()
    client = signed_in(make_user()) if signed else Client()
    first = client.get("/calendar.ics")
    assert first["Cache-Control"] == "public, max-age=300"
    assert "Cookie" not in first.get("Vary", "")
    again = client.get("/calendar.ics", headers={"if-none-match": first["ETag"]})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    make_live_session()
    changed = client.get("/calendar.ics", headers={"if-none-match": first["ETag"]})
    assert (changed.status_code, changed["ETag"] != first["ETag"]) == (200, True)


def test_feeds_say_how_often_to_come_back_and_what_they_are_called(reader: User) -> None:
    for address, name in (("/calendar.ics", "Red Report Live"), (make_address(reader), "Red Report Live: your seats")):
        lines = Client().get(address).content.decode().split("\r\n")
        for said in (f"X-WR-CALNAME:{name}", f"NAME:{name}", "REFRESH-INTERVAL;VALUE=DURATION:PT1H", "X-PUBLISHED-TTL:PT1H"):
            assert said in lines, said


def test_own_feed_has_the_readers_seats_with_their_doors_and_nobody_elses(reader: User) -> None:
    own = book(reader, make_live_session())
    guest_of_the_house = make_guest_seat(make_live_session(), reader)
    elsewhere = make_guest_seat(make_live_session())
    answer = Client().get(make_address(reader))
    shown = events(answer)
    assert set(shown) == {own.live_session.title, guest_of_the_house.live_session.title}
    assert str(shown[own.live_session.title]["LOCATION"]) == DOOR.url(own)
    assert elsewhere.attendee_email.encode() not in answer.content
    assert b"meet.example.com" not in answer.content


def test_own_entry_is_the_one_that_was_mailed(reader: User) -> None:
    seat = book(reader, make_live_session())
    event = events(Client().get(make_address(reader)))[seat.live_session.title]
    assert (str(event["UID"]), event["SEQUENCE"]) == (f"seat-{seat.public_id}@testserver", 0)


def test_canceled_seat_stays_as_canceled_without_its_door(reader: User) -> None:
    address, by_reader, by_house = (
        make_address(reader),
        book(reader, make_live_session()),
        book(reader, make_live_session()),
    )
    cancel(by_reader)
    cancel_by_house(by_house, FULL)
    answer = Client().get(address)
    assert states(answer) == {by_reader.live_session.title: "CANCELLED", by_house.live_session.title: "CANCELLED"}
    assert b"/door/" not in answer.content


def test_seat_booked_anew_takes_the_place_of_the_canceled_one(reader: User) -> None:
    live_session = make_live_session()
    cancel(book(reader, live_session))
    again = book(reader, live_session)
    [event] = events(Client().get(make_address(reader))).values()
    assert (str(event["STATUS"]), str(event["UID"])) == ("CONFIRMED", f"seat-{again.public_id}@testserver")


def test_seat_that_was_handed_over_moves_to_the_colleagues_feed(reader: User) -> None:
    seat = book(reader, make_live_session())
    mine, bos = make_address(reader), make_address(make_user(email=BO.email))
    after = hand_over(seat, BO)
    assert events(Client().get(mine)) == {}
    assert str(events(Client().get(bos))[seat.live_session.title]["LOCATION"]) == DOOR.url(after)


def test_held_and_lapsed_seats_are_in_no_calendar(reader: User) -> None:
    seat = book(reader, make_live_session())
    address = make_address(reader)
    for state, until in (("held", clock.now()), ("offered", clock.now()), ("expired", None)):
        Seat.objects.filter(pk=seat.pk).update(state=state, hold_expires_at=until)
        assert events(Client().get(address)) == {}


def test_own_feed_is_kept_by_no_shared_cache_and_answers_304_while_nothing_changed(reader: User) -> None:
    seat = book(reader, make_live_session())
    address = make_address(reader)
    first = Client().get(address)
    assert (first["Cache-Control"], first["Referrer-Policy"], first["X-Robots-Tag"]) == (
        "private, no-cache",
        "no-referrer",
        "noindex",
    )
    assert Client().get(address, headers={"if-none-match": first["ETag"]}).status_code == 304
    move(LiveSession.objects.get(pk=seat.live_session_id))
    assert Client().get(address, headers={"if-none-match": first["ETag"]}).status_code == 200


def test_new_address_makes_the_old_one_worthless_and_a_second_click_changes_nothing(reader: User) -> None:
    old, client = make_address(reader), signed_in(reader)
    key = CalendarFeed.objects.get().key
    for _ in range(2):
        assert client.post("/account/calendar/", {"key": str(key)})["Location"] == "/account/#calendar"
    new = f"/calendar/{CalendarFeed.objects.get().key}.ics"
    assert (new != old, Client().get(old).status_code, Client().get(new).status_code) == (True, 404, 200)
    assert list(
        AuditEntry.objects.filter(target_type="sessions_live.calendarfeed").order_by("id").values_list("verb", flat=True)
    ) == [
        "made",
        "renewed",
    ]


def test_asking_twice_for_an_address_is_once(reader: User) -> None:
    assert make_address(reader) == make_address(reader)


def test_somebody_elses_key_or_no_key_at_all_replaces_nothing(reader: User) -> None:
    address = make_address(reader)
    key = CalendarFeed.objects.get().key
    other = signed_in(make_user())
    for sent in (str(key), "not-a-key"):
        assert other.post("/account/calendar/", {"key": sent}).status_code == 303
    assert Client().get(address).status_code == 200
    assert CalendarFeed.objects.count() == 1


def test_address_is_made_by_a_button_and_never_by_looking(reader: User) -> None:
    client = signed_in(reader)
    assert client.get("/account/calendar/").status_code == 405
    assert Client().post("/account/calendar/").status_code == 302
    assert "Make my calendar address" in client.get("/account/").text
    assert CalendarFeed.objects.count() == 0


def test_account_shows_the_address_as_a_link_and_as_words(reader: User) -> None:
    address = make_address(reader)
    page = signed_in(reader).get("/account/").text
    assert f'href="webcal://testserver{address}"' in page
    assert f"http://testserver{address}" in page
    assert 'href="webcal://testserver/calendar.ics"' in page
    assert 'href="webcal://testserver/calendar.ics"' in Client().get("/sessions/").text


@pytest.mark.parametrize("loss", ["inactive", "unproven"])
def test_account_that_is_closed_or_whose_address_is_not_proven_any_more_has_no_feed(reader: User, loss: str) -> None:
    address = make_address(reader)
    if loss == "inactive":
        User.objects.filter(pk=reader.pk).update(is_active=False)
    else:
        User.objects.filter(pk=reader.pk).update(email="somebody@example.com")
    assert Client().get(address).status_code == 404


def test_feeds_ask_no_more_for_many_than_for_few(reader: User) -> None:
    address, staff = make_address(reader), make_staff()

    def asked(path: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert Client().get(path).status_code == 200
        return len(captured)

    def add(count: int) -> None:
        for _ in range(count):
            live_session = make_live_session()
            move(live_session)
            make_guest_seat(live_session, reader, staff=staff)

    add(2)
    for_few = (asked("/calendar.ics"), asked(address))
    add(8)
    assert (asked("/calendar.ics"), asked(address)) == for_few
    assert for_few <= (2, 3)


@pytest.mark.parametrize(
    "title",
    ["深度求索" * 40, "Chips, chips; and “chips”\\n", "A, B; C: D\\E", "x" * 160, "🐉" * 80],
    ids=["Chinese", "quotes", "punctuation", "long", "beyond the plane"],
)
def test_any_title_and_question_come_through_whole_in_lines_of_75_bytes(reader: User, title: str) -> None:
    question = (f"{title} — " * 4)[:300]
    live_session = make_live_session()
    LiveSession.objects.filter(pk=live_session.pk).update(title=title, question=question)
    live_session.refresh_from_db()
    book(reader, live_session)
    for address in ("/calendar.ics", make_address(reader)):
        answer = Client().get(address)
        [event] = events(answer).values()
        assert str(event["SUMMARY"]) == f"Red Report Live: {title}"
        assert str(event["DESCRIPTION"]).startswith(f"{question}\n\n")
        assert max(len(line) for line in answer.content.split(b"\r\n")) <= 75


def test_longest_name_with_line_breaks_opens_no_line_of_its_own(reader: User) -> None:
    live_session = make_live_session()
    LiveSession.objects.filter(pk=live_session.pk).update(question="First\r\nATTENDEE:mailto:all@example.com\nSecond")
    answer = Client().get("/calendar.ics")
    [event] = events(answer).values()
    assert "ATTENDEE" not in event
    assert b"\r\nATTENDEE" not in answer.content


@pytest.mark.parametrize(
    "starts_at",
    [
        # Around the changes of the clocks in New York, and around those in Europe, in the spring and in the fall of 2027.
        datetime(2027, 3, 13, 16, tzinfo=UTC),
        datetime(2027, 3, 14, 6, 30, tzinfo=UTC),
        datetime(2027, 3, 14, 15, tzinfo=UTC),
        datetime(2027, 3, 28, 0, 30, tzinfo=UTC),
        datetime(2027, 3, 28, 15, tzinfo=UTC),
        datetime(2027, 10, 31, 0, 30, tzinfo=UTC),
        datetime(2027, 10, 31, 15, tzinfo=UTC),
        datetime(2027, 11, 7, 5, 30, tzinfo=UTC),
        datetime(2027, 11, 7, 6, 30, tzinfo=UTC),
        datetime(2027, 11, 7, 16, tzinfo=UTC),
    ],
)
def test_calendar_says_the_instant_in_utc_whatever_the_clocks_do(reader: User, starts_at: datetime) -> None:
    live_session = make_live_session()
    LiveSession.objects.filter(pk=live_session.pk).update(starts_at=starts_at)
    live_session.refresh_from_db()
    book(reader, live_session)
    for address in ("/calendar.ics", make_address(reader)):
        answer = Client().get(address)
        event = events(answer)[live_session.title]
        assert (event["DTSTART"].dt, event["DTEND"].dt) == (starts_at, starts_at + timedelta(minutes=60))
        assert f"DTSTART:{starts_at:%Y%m%dT%H%M%SZ}".encode() in answer.content
        assert b"TZID" not in answer.content
