"""Addresses that open something: in no log, in no cache on the way, and dead for who was written to by mistake."""

import pytest
from django.test import Client
from django.urls import reverse

from redreport.logs import scrub
from sessions_live.host_links import host_behind, host_token
from tests.factories import make_guest_seat, make_live_session, make_user

SECRET = "aWxhZGE.xYz-1_q"


@pytest.mark.parametrize("path", ["/door", "/host", "/calendar", "/seats/cant-come", "/seats/out", "/mail/unsubscribe"])
def test_no_log_names_what_opens_a_door_a_seat_a_feed_or_a_readers_mails(path: str) -> None:
    address = f"https://live.example.com{path}"
    assert scrub(f"Gone: {address}/{SECRET}/ (404)") == f"Gone: {address}/[token]/ (404)"


@pytest.mark.django_db
def test_hosts_link_that_went_to_a_wrong_address_is_dead_once_that_is_corrected() -> None:
    live_session = make_live_session()
    host = live_session.hosts.get()
    host.email = "mie@example.com"
    host.save()
    token = host_token(live_session, host)
    assert host_behind(token) == (live_session, host)

    host.email = "mei@example.com"
    host.save()
    answer = Client().get(reverse("sessions:host", args=[token]))
    assert (answer.status_code, live_session.title in answer.content.decode()) == (404, False)
    assert Client().get(reverse("sessions:host", args=[host_token(live_session, host)])).status_code == 200


@pytest.mark.django_db
def test_calendar_file_with_a_door_in_it_is_kept_by_nobody_on_the_way() -> None:
    ada = make_user()
    seat = make_guest_seat(make_live_session(), ada)
    client = Client()
    address = reverse("sessions:calendar", args=[seat.live_session.slug])
    assert b"/door/" not in client.get(address).content
    client.force_login(ada)
    own = client.get(address)
    assert (b"/door/" in own.content, own["Cache-Control"]) == (True, "private, no-store")
