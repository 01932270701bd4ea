"""One seat, one participant: a second device takes over only when asked to, and both are told."""

import uuid
from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from redreport import clock
from sessions_live.errors import DoorClosed
from sessions_live.models import DoorEntry, Seat
from sessions_live.operations.attendance import enter_by_door
from sessions_live.operations.moves import move_live_session
from sessions_live.seat_links import DOOR
from tests.factories import make_guest_seat, make_live_session, make_staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def seat() -> Seat:
    """A seat in a session whose door is open: it starts in ten minutes."""
    return make_guest_seat(make_live_session(starts_in=timedelta(minutes=10)))


def test_a_second_device_is_not_let_in_unasked(seat: Seat) -> None:
    door = f"/door/{DOOR.token(seat)}/"
    Client().post(door)
    answer = Client().post(door)
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Somebody came in with this seat from another device at" in page
    assert "Enter here instead" in page
    assert seat.live_session.meeting_url not in page
    assert DoorEntry.objects.count() == 1


def test_the_second_device_takes_over_and_the_first_is_told_when_it_comes_back(seat: Seat) -> None:
    door, first, second = f"/door/{DOOR.token(seat)}/", Client(), Client()
    first.post(door)
    assert "Enter here instead" in second.get(door).content.decode()
    assert second.post(door, {"takes_over": "yes"}).status_code == 303
    assert "Enter here instead" not in second.get(door).content.decode()
    assert "Your seat was taken over by another device at" in first.get(door).content.decode()
    assert first.post(door).status_code == 409
    assert first.post(door, {"takes_over": "yes"}).status_code == 303
    assert [entry.device for entry in DoorEntry.objects.order_by("id")][0::2] == [first_device(first)] * 2


def test_the_cookie_goes_to_doors_alone_and_no_script_reads_it(seat: Seat) -> None:
    answer = Client().post(f"/door/{DOOR.token(seat)}/")
    cookie = answer.cookies["door_device"]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"], cookie["max-age"]) == ("/door/", True, "Lax", 86400)


def test_looking_from_another_device_takes_nothing_over(seat: Seat) -> None:
    first, door = Client(), f"/door/{DOOR.token(seat)}/"
    first.post(door)
    Client().get(door)
    assert first.post(door).status_code == 303


def test_a_door_that_changed_hands_while_its_page_was_open_stays_shut(seat: Seat) -> None:
    Seat.objects.update(door_version=1)
    with pytest.raises(DoorClosed):
        enter_by_door(seat=seat, device=uuid.uuid4(), takes_over=False, now=clock.now())
    assert not DoorEntry.objects.exists()


def test_who_came_in_before_the_session_was_moved_comes_in_anew_from_any_device(seat: Seat) -> None:
    Client().post(f"/door/{DOOR.token(seat)}/")
    move_live_session(
        live_session_id=seat.live_session_id,
        starts_at=clock.now() + timedelta(days=1),
        duration_minutes=60,
        message="",
        reason="the host is ill",
        actor=make_staff(),
        now=clock.now(),
    )
    with time_machine.travel(clock.now() + timedelta(days=1), tick=False):
        assert Client().post(f"/door/{DOOR.token(seat)}/").status_code == 303


def first_device(client: Client) -> uuid.UUID:
    return uuid.UUID(client.cookies["door_device"].value)
