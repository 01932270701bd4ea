"""What is recorded of who came holds before a bank, and against whoever comes at the last moment."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from redreport.audit.models import AuditEntry
from sessions_live.errors import DoorClosed, SessionOver
from sessions_live.host_links import host_behind, host_token
from sessions_live.models import LiveSession, Seat
from sessions_live.operations.attendance import check_in_seat, enter_as_host, undo_check_in
from sessions_live.operations.schedule import end_past_live_sessions
from sessions_live.operations.seats import confirm_seat
from tests.factories import make_guest_seat, make_live_session, make_staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def seat() -> Seat:
    return make_guest_seat(make_live_session())


def test_session_ends_only_after_the_last_instant_at_which_its_door_is_open(seat: Seat) -> None:
    closes_at = seat.live_session.door_closes_at
    assert seat.live_session.is_door_open(closes_at)
    assert [end_past_live_sessions(now=closes_at), end_past_live_sessions(now=closes_at + timedelta(seconds=1))] == [0, 1]
    assert end_past_live_sessions(now=closes_at + timedelta(minutes=1)) == 0
    assert Seat.objects.get().state == "no_show"


def test_payment_that_waited_while_the_session_ended_gives_no_seat_in_it(seat: Seat) -> None:
    live_session = seat.live_session
    held = Seat(live_session=live_session, state=Seat.State.HELD)
    LiveSession.objects.update(state="ended")
    live_session.refresh_from_db()
    # Its moment lies before the end: it was taken before the lock was waited for.
    with pytest.raises(SessionOver):
        confirm_seat(
            live_session=live_session,
            seat=held,
            taken_at=live_session.starts_at - timedelta(hours=1),
            now=live_session.door_closes_at,
        )


def noted(seat: Seat, at: datetime) -> Any:
    check_in_seat(seat_id=seat.pk, actor=make_staff(), now=at)
    return Seat.objects.values_list("state", "entered_at").get(pk=seat.pk)


def test_what_staff_note_after_the_session_does_not_say_when_somebody_came(seat: Seat) -> None:
    end_past_live_sessions(now=seat.live_session.door_closes_at + timedelta(seconds=1))
    assert noted(seat, seat.live_session.door_closes_at + timedelta(days=3)) == ("attended", None)


def test_what_staff_note_during_the_session_does(seat: Seat) -> None:
    at = seat.live_session.starts_at + timedelta(minutes=5)
    assert noted(seat, at) == ("attended", at)


def test_taking_it_back_keeps_when_they_came_in_the_trail(seat: Seat) -> None:
    staff, at = make_staff(), seat.live_session.starts_at
    check_in_seat(seat_id=seat.pk, actor=staff, now=at)
    undo_check_in(seat_id=seat.pk, actor=staff, reason="another Ada", now=at)
    entry = AuditEntry.objects.get(verb="check_in_undone")
    assert (entry.reason, entry.detail, entry.actor) == ("another Ada", {"entered_at": at.isoformat()}, staff)


def test_hosts_coming_in_is_recorded_and_a_canceled_session_lets_none_in(seat: Seat) -> None:
    live_session = seat.live_session
    host, starts_at = live_session.hosts.get(), live_session.starts_at
    enter_as_host(live_session=live_session, host=host, now=starts_at)
    entry = AuditEntry.objects.get(verb="entered")
    assert (entry.actor_label, entry.target_id, entry.detail) == ("host", str(live_session.pk), {"host_id": host.pk})
    for refused_at in (
        live_session.host_door_opens_at - timedelta(seconds=1),
        live_session.door_closes_at + timedelta(seconds=1),
    ):
        with pytest.raises(DoorClosed):
            enter_as_host(live_session=live_session, host=host, now=refused_at)
    # Canceled, or given to somebody else, since the page was shown.
    LiveSession.objects.update(state="canceled")
    with pytest.raises(DoorClosed):
        enter_as_host(live_session=live_session, host=host, now=starts_at)
    LiveSession.objects.update(state="published")
    live_session.hosts.clear()
    with pytest.raises(DoorClosed):
        enter_as_host(live_session=live_session, host=host, now=starts_at)
    assert AuditEntry.objects.filter(verb="entered").count() == 1


def test_a_drafts_host_has_no_door_yet() -> None:
    draft = make_live_session(published=False)
    token = host_token(draft, draft.hosts.get())
    assert host_behind(token) is None
    assert Client().get(f"/host/{token}/").status_code == 404


def test_looking_at_the_hosts_page_is_no_entry(seat: Seat) -> None:
    live_session = seat.live_session
    assert Client().get(f"/host/{host_token(live_session, live_session.hosts.get())}/").status_code == 200
    assert not AuditEntry.objects.filter(verb="entered").exists()
