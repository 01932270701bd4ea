"""The mails about a session that was moved: everybody who has to do with it is told once, from the time they knew of."""

from datetime import timedelta

import pytest

from redreport import clock
from redreport.outbox import kinds
from redreport.outbox.deliver import deliver_mail
from redreport.outbox.models import OutgoingMail
from redreport.wording import house_time
from sessions_live.models import Seat, WaitlistEntry
from sessions_live.seat_links import CANT_COME, DOOR
from tests.canceling import cancel
from tests.factories import make_guest_seat, make_live_session, make_user
from tests.fixtures_mail import MailServer
from tests.moving import move, owed, seat_by_credit
from tests.outbox_helpers import rendered_mail
from tests.test_calendar_entries import only_event


def deliver_all() -> list[tuple[str, str, str]]:
    """Every mail is tried once; what became of each."""
    for mail_id in OutgoingMail.objects.filter(state="queued").order_by("id").values_list("pk", flat=True):
        deliver_mail(mail_id, clock.now())
    return list(OutgoingMail.objects.order_by("id").values_list("kind", "state", "reason"))


@pytest.mark.django_db
def test_attendee_reads_the_old_and_the_new_time_and_keeps_the_door() -> None:
    live_session = make_live_session()
    seat = seat_by_credit(live_session)
    before, door = live_session.starts_at, DOOR.url(seat)
    move(live_session, message="The host is in Beijing that day.")
    assert owed() == [("session_moved", seat.attendee_email)]
    mail = rendered_mail("session_moved")
    assert mail.subject == f"New time: {live_session.title}"
    for part in (mail.text, mail.html):
        for said in (house_time(before), house_time(live_session.starts_at), door, "The host is in Beijing that day."):
            assert said in part
        assert "you get back in full what it cost" in part
        assert f"/seats/{seat.public_id}/cancel/" in part


@pytest.mark.django_db
def test_guest_of_the_house_is_told_where_to_say_no_and_nothing_of_money() -> None:
    live_session = make_live_session()
    seat = make_guest_seat(live_session)
    move(live_session)
    mail = rendered_mail("session_moved")
    for part in (mail.text, mail.html):
        assert CANT_COME.url(seat) in part
        assert "what it cost" not in part


@pytest.mark.django_db
def test_calendar_moves_the_same_entry() -> None:
    live_session = make_live_session()
    seat = seat_by_credit(live_session)
    confirmed = rendered_mail("seat_confirmed").calendar
    assert confirmed is not None
    _, invited = only_event(confirmed.content)
    move(live_session)
    part = rendered_mail("session_moved").calendar
    assert part is not None
    assert part.method == "REQUEST"
    _, event = only_event(part.content)
    assert (str(event["UID"]), event["SEQUENCE"]) == (str(invited["UID"]), invited["SEQUENCE"] + 1)
    told = [moment.replace(microsecond=0) for moment in (live_session.starts_at, live_session.ends_at)]
    assert [event.decoded("dtstart"), event.decoded("dtend")] == told
    seat.refresh_from_db()
    assert (seat.calendar_sequence, seat.door_version) == (1, 0)


@pytest.mark.django_db
def test_confirmation_of_the_old_time_that_was_not_sent_yet_is_withheld(smtp_server: MailServer) -> None:
    live_session = make_live_session()
    seat_by_credit(live_session)
    move(live_session)
    assert deliver_all() == [("seat_confirmed", "withheld", "the session was moved"), ("session_moved", "sent", "")]
    [sent] = smtp_server.mails
    assert house_time(live_session.starts_at) in sent.part("text/plain")
    assert OutgoingMail.objects.get(kind="session_moved").sent_bytes is None


@pytest.mark.django_db
def test_moved_twice_before_anybody_was_told_is_one_mail_that_starts_from_the_time_they_knew(smtp_server: MailServer) -> None:
    live_session = make_live_session()
    seat_by_credit(live_session)
    deliver_all()
    known = live_session.starts_at
    move(live_session)
    never_told = live_session.starts_at
    move(live_session)
    assert [state for _, state, _ in deliver_all()] == ["sent", "withheld", "sent"]
    text = smtp_server.mails[-1].part("text/plain")
    assert f"It was to start: {house_time(known)}" in text
    assert house_time(never_told) not in text


