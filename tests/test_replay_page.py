"""What stays of an hour is for who had a seat: by the link in their mail or from their account, through links that expire."""

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, cast

import pytest
import time_machine
from django.test import Client

from redreport import clock, policy
from sessions_live.models import LiveSession, Material, Seat
from sessions_live.operations.cancellations import cancel_live_session
from sessions_live.operations.materials import remove_material
from sessions_live.seat_links import DOOR, REPLAY
from tests.afterwards import PDF, add_address, add_file, release, seat_in_past_hour
from tests.factories import make_guest_seat, make_live_session, make_staff, make_user

pytestmark = pytest.mark.django_db(transaction=True)


def path_of(seat: Seat) -> str:
    return REPLAY.url(seat).removeprefix("http://testserver")


def links_on(client: Client, seat: Seat) -> list[str]:
    return re.findall(r'href="(/materials/[^"]+)"', client.get(path_of(seat)).content.decode())


def body_of(answer: Any) -> bytes:
    return b"".join(cast(Iterable[bytes], answer.streaming_content))


@pytest.fixture
def seat() -> Seat:
    """The seat of somebody without an account, whose hour is over and whose materials are released."""
    seat = seat_in_past_hour()
    add_file(seat.live_session)
    release(seat.live_session)
    seat.live_session.refresh_from_db()
    return seat


class TestWhoSeesIt:
    def test_the_mailed_link_needs_no_account(self, client: Client, seat: Seat) -> None:
        page = client.get(path_of(seat))

        assert page.status_code == 200
        assert "Notes on the plenum" in page.content.decode()
        assert (page["Referrer-Policy"], page["X-Robots-Tag"]) == ("no-referrer", "noindex")
        assert "no-store" in page["Cache-Control"]

    @pytest.mark.parametrize("came", [True, False])
    def test_who_missed_the_hour_sees_it_too(self, client: Client, came: bool) -> None:
        seat = seat_in_past_hour(came=came)
        add_file(seat.live_session)
        release(seat.live_session)

        assert len(links_on(client, seat)) == 1

    def test_a_door_link_is_no_replay_link(self, client: Client, seat: Seat) -> None:
        assert client.get(f"/replay/{DOOR.token(seat)}/").status_code == 404

    def test_the_link_dies_when_the_seat_changes_hands(self, client: Client, seat: Seat) -> None:
        old, [file] = path_of(seat), links_on(client, seat)
        Seat.objects.filter(pk=seat.pk).update(door_version=1)

        assert client.get(old).status_code == 404
        assert client.get(file).status_code == 404

    def test_a_canceled_seat_sees_nothing(self, client: Client, seat: Seat) -> None:
        [file] = links_on(client, seat)
        Seat.objects.filter(pk=seat.pk).update(
            state=Seat.State.CANCELED, canceled_at=clock.now(), canceled_by="house", restitution="none"
        )

        page = client.get(path_of(seat))
        assert page.status_code == 404
        assert "This link is no longer valid" in page.content.decode()
        assert client.get(file).status_code == 404

    def test_before_the_end_it_says_that_it_comes_later(self, client: Client) -> None:
        seat = make_guest_seat(make_live_session())
        add_file(seat.live_session)

        html = client.get(path_of(seat)).content.decode()
        assert "This hour is still to come." in html
        assert "Notes on the plenum" not in html

    def test_a_canceled_session_has_none(self, client: Client) -> None:
        seat = make_guest_seat(make_live_session())
        cancel_live_session(live_session_id=seat.live_session_id, actor=make_staff(), reason="the author is ill", now=clock.now())
        assert client.get(path_of(seat)).status_code == 404

    def test_what_is_not_released_is_not_there(self, client: Client) -> None:
        seat = seat_in_past_hour()
        add_file(seat.live_session)

        html = client.get(path_of(seat)).content.decode()
        assert "Nothing is here yet." in html
        assert "Notes on the plenum" not in html


