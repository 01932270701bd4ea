"""Moving a session from the desk: shown to the number and to the mail before it is done, and done once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from redreport.audit.models import AuditEntry
from redreport.outbox.models import OutgoingMail
from redreport.wording import house_time
from sessions_live.models import Host, LiveSession, ScheduleChange, Seat
from sessions_live.seat_links import DOOR
from tests.factories import make_guest_seat, make_live_session, make_staff, make_user
from tests.fixtures_shop import Shop
from tests.moving import move, seat_by_credit
from tests.outbox_helpers import last_mail_id, mails_owed, rendered_mail
from tests.parties import BO, CY, party_of
from tests.staff import desk_of, staff_who_may
from tests.waiting import waits
from tests.wizards import Walk, to_time

MOVE = "desk_move_session"


def session_at_eleven(*, days: int = 7, title: str = "") -> LiveSession:
    """A session that stands on a full minute, as staff type it."""
    live_session = make_live_session(starts_in=timedelta(days=days))
    starts_at = live_session.starts_at.replace(second=0, microsecond=0)
    LiveSession.objects.filter(pk=live_session.pk).update(starts_at=starts_at, title=title or live_session.title)
    live_session.refresh_from_db()
    return live_session


def walk_of(live_session: LiveSession, desk: Client | None = None, **form: Any) -> Walk:
    return Walk(desk or desk_of(), MOVE, live_session, **to_time(live_session, **form))


def test_preview_says_in_exact_numbers_what_then_happens(shop: Shop) -> None:
    live_session, buyer = session_at_eleven(), make_user()
    live_session.hosts.add(Host.objects.create(name="Jo Hart", email="jo@example.com"))
    shop.sell_seats(buyer, live_session, party_of(buyer, BO, CY))
    make_guest_seat(live_session)
    shop.hold_seat(live_session=live_session)
    LiveSession.objects.filter(pk=live_session.pk).update(capacity=5)
    waits(live_session)
    walk = walk_of(live_session)
    before = last_mail_id()
    page = walk.look().text
    shown = walk.values["consequences"]
    assert (
        shown.live_session.seats_taken,
        shown.live_session.seats_held,
        shown.live_session.waiting,
        shown.live_session.hosts,
    ) == (4, 1, 1, 1)
    assert (shown.bookers, shown.open_orders, shown.mails) == (1, 1, 7)
    assert "7 mails will be sent." in page
    assert (len(mails_owed(before)), ScheduleChange.objects.count()) == (0, 0)
    answer = walk.confirm()
    change = ScheduleChange.objects.get()
    assert answer.headers["Location"] == reverse("admin:desk_change", args=[change.pk])
    assert len(mails_owed(before)) == shown.mails
    live_session.refresh_from_db()
    assert live_session.starts_at == shown.live_session.new_starts_at == change.new_starts_at


@pytest.mark.django_db
def test_page_shows_the_mail_itself_as_it_is_then_sent_but_for_the_attendees_own_links() -> None:
    live_session = session_at_eleven()
    seat = seat_by_credit(live_session)
    walk = walk_of(live_session, message="The host is in Beijing that day.")
    page = walk.look()
    [shown] = [mail.rendered for mail in page.context["mails"]]
    walk.confirm()
    sent = rendered_mail("session_moved")
    assert shown.subject == sent.subject
    for line in sent.text.splitlines():
        own = "http" in line or seat.attendee_name in line or "you get back" in line
        assert own or line in shown.text, line
    assert "The host is in Beijing that day." in shown.html
    live_session.refresh_from_db()
    assert house_time(live_session.starts_at) in shown.html
    assert "/door/" in shown.text
    assert DOOR.url(seat) not in page.text


@pytest.mark.django_db
def test_door_in_the_shown_mail_opens_nothing_and_nothing_was_written() -> None:
    live_session = session_at_eleven()
    make_guest_seat(live_session)
    rows = [OutgoingMail.objects.count(), Seat.objects.count(), AuditEntry.objects.count()]
    shown = walk_of(live_session).look().context["mails"][0].rendered
    door = next(word for word in shown.text.split() if "/door/" in word)
    assert Client().get(door.removeprefix("http://testserver")).status_code == 404
    assert [OutgoingMail.objects.count(), Seat.objects.count(), AuditEntry.objects.count()] == rows


@pytest.mark.django_db
def test_html_of_the_mail_is_a_page_of_its_own_in_a_sandbox() -> None:
    live_session = session_at_eleven()
    make_guest_seat(live_session)
    answer = walk_of(live_session).look(show="0")
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none'")
    assert "script" not in policy
    assert ("A new time for your session" in answer.text, "csrf" in answer.text) == (True, False)


@pytest.mark.django_db
@pytest.mark.parametrize("typed", ["", "   ", "Another session"])
def test_without_the_sessions_name_nothing_is_done_and_nothing_typed_is_lost(typed: str) -> None:
    live_session = session_at_eleven()
    walk = walk_of(live_session, message="Sorry for <b>this</b>.")
    walk.look()
    page = walk.confirm(typed)
    assert (page.status_code, ScheduleChange.objects.count()) == (400, 0)
    assert ("is not the session’s name" in page.text) == bool(typed.strip())
    assert 'value="Sorry for &lt;b&gt;this&lt;/b&gt;."' in page.text
    assert walk.confirm().status_code == 302


@pytest.mark.django_db
@pytest.mark.parametrize("typed", ["  reading THE plenum: “who’s in” ", 'Reading the plenum: "who\'s in"'])
def test_capitals_spaces_and_a_phones_quotation_marks_do_not_count(typed: str) -> None:
    live_session = session_at_eleven(title="Reading the plenum: “who’s in”")
    walk = walk_of(live_session)
    walk.look()
    walk.confirm(typed)
    assert ScheduleChange.objects.count() == 1


@pytest.mark.django_db
def test_second_click_and_the_way_back_lead_to_the_page_of_the_one_move() -> None:
    live_session = session_at_eleven()
    seat_by_credit(live_session)
    walk = walk_of(live_session)
    first = walk.walk()
    before = last_mail_id()
    again = walk.confirm()
    assert again.headers["Location"] == first.headers["Location"]
    assert (ScheduleChange.objects.count(), len(mails_owed(before))) == (1, 0)
    assert Seat.objects.get().calendar_sequence == 1


@pytest.mark.django_db
def test_what_changed_since_it_was_looked_at_is_shown_again_and_not_done() -> None:
    live_session = session_at_eleven()
    walk = walk_of(live_session)
    walk.look()
    make_guest_seat(live_session)
    page = walk.confirm()
    assert "Something has changed since you looked" in page.text
    assert ScheduleChange.objects.count() == 0
    walk.hidden["seen"] = page.context["seen"]
    assert walk.confirm().status_code == 302


@pytest.mark.django_db
def test_move_to_elsewhere_by_a_colleague_meanwhile_is_not_overwritten_unseen() -> None:
    live_session = session_at_eleven()
    walk = walk_of(live_session)
    walk.look()
    move(live_session, timedelta(days=5))
    assert "Something has changed since you looked" in walk.confirm().text
    assert ScheduleChange.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"day": "2027-02-30"}, "Write the date as year, month and day"),
        ({"day": "next week"}, "Write the date as year, month and day"),
        ({"clock": "noon"}, "Write the time as hours and minutes"),
        ({"day": "2020-01-01"}, "The new start lies in the past."),
        ({"minutes": "0"}, "A session lasts at least a minute."),
        ({"minutes": "100000"}, "A session lasts 12 hours at most."),
        ({"reason": ""}, "Fill in: Reason"),
        ({"message": "x" * 501}, "500"),
        ({"reason": "a\x07b"}, "control characters"),
    ],
)
def test_what_is_wrong_is_said_in_words_and_what_was_typed_stays(changes: dict[str, str], words: str) -> None:
    live_session = session_at_eleven()
    page = walk_of(live_session, message="We are sorry.").look(**changes)
    assert page.status_code == 400
    assert words in page.text
    if "message" not in changes:
        assert "We are sorry." in page.text
    assert ScheduleChange.objects.count() == 0


@pytest.mark.django_db
def test_the_time_at_which_it_stands_is_no_move() -> None:
    live_session = session_at_eleven()
    page = walk_of(live_session, days=0).look()
    assert (page.status_code, "It stands at this time already." in page.text) == (400, True)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("day", "time_of_day", "words"),
    [
        ("2027-03-14", "02:30", "There is no 2:30 am on Sun 14 Mar: clocks in New York go forward that night."),
        ("2027-11-07", "01:30", "1:30 am comes twice on Sun 7 Nov, 1 hour apart: clocks in New York go back that night."),
    ],
)
def test_time_that_a_clock_change_skips_or_repeats_is_pointed_out(day: str, time_of_day: str, words: str) -> None:
    with time_machine.travel(datetime(2027, 3, 1, 15, tzinfo=UTC)):
        walk = walk_of(session_at_eleven())
        page = walk.look(day=day, clock=time_of_day)
        assert (page.status_code, words in page.text) == (400, True)


@pytest.mark.django_db
def test_times_are_shown_for_the_house_utc_london_and_singapore_with_the_clocks_that_change_in_between() -> None:
    with time_machine.travel(datetime(2027, 3, 1, 15, tzinfo=UTC)):
        live_session = session_at_eleven(days=2)
        LiveSession.objects.update(starts_at=datetime(2027, 3, 10, 16, tzinfo=UTC))
        live_session.refresh_from_db()
        page = walk_of(live_session, days=7).look().text
    for said in (
        "Wed 10 Mar 2027, 11:00 am ET (16:00 UTC)",
        "Wed 17 Mar 2027, 11:00 am ET (15:00 UTC)",
        "Wed 17 Mar, 3:00 pm (London)",
        "Wed 17 Mar, 11:00 pm (Singapore)",
        "Clocks in New York change on 14 March, between the two times.",
    ):
        assert said in page


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("state", "words"),
    [("drafted", "change its time in its own form"), ("canceled", "It is canceled."), ("ended", "It is ended.")],
)
def test_session_that_cannot_be_moved_says_why_at_once(state: str, words: str) -> None:
    live_session = session_at_eleven()
    LiveSession.objects.update(state=state)
    walk = walk_of(live_session)
    for page in (walk.desk.get(walk.address), walk.look()):
        assert words in page.text
        assert "See what will happen" not in page.text


@pytest.mark.django_db
def test_staff_without_the_permission_are_refused_by_the_server_at_every_step() -> None:
    live_session = session_at_eleven()
    walk = walk_of(live_session, desk_of(staff_who_may("sessions_live.view_livesession", "sessions_live.change_seat")))
    assert [walk.desk.get(walk.address).status_code, walk.look().status_code, walk.confirm().status_code] == [403, 403, 403]
    assert ScheduleChange.objects.count() == 0


@pytest.mark.django_db
def test_bad_name_is_harmless_in_form_preview_mail_and_page() -> None:
    live_session = session_at_eleven(title="<script>alert(1)</script> plenum")
    make_guest_seat(live_session, make_user("<script>alert(2)</script>"))
    walk = walk_of(live_session, message="<script>alert(3)</script>", reason="<script>alert(4)</script>")
    pages = [walk.desk.get(walk.address), walk.look(), walk.look(show="0"), walk.confirm("<script>alert(5)</script>")]
    done = walk.confirm()
    pages.append(walk.desk.get(done.headers["Location"]))
    assert all("<script>alert" not in page.text for page in pages)
    assert "&lt;script&gt;alert(1)" in pages[1].text


@pytest.mark.django_db
def test_preview_and_move_ask_no_more_for_a_hundred_seats_than_for_ten() -> None:
    staff, asked = make_staff(), []
    desk = desk_of(staff)
    desk.get(reverse("admin:index"))
    for count in (10, 100):
        live_session = session_at_eleven()
        LiveSession.objects.update(capacity=1000)
        for _ in range(count):
            make_guest_seat(live_session, staff=staff)
        walk = walk_of(live_session, desk)
        for step in (walk.look, walk.confirm):
            with CaptureQueriesContext(connection) as captured:
                assert step().status_code in (200, 302)
            asked.append(len(captured))
    assert asked[:2] == asked[2:]


@pytest.mark.django_db
def test_sessions_page_and_roster_lead_to_the_wizards_for_who_may() -> None:
    live_session = session_at_eleven()
    pages = [
        reverse("admin:sessions_live_livesession_change", args=[live_session.pk]),
        f"{reverse('admin:desk_rosterseat_changelist')}?live_session__id__exact={live_session.pk}",
    ]
    wizards = [reverse(f"admin:{name}", args=[live_session.pk]) for name in (MOVE, "desk_cancel_session", "desk_announce")]
    all_may = desk_of()
    looker = desk_of(staff_who_may("sessions_live.view_livesession", "desk.view_rosterseat"))
    for page in pages:
        assert [f'href="{wizard}"' in all_may.get(page).text for wizard in wizards] == [True] * 3
        assert [f'href="{wizard}"' in looker.get(page).text for wizard in wizards] == [False] * 3


@pytest.mark.django_db
def test_mail_of_a_move_that_writes_to_nobody_is_not_found() -> None:
    live_session = make_live_session()
    LiveSession.hosts.through.objects.all().delete()
    walk = Walk(desk_of(), "desk_move_session", live_session, **to_time(live_session))
    assert walk.look(show="0").status_code == 404
