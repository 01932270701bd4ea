"""What programs read of a mail about a seat: a reservation, exact and without the door."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from redreport.accounts.models import User
from redreport.desk.samples.previews import preview
from sessions_live.models import LiveSession, Seat
from sessions_live.reservations import reservation
from sessions_live.seat_links import DOOR

TITLE = "</script><b>Chips & friends</b>"


def seat_in(**changes: Any) -> Seat:
    live_session = LiveSession(title=TITLE, slug="chips", starts_at=datetime(2027, 7, 28, 15, tzinfo=UTC), **changes)
    return Seat(live_session=live_session, attendee_name="Ada Okafor", attendee_email="ada@example.com", booked_by=User())


def test_reservation_says_who_what_and_when_in_utc() -> None:
    seat = seat_in()
    said = json.loads(reservation(seat))
    assert (said["@type"], said["reservationNumber"]) == ("EventReservation", str(seat.public_id))
    assert said["reservationStatus"] == "https://schema.org/ReservationConfirmed"
    assert said["underName"] == {"@type": "Person", "name": "Ada Okafor"}
    session = said["reservationFor"]
    assert (session["name"], session["startDate"], session["endDate"]) == (TITLE, "2027-07-28T15:00:00Z", "2027-07-28T16:00:00Z")
    assert session["eventStatus"] == "https://schema.org/EventScheduled"
    assert session["location"] == {"@type": "VirtualLocation", "url": "http://testserver/sessions/chips/"}


def test_title_cannot_end_the_script_that_it_stands_in() -> None:
    assert not re.search("[<>&]", reservation(seat_in()))


def test_reservation_never_names_the_door() -> None:
    seat = seat_in()
    assert DOOR.url(seat) not in reservation(seat)
    assert "door" not in reservation(seat)


def test_canceled_seat_and_canceled_session_are_told_apart() -> None:
    seat_only = json.loads(reservation(seat_in(), is_withdrawn=True))
    whole = json.loads(reservation(seat_in(state=LiveSession.State.CANCELED), is_withdrawn=True))
    statuses = [(said["reservationStatus"], said["reservationFor"]["eventStatus"]) for said in (seat_only, whole)]
    assert statuses == [
        ("https://schema.org/ReservationCancelled", "https://schema.org/EventScheduled"),
        ("https://schema.org/ReservationCancelled", "https://schema.org/EventCancelled"),
    ]


@pytest.mark.django_db
def test_who_gave_the_seat_away_reads_their_own_name_and_not_the_next_ones() -> None:
    mail = preview("seat_handed_away", "sample").mail
    assert mail
    [text] = re.findall(r'<script type="application/ld\+json">(.*?)</script>', mail.html)
    said = json.loads(text)
    assert (said["underName"]["name"], said["reservationStatus"][-9:]) == ("Ada Okafor", "Cancelled")
