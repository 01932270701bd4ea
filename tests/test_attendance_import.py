"""The report of a meeting's participants is read as it comes, matched with the roster, shown, and carried out once."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from redreport import clock
from redreport.audit.models import AuditEntry
from redreport.desk.attendance_report import LARGEST_BYTES, MOST_ROWS, Participant, read_report
from redreport.desk.jobs.running import run_job
from redreport.desk.models import Job
from redreport.desk.sheets import Unreadable
from sessions_live.models import Host, LiveSession, Seat
from subscriptions.operations.cancel import cancel_seat_by_house
from subscriptions.operations.seat_moves import move_seat
from tests.factories import make_guest_seat, make_live_session, make_staff, make_user
from tests.rosters import fill
from tests.staff import desk_of, staff_who_may

MAY = "sessions_live.change_seat"

HEADS = "Name (Original Name),User Email,Join Time,Leave Time,Duration (Minutes),Guest"
ADA = "Ada Reader,ada@example.com,01/06/2027 10:58:12 AM,01/06/2027 12:01:40 PM,64,Yes"
BLOCK = (
    "Topic,Meeting ID,Start Time,End Time,User Email,Duration (Minutes),Participants\n"
    '"After the plenum, live",812 3456 7890,01/06/2027 10:50:00 AM,01/06/2027 12:05:00 PM,host@example.com,75,2\n\n'
)
ADA_READ = [Participant("Ada Reader", "ada@example.com", "01/06/2027 10:58:12 AM", 64)]


@pytest.mark.parametrize(
    "report",
    [
        f"{HEADS}\n{ADA}\n".encode(),
        f"{HEADS}\r\n{ADA}\r\n".encode("utf-8-sig"),
        f"{HEADS}\n{ADA}\n".encode("utf-16"),
        f"{HEADS}\n{ADA}\n".encode("utf-16-le"),
        f"{HEADS}\n{ADA}\n".encode("cp1252"),
        f"{BLOCK}{HEADS}\n{ADA}\n".encode(),
        f"{HEADS}\n{ADA}\n".replace(",", ";").encode(),
        f"{HEADS}\n{ADA}\n".replace(",", "\t").encode("utf-16"),
        f"{HEADS.lower()}\n{ADA}\n\n".encode(),
        f"Nome (nome originale),E-mail,Join,Leave,Duration,Guest\n{ADA}".encode(),
        f"{HEADS}\n{ADA.replace(',64,', ',40,')}\nAda R,ADA@example.com,later,later,24,Yes\n".encode(),
        f"{HEADS},In Waiting Room\n{ADA},No\nBo,bo@example.com,x,y,3,Yes,Yes\n".encode(),
        b"Topic,Name (original name),Email,Join time,Leave time,Duration (minutes)\nPlenum," + ADA.encode(),
    ],
    ids=[
        *("plain", "byte order mark", "UTF-16 with mark", "UTF-16 without", "cp1252", "block about the meeting", "semicolons"),
        *("tabs", "heads in lower case", "Italian heads", "two rows of one", "only in the waiting room", "topic in each row"),
    ],
)
def test_a_report_is_read_whatever_its_clothes(report: bytes) -> None:
    assert read_report(report) == ADA_READ


def test_report_with_names_alone_accents_quotes_and_no_heads_that_are_known() -> None:
    report = 'Nom (nom d’origine);Durée\n"Chloé, Müller (Chloé)";12\n'.encode("cp1252")
    assert read_report(report) == [Participant("Chloé, Müller (Chloé)")]
    assert read_report(report)[0].names == ["chloé, müller (chloé)", "chloé, müller", "chloé"]


@pytest.mark.parametrize(
    ("report", "why"),
    [
        (b"", "The file is empty."),
        (b"\n \n", "The file is empty."),
        (b"PK\x03\x04 a workbook", "This is a workbook."),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\xff\xfe", "This is no text that can be read."),
        (b"\xff\xfe\x00\xd8\x00\xd8", "This is no text that can be read."),
        (b"first,last\nAda,Reader\n", "No column of names was found."),
        (f"{BLOCK}".encode(), "No column of names was found."),
        (f"{HEADS}\n".encode(), "The report names no participants."),
        (b"x" * (LARGEST_BYTES + 1), "The file is larger than 1 MB."),
        (f"{HEADS}\n{f'{ADA}{chr(10)}' * (MOST_ROWS + 40)}".encode(), "The file has more than 2,000 rows"),
        (f'{HEADS}\n"{"a" * 200_000}'.encode(), "The file is no proper CSV"),
    ],
    ids=[
        "empty",
        "blank",
        "Excel",
        "picture",
        "torn UTF-16",
        "another table",
        "block alone",
        "heads alone",
        "large",
        "long",
        "torn",
    ],
)
def test_a_bad_file_is_refused_in_plain_words(report: bytes, why: str) -> None:
    with pytest.raises(Unreadable, match=re.escape(why)):
        read_report(report)


def begun() -> LiveSession:
    """A session whose door has opened: from then on somebody may have come."""
    return make_live_session(starts_in=timedelta(minutes=5))


def send_file(desk: Client, live_session: LiveSession, *lines: str, heads: str = HEADS) -> Any:
    report = "\n".join([heads, *lines]).encode()
    file = SimpleUploadedFile("participants.csv", report, "text/csv")
    return desk.post(f"/admin/desk/sessions/{live_session.pk}/attendance/", {"report_file": file})


def line(name: str, email: str = "") -> str:
    return f"{name},{email},,,50,Yes"


def hidden(page: Any) -> dict[str, str]:
    """What the form of a page sends on."""
    return dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page.content.decode()))


def send_on(desk: Client, live_session: LiveSession, page: Any, **more: str) -> Any:
    fields = {name: value for name, value in hidden(page).items() if name != "csrfmiddlewaretoken"}
    return desk.post(f"/admin/desk/sessions/{live_session.pk}/attendance/", {**fields, **more})


def run() -> list[tuple[str, str, str]]:
    """The last job is done; each row, its state and what came of it."""
    job = Job.objects.latest("id")
    run_job(job_id=job.pk, now=clock.now())
    return list(job.items.values_list("about", "state", "outcome"))


def lead(page: Any) -> str:
    return re.findall(r'<p class="desk-lead"><strong>(.*?)</strong>', page.content.decode())[0]


@pytest.mark.django_db
def test_attendees_are_matched_by_address_then_by_name_shown_and_checked_in() -> None:
    live_session, desk = begun(), desk_of(staff_who_may(MAY, "desk.view_job"))
    by_email = make_guest_seat(live_session, make_user("Ada Reader", email="ada@example.com"))
    by_name = make_guest_seat(live_session, make_user("Bo  Chen"))
    absent = make_guest_seat(live_session, make_user("Cy Doe"))
    page = send_file(desk, live_session, line("iPad", "ADA@example.com"), line("BC (Bo Chen)", "home@example.org"))
    assert lead(page) == "Checks in 2 attendees."
    assert Seat.objects.filter(state="attended").count() == 0
    answer = send_on(desk, live_session, page, confirm="Do it")
    assert answer.headers["Location"] == f"/admin/desk/jobs/{Job.objects.get().public_id}/"
    assert run() == [
        ("Ada Reader, seat 1, by e-mail", "done", "Checked in."),
        ("Bo  Chen, seat 2, by name", "done", "Checked in."),
    ]
    for seat, state in ((by_email, "attended"), (by_name, "attended"), (absent, "confirmed")):
        seat.refresh_from_db()
        assert seat.state == state
    assert set(AuditEntry.objects.filter(verb="checked_in").values_list("reason", flat=True)) == {
        "In the report of the meeting's participants"
    }


@pytest.mark.django_db
def test_the_same_report_twice_changes_nothing() -> None:
    live_session, desk = begun(), desk_of()
    make_guest_seat(live_session, make_user("Ada Reader", email="ada@example.com"))
    page = send_file(desk, live_session, ADA)
    for _ in range(2):
        send_on(desk, live_session, page, confirm="Do it")
    assert Job.objects.count() == 1
    run()
    came = Seat.objects.get().entered_at
    page = send_file(desk, live_session, ADA)
    assert lead(page) == "Changes nothing."
    send_on(desk, live_session, page, confirm="Do it")
    assert run() == [("Ada Reader, seat 1, by e-mail", "done", "Was there already.")]
    assert (AuditEntry.objects.filter(verb="checked_in").count(), Seat.objects.get().entered_at) == (1, came)


@pytest.mark.django_db
def test_names_that_two_have_are_asked_about_and_matched_by_hand_or_left() -> None:
    live_session, desk = begun(), desk_of()
    one = make_guest_seat(live_session, make_user("Ada Reader", email="one@example.com"))
    two = make_guest_seat(live_session, make_user("Ada Reader", email="two@example.com"))
    page = send_file(desk, live_session, line("ada reader"), line("Stranger", "who@example.com"))
    html = page.content.decode()
    assert "Not found: 2. Say who they are, or leave them out." in html
    assert "Stranger, who@example.com, 50 min" in html
    preview = send_on(desk, live_session, page, match_0=str(two.pk), match_1="")
    assert lead(preview) == "Checks in 1 attendee."
    send_on(desk, live_session, preview, confirm="Do it")
    assert run() == [("Ada Reader, seat 2, by hand", "done", "Checked in.")]
    one.refresh_from_db()
    assert one.state == "confirmed"


@pytest.mark.django_db
def test_a_seat_of_another_session_is_not_matched_by_hand() -> None:
    live_session, desk = begun(), desk_of()
    other = make_guest_seat(begun())
    page = send_file(desk, live_session, line("Stranger"))
    answer = send_on(desk, live_session, page, match_0=str(other.pk), confirm="Do it")
    assert (answer.status_code, Job.objects.count()) == (400, 0)


@pytest.mark.django_db
def test_hosts_are_left_out_and_somebody_whose_seat_was_canceled_is_asked_about() -> None:
    live_session, desk = begun(), desk_of()
    Host.objects.update(email="mei@example.com")
    gone = make_guest_seat(live_session, make_user("Gone", email="gone@example.com"))
    cancel_seat_by_house(
        seat_id=gone.pk, actor=make_staff(), reason="They rang", restitution=Seat.Restitution.FULL, now=clock.now()
    )
    html = send_file(desk, live_session, line("Mei Lin"), line("M", "mei@example.com"), line("Gone", "gone@example.com"))
    assert "Left out, because they run the session: 2 hosts." in html.content.decode()
    assert "Gone, gone@example.com, 50 min" in html.content.decode()


@pytest.mark.django_db
def test_a_seat_that_is_canceled_before_the_job_gets_to_it_fails_and_the_others_are_done() -> None:
    live_session, desk = begun(), desk_of()
    gone = make_guest_seat(live_session, make_user("Gone", email="gone@example.com"))
    make_guest_seat(live_session, make_user("Ada Reader", email="ada@example.com"))
    page = send_file(desk, live_session, line("Gone", "gone@example.com"), ADA)
    send_on(desk, live_session, page, confirm="Do it")
    cancel_seat_by_house(
        seat_id=gone.pk, actor=make_staff(), reason="They rang", restitution=Seat.Restitution.FULL, now=clock.now()
    )
    assert run() == [
        ("Gone, seat 1, by e-mail", "failed", "The seat is not theirs any more."),
        ("Ada Reader, seat 2, by e-mail", "done", "Checked in."),
    ]


@pytest.mark.django_db
def test_who_is_moved_to_another_session_is_not_checked_in_there_by_the_report_of_this_one() -> None:
    live_session, other, desk = begun(), make_live_session(starts_in=timedelta(minutes=20)), desk_of()
    seat = make_guest_seat(live_session, make_user("Ada Reader", email="ada@example.com"))
    send_on(desk, live_session, send_file(desk, live_session, ADA), confirm="Do it")
    move_seat(seat_id=seat.pk, to_live_session_id=other.pk, actor=make_staff(), reason="They asked", now=clock.now())
    with time_machine.travel(other.starts_at + timedelta(minutes=1), tick=True):
        assert run() == [("Ada Reader, seat 1, by e-mail", "failed", "This seat is not in this session, or no longer.")]
    assert Seat.objects.get().state == "confirmed"


@pytest.mark.django_db
def test_a_bad_file_or_none_is_answered_in_words_and_nothing_is_done() -> None:
    live_session, desk = begun(), desk_of()
    address = f"/admin/desk/sessions/{live_session.pk}/attendance/"
    answer = send_file(desk, live_session, "Ada", heads="first,last")
    assert (answer.status_code, "No column of names was found." in answer.content.decode()) == (400, True)
    answer = desk.post(address, {})
    assert (answer.status_code, "Fill in: Report of participants (CSV)" in answer.content.decode()) == (400, True)
    answer = desk.post(address, {"report": "forged", "confirm": "Do it"})
    assert "Choose it again." in answer.content.decode()
    assert not Job.objects.exists()


@pytest.mark.django_db
def test_a_report_of_one_session_is_not_confirmed_for_another() -> None:
    live_session, other, desk = begun(), begun(), desk_of()
    make_guest_seat(other, make_user("Ada Reader", email="ada@example.com"))
    page = send_file(desk, live_session, ADA)
    assert "Choose it again." in send_on(desk, other, page, confirm="Do it").content.decode()
    assert not Job.objects.exists()


@pytest.mark.django_db
def test_nothing_is_imported_before_the_door_opens_nor_by_who_may_not() -> None:
    live_session = make_live_session()
    answer = send_file(desk_of(), live_session, ADA)
    assert (answer.status_code, "Nobody can have attended before." in answer.content.decode()) == (400, True)
    looker = desk_of(staff_who_may("desk.view_rosterseat"))
    assert send_file(looker, begun(), ADA).status_code == 403


@pytest.mark.django_db
def test_a_long_report_is_shown_with_few_questions_to_the_database() -> None:
    live_session, staff = begun(), staff_who_may(MAY)
    fill(live_session, 300, booker=staff, now=clock.now())
    desk = desk_of(staff)
    lines = [line(f"Reader {number}") for number in range(1, 301)]
    with CaptureQueriesContext(connection) as asked:
        page = send_file(desk, live_session, *lines)
    assert lead(page) == "Checks in 300 attendees."
    assert len(asked) <= 8, "\n".join(query["sql"] for query in asked.captured_queries)


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["<script>alert(1)</script>", '"=cmd(""calc"")"', "N" * 300])
def test_a_planted_name_in_a_report_comes_out_harmless(name: str) -> None:
    live_session, desk = begun(), desk_of()
    make_guest_seat(live_session)
    html = send_file(desk, live_session, line(name)).content.decode()
    assert ("<script>alert" in html, "Not found: 1." in html) == (False, True)
