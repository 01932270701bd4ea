"""Staff write to everybody on a roster: each once, in these words, and to nobody who has left meanwhile."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from redreport import clock
from redreport.audit.models import AuditEntry
from redreport.desk.announcements import NotAnnounceable, announce, paragraphs_with_links
from redreport.desk.models import Announcement
from redreport.outbox import kinds
from redreport.outbox.deliver import deliver_mail
from redreport.outbox.models import OutgoingMail
from sessions_live.models import LiveSession, Seat, WaitlistEntry
from sessions_live.operations.waitlist import leave_waitlist
from subscriptions.operations.cancel import cancel_live_session_and_settle
from subscriptions.operations.seat_moves import move_seat
from tests.canceling import cancel_by_house
from tests.factories import make_guest_seat, make_live_session, make_staff, make_user
from tests.fixtures_mail import MailServer
from tests.fixtures_shop import Shop
from tests.handing_over import hand_over
from tests.killing import killed_scenes, operate_in_two_processes
from tests.outbox_helpers import rendered_mail
from tests.parties import BO
from tests.staff import desk_of, staff_who_may
from tests.waiting import sold_out_session, waits
from tests.wizards import Walk

ANNOUNCE = "desk_announce"
WORDS = {"subject": "Bring your questions", "body": "Dear readers,\n\nthe paper is at https://example.com/paper.\nSee you."}


def tell(live_session: LiveSession, *, to_waiting: bool = False, **words: str) -> Announcement:
    return announce(
        live_session_id=live_session.pk,
        request_id=uuid.uuid4(),
        to_waiting=to_waiting,
        actor=make_staff(),
        now=clock.now(),
        **{**WORDS, **words},
    )


def told() -> list[str]:
    """Who is owed an announcement, by address."""
    return sorted(OutgoingMail.objects.filter(kind="announcement").values_list("recipient", flat=True))


def walk_of(live_session: LiveSession, **form: Any) -> Walk:
    return Walk(desk_of(), ANNOUNCE, live_session, **{**WORDS, **form})


@pytest.mark.django_db
def test_who_has_a_seat_is_told_and_who_is_only_paying_or_waiting_is_not() -> None:
    live_session = sold_out_session(capacity=2)
    paying = make_guest_seat_that_is_held(live_session)
    reader = waits(live_session)
    announcement = tell(live_session)
    going = sorted(Seat.objects.filter(state="confirmed").values_list("attendee_email", flat=True))
    assert told() == going
    assert not {paying.attendee_email, reader.email} & set(told())
    trace = AuditEntry.objects.get(verb="announced")
    assert (trace.actor, trace.target_id, trace.detail) == (
        announcement.made_by,
        str(announcement.pk),
        {"mails": 2, "to_waiting": False},
    )


def make_guest_seat_that_is_held(live_session: LiveSession) -> Seat:
    LiveSession.objects.filter(pk=live_session.pk).update(capacity=live_session.capacity + 1)
    seat = make_guest_seat(live_session)
    Seat.objects.filter(pk=seat.pk).update(state="held", hold_expires_at=clock.now() + timedelta(hours=1))
    return seat


@pytest.mark.django_db
def test_who_waits_is_told_too_if_so_wished_and_nobody_twice() -> None:
    live_session = sold_out_session()
    reader = waits(live_session)
    seated = waits(live_session)
    Seat.objects.update(attendee_email=seated.email.upper())
    walk = walk_of(live_session, to_waiting="on")
    page = walk.look().text
    assert (walk.values["going"], walk.values["waiting"]) == (1, 1)
    assert "1 who has a seat, and 1 who waits for one." in page
    walk.confirm()
    assert told() == sorted([reader.email, seated.email.upper()])
    to_reader = OutgoingMail.objects.get(kind="announcement", recipient=reader.email)
    assert "because you are on the waitlist" in kinds.find("announcement").render(to_reader).text


@pytest.mark.django_db
def test_second_click_is_the_same_announcement_and_a_new_form_of_the_same_words_says_so_first() -> None:
    live_session = make_live_session()
    make_guest_seat(live_session)
    walk = walk_of(live_session)
    first = walk.walk()
    assert walk.confirm().headers["Location"] == first.headers["Location"]
    assert (Announcement.objects.count(), len(told())) == (1, 1)
    assert "The same words were sent to this session before" in walk.look().text
    walk.confirm()
    assert (Announcement.objects.count(), len(told())) == (2, 2)


@pytest.mark.django_db
def test_mail_says_the_words_as_they_were_typed_and_nothing_in_them_is_html() -> None:
    live_session = make_live_session()
    make_guest_seat(live_session)
    walk = walk_of(
        live_session, body="Read <b>this</b> & <script>alert(1)</script>:\r\nhttps://example.com/a?b=1&c=2.\r\n\r\nBye"
    )
    [shown] = [mail.rendered for mail in walk.look().context["mails"]]
    walk.confirm()
    sent = rendered_mail("announcement")
    assert (sent.subject, shown.text, shown.html) == ("Bring your questions", sent.text, sent.html)
    assert "Read <b>this</b> & <script>alert(1)</script>:\nhttps://example.com/a?b=1&c=2.\n\nBye\n" in sent.text
    assert "<script" not in sent.html
    assert "Read &lt;b&gt;this&lt;/b&gt; &amp;" in sent.html
    assert 'href="https://example.com/a?b=1&amp;c=2"' in sent.html
    assert Announcement.objects.get().body.count("\r") == 0


@pytest.mark.parametrize(
    ("body", "html"),
    [
        ("One\ntwo\n\n\nthree", "<p>One<br>two</p>\n<p>three</p>"),
        ("javascript:alert(1) data:text/html,x", "<p>javascript:alert(1) data:text/html,x</p>"),
        ('"https://a.example/"onclick="x', "<p>&quot;{a}&quot;onclick=&quot;x</p>"),
        ("(https://a.example/)", "<p>({a})</p>"),
        ("https://a.example/<i>", "<p>{a}&lt;i&gt;</p>"),
        ("https://", "<p>https://</p>"),
    ],
)
def test_text_becomes_paragraphs_with_links_and_never_more(body: str, html: str) -> None:
    link = '<a class="ink" href="https://a.example/" style="color:#1a1614;">https://a.example/</a>'
    assert paragraphs_with_links(body) == html.replace("{a}", link)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"subject": "Hi\r\nBcc: all@example.com"}, "Write this on one line"),
        ({"subject": ""}, "Fill in: Subject"),
        ({"subject": "x" * 121}, "120"),
        ({"body": ""}, "Fill in: Text"),
        ({"body": "x" * 4001}, "4000"),
        ({"body": "a\x1bb"}, "There are control characters in this text."),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_sent(changes: dict[str, str], words: str) -> None:
    live_session = make_live_session()
    make_guest_seat(live_session)
    walk = walk_of(live_session)
    page = walk.look(**changes)
    assert (page.status_code, words in page.text) == (400, True)
    kept = "Bring your questions" if "body" in changes else "Dear readers,"
    assert kept in page.text
    assert walk.confirm(**changes).status_code == 400
    assert Announcement.objects.count() == 0


@pytest.mark.django_db
def test_subject_with_a_line_break_is_refused_by_the_operation_too() -> None:
    live_session = make_live_session()
    make_guest_seat(live_session)
    with pytest.raises(ValidationError):
        tell(live_session, subject="Hi\nBcc: all@example.com")
    assert told() == []


@pytest.mark.django_db
def test_who_left_handed_over_or_lost_the_session_meanwhile_gets_nothing(smtp_server: MailServer) -> None:
    live_session = make_live_session()
    stays, leaves, hands_over = (make_guest_seat(live_session) for _ in range(3))
    OutgoingMail.objects.all().delete()
    tell(live_session)
    cancel_by_house(leaves)
    hand_over(hands_over, BO)
    assert became_of_announcements() == {
        stays.attendee_email: ("sent", ""),
        leaves.attendee_email: ("withheld", "the seat is canceled"),
        hands_over.attendee_email: ("withheld", "the seat was handed over"),
    }
    tell(live_session)
    cancel_live_session_and_settle(live_session_id=live_session.pk, actor=make_staff(), reason="Ill", now=clock.now())
    assert became_of_announcements()[stays.attendee_email] == ("withheld", "the session is canceled")


@pytest.mark.django_db
def test_who_does_not_wait_any_more_gets_nothing(smtp_server: MailServer) -> None:
    live_session = sold_out_session()
    waiting, gone = waits(live_session), waits(live_session)
    OutgoingMail.objects.all().delete()
    tell(live_session, to_waiting=True)
    leave_waitlist(user=gone, live_session_id=live_session.pk, now=clock.now())
    became = became_of_announcements()
    assert became[waiting.email] == ("sent", "")
    assert became[gone.email] == ("withheld", "the reader does not wait any more: withdrawn")


@pytest.mark.django_db
def test_what_was_said_of_a_session_is_not_sent_once_it_is_over_and_what_is_said_after_it_is(smtp_server: MailServer) -> None:
    live_session = sold_out_session()
    reader = waits(live_session)
    OutgoingMail.objects.all().delete()
    tell(live_session, to_waiting=True)
    LiveSession.objects.update(starts_at=clock.now() - timedelta(hours=5))
    Announcement.objects.update(made_at=clock.now() - timedelta(hours=6))
    seat = Seat.objects.get()
    assert became_of_announcements() == {
        seat.attendee_email: ("missed", "the session is over"),
        reader.email: ("missed", "the session is over"),
    }
    tell(live_session, subject="The replay comes tomorrow")
    assert became_of_announcements()[seat.attendee_email] == ("sent", "")


def became_of_announcements() -> dict[str, tuple[str, str]]:
    """Each announced mail is tried once; by address, what became of the last one."""
    mails = OutgoingMail.objects.filter(kind="announcement").order_by("id")
    for mail_id in mails.filter(state="queued").values_list("pk", flat=True):
        deliver_mail(mail_id, clock.now())
    return {mail.recipient: (mail.state, mail.reason) for mail in mails}


@pytest.mark.django_db
def test_reply_goes_to_the_desk_and_what_was_sent_is_kept(smtp_server: MailServer, settings: Any) -> None:
    live_session = make_live_session()
    make_guest_seat(live_session)
    OutgoingMail.objects.all().delete()
    tell(live_session)
    became_of_announcements()
    [received] = smtp_server.mails
    assert received.message["Reply-To"] == settings.MAIL_REPLY_TO
    mail = OutgoingMail.objects.get(kind="announcement")
    assert (mail.subject, bytes(mail.sent_bytes or b"")) == ("Bring your questions", received.raw)


@pytest.mark.django_db
@pytest.mark.parametrize(("state", "why"), [("drafted", "Readers do not see it yet"), ("canceled", "It is canceled")])
def test_session_of_which_nobody_can_be_told_anything_is_refused(state: str, why: str) -> None:
    live_session = make_live_session()
    make_guest_seat(live_session)
    LiveSession.objects.update(state=state)
    with pytest.raises(NotAnnounceable, match=why):
        tell(live_session)
    live_session.refresh_from_db()
    walk = walk_of(live_session)
    assert all(why in page.text for page in (walk.desk.get(walk.address), walk.look(), walk.confirm()))
    assert Announcement.objects.count() == 0


@pytest.mark.django_db
def test_empty_roster_is_told_nothing() -> None:
    live_session = make_live_session()
    with pytest.raises(NotAnnounceable, match="Nobody has a seat"):
        tell(live_session)
    page = walk_of(live_session).look()
    assert (page.status_code, "there is nobody to write to" in page.text) == (400, True)
    assert (Announcement.objects.count(), AuditEntry.objects.filter(verb="announced").count()) == (0, 0)


@pytest.mark.django_db
def test_wrong_name_sends_nothing_and_keeps_every_word() -> None:
    live_session = make_live_session()
    make_guest_seat(live_session)
    walk = walk_of(live_session)
    walk.look()
    page = walk.confirm("Reading")
    assert (page.status_code, Announcement.objects.count()) == (400, 0)
    assert "Dear readers,\n\nthe paper is at https://example.com/paper.\nSee you." in page.text


@pytest.mark.django_db
def test_staff_without_the_permission_are_refused_by_the_server_at_every_step() -> None:
    live_session = make_live_session()
    make_guest_seat(live_session)
    walk = Walk(desk_of(staff_who_may("sessions_live.change_livesession")), ANNOUNCE, live_session, **WORDS)
    assert [walk.desk.get(walk.address).status_code, walk.look().status_code, walk.confirm().status_code] == [403, 403, 403]
    walk = Walk(desk_of(staff_who_may("desk.add_announcement")), ANNOUNCE, live_session, **WORDS)
    assert walk.walk().status_code == 302
    assert len(told()) == 1


@pytest.mark.django_db
def test_a_hundred_are_told_in_as_many_statements_as_ten() -> None:
    staff, asked = make_staff(), []
    desk = desk_of(staff)
    desk.get(reverse("admin:index"))
    for count in (10, 100):
        live_session = make_live_session(capacity=200)
        for _ in range(count):
            make_guest_seat(live_session, staff=staff)
        now, readers = clock.now(), [make_user() for _ in range(count)]
        WaitlistEntry.objects.bulk_create(
            WaitlistEntry(live_session=live_session, user=reader, pay_by="money", joined_at=now) for reader in readers
        )
        walk = Walk(desk, ANNOUNCE, live_session, to_waiting="on", **WORDS)
        for step in (walk.look, walk.confirm):
            with CaptureQueriesContext(connection) as captured:
                assert step().status_code in (200, 302)
            asked.append(len(captured))
    assert len(told()) == 220
    assert asked[:2] == asked[2:]


def test_killed_at_any_step_and_clicked_again_everybody_is_told_once(shop: Shop) -> None:
    staff = make_staff()

    def prepare() -> tuple[LiveSession, uuid.UUID]:
        live_session = make_live_session()
        for _ in range(3):
            make_guest_seat(live_session, staff=staff)
        return live_session, uuid.uuid4()

    def click(scene: tuple[LiveSession, uuid.UUID]) -> None:
        live_session, number = scene
        announce(live_session_id=live_session.pk, request_id=number, to_waiting=False, actor=staff, now=clock.now(), **WORDS)

    scenes = list(killed_scenes(prepare, click, again=click))
    assert len(scenes) >= 3
    scenes.append(prepare())
    operate_in_two_processes(lambda: click(scenes[-1]))
    for live_session, number in scenes:
        announcement = Announcement.objects.get(public_id=number)
        going = sorted(live_session.seats.values_list("attendee_email", flat=True))
        mails = OutgoingMail.objects.filter(key__startswith=f"announcement:{announcement.pk}:")
        assert sorted(mails.values_list("recipient", flat=True)) == going
        assert AuditEntry.objects.filter(verb="announced", target_id=str(announcement.pk)).count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("which", ["9" * 5000, "²", "-1", "\x00", ""])
def test_mail_that_is_not_there_is_answered_with_the_first(which: str) -> None:
    live_session = make_live_session()
    make_guest_seat(live_session)
    walk = walk_of(live_session)
    shown = walk.look(show=which)
    assert (shown.status_code, shown["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert shown.content == walk.look(show="0").content


@pytest.mark.django_db
def test_who_was_moved_to_another_session_before_it_was_sent_does_not_get_it() -> None:
    live_session, other = make_live_session(), make_live_session()
    seat = make_guest_seat(live_session)
    tell(live_session)
    mail = OutgoingMail.objects.get(kind="announcement")
    move_seat(seat_id=seat.pk, to_live_session_id=other.pk, actor=make_staff(), reason="They asked", now=clock.now())
    verdict = kinds.find("announcement").guard(mail, clock.now())
    assert (verdict.action, verdict.reason) == ("withhold", "the seat was moved to another session")