@pytest.mark.django_db
def test_moved_twice_and_told_twice_each_mail_starts_from_the_one_before(smtp_server: MailServer) -> None:
    live_session = make_live_session()
    seat_by_credit(live_session)
    move(live_session)
    deliver_all()
    told = live_session.starts_at
    move(live_session)
    deliver_all()
    assert f"It was to start: {house_time(told)}" in smtp_server.mails[-1].part("text/plain")


@pytest.mark.django_db
def test_moved_there_and_back_before_anybody_was_told_says_that_it_is_back() -> None:
    live_session = make_live_session()
    seat_by_credit(live_session)
    move(live_session)
    move(live_session, -timedelta(days=2))
    mail = OutgoingMail.objects.get(kind="session_moved", schedule_version=2)
    text = kinds.find("session_moved").render(mail).text
    assert "We had moved this session, and have moved it back." in text
    assert "It was to start" not in text


@pytest.mark.django_db
def test_another_length_alone_is_told_as_such() -> None:
    live_session = make_live_session()
    seat_by_credit(live_session)
    move(live_session, timedelta(0), minutes=90)
    text = rendered_mail("session_moved").text
    assert text.startswith("A new length for your session")
    assert "Length: 90 minutes" in text
    assert "It was to start" not in text


@pytest.mark.django_db
def test_booker_of_colleagues_gets_one_mail_with_a_way_out_for_each_seat_and_the_house_none() -> None:
    live_session = make_live_session()
    seats = [seat_by_credit(live_session) for _ in range(2)]
    booker = seats[0].booked_by
    for number, seat in enumerate(seats):
        Seat.objects.filter(pk=seat.pk).update(booked_by=booker, attendee_email=f"colleague{number}@example.org")
    make_guest_seat(live_session)
    move(live_session)
    assert [(kind, to) for kind, to in owed() if kind == "booking_moved"] == [("booking_moved", booker.email)]
    mail = rendered_mail("booking_moved")
    for part in (mail.text, mail.html):
        assert [f"/seats/{seat.public_id}/cancel/" in part for seat in seats] == [True, True]
        assert "/door/" not in part
    to_colleague = OutgoingMail.objects.filter(kind="session_moved").order_by("id")
    assert [mail.recipient for mail in to_colleague][:2] == ["colleague0@example.org", "colleague1@example.org"]


@pytest.mark.django_db
def test_reader_who_waits_is_told_and_one_who_left_meanwhile_is_not(smtp_server: MailServer) -> None:
    live_session = make_live_session()
    entries = [
        WaitlistEntry.objects.create(live_session=live_session, user=make_user(), pay_by="money", joined_at=clock.now())
        for _ in range(2)
    ]
    move(live_session)
    WaitlistEntry.objects.filter(pk=entries[1].pk).update(state="withdrawn", closed_at=clock.now())
    assert deliver_all() == [
        ("waitlist_moved", "sent", ""),
        ("waitlist_moved", "withheld", "the reader does not wait any more: withdrawn"),
    ]
    assert smtp_server.mails[0].recipients == [entries[0].user.email]
    assert house_time(live_session.starts_at) in smtp_server.mails[0].part("text/plain")


@pytest.mark.django_db
def test_seat_canceled_between_the_move_and_the_mail_is_not_told_a_new_time() -> None:
    live_session = make_live_session()
    seat = seat_by_credit(live_session)
    move(live_session)
    cancel(seat)
    mail = OutgoingMail.objects.get(kind="session_moved")
    deliver_mail(mail.pk, clock.now())
    mail.refresh_from_db()
    assert (mail.state, mail.reason) == ("withheld", "the seat is canceled")


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["booking_moved", "waitlist_moved", "host_moved"])
def test_moved_twice_before_they_were_told_others_too_start_from_the_time_they_knew(kind: str) -> None:
    live_session = make_live_session()
    Seat.objects.filter(pk=seat_by_credit(live_session).pk).update(attendee_email="colleague@example.org")
    WaitlistEntry.objects.create(live_session=live_session, user=make_user(), pay_by="money", joined_at=clock.now())
    live_session.hosts.update(email="host@example.com")
    known = live_session.starts_at
    move(live_session)
    never_told = live_session.starts_at
    move(live_session)
    mail = OutgoingMail.objects.get(kind=kind, schedule_version=2)
    text = kinds.find(kind).render(mail).text
    assert f"It was to start: {house_time(known)}" in text
    assert house_time(never_told) not in text