class TestFromTheAccount:
    def test_the_account_and_the_session_lead_their_attendee_there(self, client: Client) -> None:
        ada = make_user()
        seat = seat_in_past_hour(ada)
        Seat.objects.filter(pk=seat.pk).update(booked_by=ada)
        client.force_login(ada)

        assert path_of(seat) in client.get("/account/").content.decode()
        assert path_of(seat) in client.get(f"/sessions/{seat.live_session.slug}/").content.decode()

    def test_who_booked_for_a_colleague_is_not_led_to_the_colleagues_page(self, client: Client) -> None:
        ada = make_user()
        seat = seat_in_past_hour(make_user("Ben Colleague"))
        Seat.objects.filter(pk=seat.pk).update(booked_by=ada)
        client.force_login(ada)

        assert "Ben Colleague" in client.get("/account/").content.decode()
        assert "/replay/" not in client.get("/account/").content.decode()
        assert "/replay/" not in client.get(f"/sessions/{seat.live_session.slug}/").content.decode()

    def test_before_the_end_neither_does(self, client: Client) -> None:
        ada = make_user()
        seat = make_guest_seat(make_live_session(), ada)
        client.force_login(ada)

        assert "/replay/" not in client.get(f"/sessions/{seat.live_session.slug}/").content.decode()


class TestTheFiles:
    def test_a_file_comes_as_a_download_under_a_name_of_ours(self, client: Client, seat: Seat) -> None:
        [link] = links_on(client, seat)
        answer = client.get(link)

        assert body_of(answer) == PDF
        assert answer["Content-Type"] == "application/pdf"
        assert answer["Content-Disposition"] == 'attachment; filename="notes-on-the-plenum.pdf"'
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Referrer-Policy"] == "no-referrer"
        assert "no-store" in answer["Cache-Control"]

    def test_a_title_cannot_break_out_of_the_header(self, client: Client, seat: Seat) -> None:
        Material.objects.update(title='深度 "; filename=evil.exe\r\nX: y')
        [link] = links_on(client, seat)

        assert client.get(link)["Content-Disposition"] == 'attachment; filename="filenameevilexe-x-y.pdf"'

    def test_a_link_is_good_for_an_hour_and_the_page_gives_new_ones(self, client: Client, seat: Seat) -> None:
        with time_machine.travel(clock.now(), tick=False) as traveller:
            [link] = links_on(client, seat)
            traveller.shift(policy.MATERIAL_LINK_LIFETIME - timedelta(seconds=1))
            assert client.get(link).status_code == 200
            traveller.shift(timedelta(seconds=3))
            expired = client.get(link)
            assert expired.status_code == 404
            assert "This link has expired" in expired.content.decode()
            [fresh] = links_on(client, seat)
            assert client.get(fresh).status_code == 200

    def test_a_forged_link_leads_nowhere(self, client: Client, seat: Seat) -> None:
        [link] = links_on(client, seat)
        other = add_file(seat_in_past_hour().live_session)
        ours = Material.objects.exclude(pk=other.pk).get()

        assert client.get(link.replace(ours.public_id.hex, other.public_id.hex)).status_code == 404

    def test_an_address_elsewhere_stands_behind_such_a_link_too(self, client: Client) -> None:
        seat = seat_in_past_hour()
        add_address(seat.live_session)
        release(seat.live_session)

        assert "video.example.com" not in client.get(path_of(seat)).content.decode()
        [link] = links_on(client, seat)
        answer = client.get(link)
        assert (answer.status_code, answer["Location"]) == (302, "https://video.example.com/unlisted")
        assert answer["Referrer-Policy"] == "no-referrer"

    def test_a_removed_file_is_gone_from_the_store_too(self, client: Client, seat: Seat) -> None:
        [link] = links_on(client, seat)
        material = Material.objects.get()
        storage, name = material.file.storage, material.file.name or ""
        assert storage.exists(name)

        for _ in range(2):
            remove_material(material_id=material.pk, actor=make_staff(), now=clock.now())

        assert not storage.exists(name)
        assert client.get(link).status_code == 404

    def test_a_file_lost_from_the_store_is_owned_up_to(self, client: Client, seat: Seat) -> None:
        [link] = links_on(client, seat)
        material = Material.objects.get()
        material.file.storage.delete(material.file.name or "")

        answer = client.get(link)
        assert answer.status_code == 404
        assert "That is our fault." in answer.content.decode()

    def test_the_page_asks_the_database_as_often_for_many_files_as_for_one(
        self, client: Client, seat: Seat, django_assert_num_queries: Any
    ) -> None:
        for number in range(5):
            add_file(seat.live_session, title=f"Part {number}")
        with django_assert_num_queries(3):
            assert len(links_on(client, seat)) == 6


def test_no_session_is_public_by_its_materials(client: Client, seat: Seat) -> None:
    html = client.get(f"/sessions/{LiveSession.objects.get().slug}/").content.decode()
    assert "/replay/" not in html
    assert "Notes on the plenum" not in html
