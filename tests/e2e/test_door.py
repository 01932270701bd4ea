"""The personal door, a few minutes before the hour."""

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from redreport import policy
from tests.e2e import stage
from tests.e2e.conftest import House, Person
from tests.e2e.pages import Reader

pytestmark = [pytest.mark.browser, pytest.mark.stack]

LEADS = (6, 20, 60)
LONGEST_MS = 90_000


def test_the_door_lets_its_reader_in_again_and_again_and_a_look_at_it_changes_nothing(
    signed_in: Reader, person: Person, house: House
) -> None:
    live_session = house.open_session(starts_in=timedelta(minutes=10))
    signed_in.holds_seat(live_session.slug).pay()
    signed_in.sees("Your seat is confirmed")
    visits = len(house.meeting.referrers)

    signed_in.visit("/account/")
    assert "The door is open." in signed_in.words
    signed_in.follow("Your door")
    signed_in.sees(live_session.title)
    door = signed_in.path
    assert [(seat.state, seat.entered_at) for seat in house.seats_of(live_session)] == [("confirmed", None)]

    signed_in.press("Enter")
    expect(signed_in.page.get_by_role("heading", level=1)).to_have_text("You are in the meeting")
    assert signed_in.page.url == f"{house.meeting.url}/{live_session.slug}"
    [entered] = house.seats_of(live_session)
    assert entered.state == "attended"
    assert entered.entered_at is not None

    signed_in.visit(door)
    signed_in.press("Enter")
    expect(signed_in.page.get_by_role("heading", level=1)).to_have_text("You are in the meeting")

    # As from another device.
    signed_in.page.context.clear_cookies()
    signed_in.visit(door)
    signed_in.sees(live_session.title)
    assert "Somebody came in with this seat from another device" in signed_in.words
    signed_in.press("Enter here instead")
    expect(signed_in.page.get_by_role("heading", level=1)).to_have_text("You are in the meeting")
    assert house.seats_of(live_session) == [entered]
    # The door's address is a secret: the meeting's provider must not learn it.
    assert house.meeting.referrers[visits:] == [None, None, None]


def test_a_door_that_is_not_open_yet_says_when(signed_in: Reader, house: House) -> None:
    live_session = house.open_session(starts_in=timedelta(hours=2))
    signed_in.holds_seat(live_session.slug).pay()
    signed_in.sees("Your seat is confirmed")
    signed_in.follow("Your door")
    signed_in.sees(live_session.title)
    assert "The door opens at" in signed_in.words
    expect(signed_in.button("Enter")).to_have_count(0)


def test_a_question_reaches_the_hosts_from_the_door(signed_in: Reader, person: Person, house: House) -> None:
    live_session = house.open_session()
    signed_in.holds_seat(live_session.slug).pay()
    signed_in.sees("Your seat is confirmed")
    signed_in.visit(f"/sessions/{live_session.slug}/")
    signed_in.follow("Ask the authors a question")
    signed_in.press("Ask")
    assert "There is a problem" in signed_in.words
    signed_in.fill(text="Who signs for the ministry?")
    signed_in.press("Ask")
    signed_in.sees(live_session.title)
    assert "You asked: Who signs for the ministry?" in signed_in.words
    signed_in.visit(house.backstage(stage.host_door, slug=live_session.slug))
    signed_in.sees(live_session.title)
    assert f"Who signs for the ministry? {person.name}, {person.firm}" in signed_in.words


def stand_before_a_door(reader: Reader, house: House, *, typing: str = "") -> str:
    """The reader looks at a door that opens in a few seconds; in more where the machine is so busy that they came too late."""
    for seconds in LEADS:
        live_session = house.open_session(starts_in=policy.DOOR_OPENS_BEFORE + timedelta(seconds=seconds))
        door = house.backstage(stage.give_door, slug=live_session.slug)
        reader.visit(door)
        if typing:
            reader.fill(text=typing)
        if "The door opens at" in reader.words:
            return door
    raise AssertionError("no door was closed before its time")


def test_the_door_opens_before_the_readers_eyes_whatever_their_clock_says(reader: Reader, house: House) -> None:
    # Five minutes fast: by this clock the door is open long since.
    reader.page.add_init_script("const real = Date.now; Date.now = () => real() + 300000")
    looks: list[str] = []
    reader.page.on("request", lambda request: looks.append(request.url))
    door = stand_before_a_door(reader, house)
    expect(reader.button("Enter")).to_have_count(1, timeout=LONGEST_MS)
    assert sum(look.endswith(door) for look in looks) == 2


@pytest.mark.parametrize("reader", [True], ids=["with JavaScript"], indirect=True)
def test_a_question_that_is_being_typed_is_not_lost_when_the_door_opens(reader: Reader, house: House) -> None:
    stand_before_a_door(reader, house, typing="Who signs for the ministry?")
    expect(reader.page.get_by_text("it is open now")).to_be_visible(timeout=LONGEST_MS)
    reader.press("Ask")
    expect(reader.button("Enter")).to_have_count(1)
    assert "You asked: Who signs for the ministry?" in reader.words


def test_a_tampered_door_is_dead(signed_in: Reader, house: House) -> None:
    live_session = house.open_session(starts_in=timedelta(minutes=10))
    signed_in.holds_seat(live_session.slug).pay()
    signed_in.sees("Your seat is confirmed")
    signed_in.follow("Your door")
    signed_in.sees(live_session.title)
    seat, signature = signed_in.path.split(".")
    tampered = f"{seat}.{signature.swapcase()}"
    assert signed_in.visit(tampered) == 404
    signed_in.sees("This link is no longer valid")
    assert [seat.state for seat in house.seats_of(live_session)] == ["confirmed"]
