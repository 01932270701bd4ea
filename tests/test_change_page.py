"""The pages on which staff watch what a move, a cancellation or an announcement set off, and what they say of what failed."""

import uuid
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from redreport import clock
from redreport.desk.announcements import announce
from redreport.desk.models import Announcement
from redreport.outbox.models import OutgoingMail
from sessions_live.models import LiveSession, ScheduleChange
from subscriptions.models import Refund
from subscriptions.operations.cancel import cancel_live_session_and_settle
from subscriptions.tasks import settle_canceled_seats, sweep_refunds_task
from tests.factories import make_guest_seat, make_live_session, make_staff
from tests.fixtures_mail import MailServer
from tests.fixtures_shop import Shop
from tests.moving import move
from tests.staff import desk_of, staff_who_may
from tests.test_change_progress import deliver_all

REFRESH = '<meta http-equiv="refresh"'


def page_of(change: ScheduleChange, desk: Client | None = None) -> Any:
    return (desk or desk_of()).get(reverse("admin:desk_change", args=[change.pk]))


def page_of_announcement(announcement: Announcement, desk: Client | None = None) -> Any:
    return (desk or desk_of()).get(reverse("admin:desk_announcement", args=[announcement.public_id]))


def call_off(live_session: LiveSession) -> ScheduleChange:
    cancel_live_session_and_settle(live_session_id=live_session.pk, actor=make_staff(), reason="Flu", now=clock.now())
    return ScheduleChange.objects.get(kind="canceled")


def tell(live_session: LiveSession) -> Announcement:
    return announce(
        live_session_id=live_session.pk,
        request_id=uuid.uuid4(),
        subject="Bring your questions",
        body="Dear <b>readers</b>",
        to_waiting=False,
        actor=make_staff(),
        now=clock.now(),
    )


@pytest.mark.django_db
def test_page_of_a_move_counts_its_mails_and_refreshes_itself_until_none_is_left(smtp_server: MailServer) -> None:
    live_session = make_live_session()
    seats = [make_guest_seat(live_session) for _ in range(3)]
    deliver_all()
    change = move(live_session, message="We are sorry.")
    page = page_of(change)
    assert (REFRESH in page.text, "it goes on without you" in page.text) == (True, True)
    assert (page.context["progress"].mails_owed, page.context["progress"].mails_waiting) == (3, 3)
    smtp_server.answer(550, stage="recipient", times=1)
    deliver_all()
    page = page_of(change)
    progress = page.context["progress"]
    assert (progress.mails_sent, progress.mails_failed, REFRESH in page.text) == (2, 1, False)
    failed = OutgoingMail.objects.get(state="failed")
    assert failed.recipient in [seat.attendee_email for seat in seats]
    assert "1 mail did not arrive" in page.text
    assert f'href="{reverse("admin:outbox_outgoingmail_change", args=[failed.pk])}">{failed.recipient}</a>' in page.text
    assert "Done, but for what failed" in page.text


def test_page_of_a_cancellation_says_what_was_settled_and_which_refund_failed(shop: Shop, smtp_server: MailServer) -> None:
    live_session = make_live_session()
    for _ in range(2):
        shop.sell_seat(live_session=live_session)
    make_guest_seat(live_session)
    shop.hold_seat(live_session=live_session)
    deliver_all()
    change = call_off(live_session)
    page = page_of(change).text
    assert ("0 of 3" in page, REFRESH in page, "Seats still held for a payment" in page) == (True, True, True)
    settle_canceled_seats(now=clock.now())
    sweep_refunds_task()
    deliver_all()
    page = page_of(change).text
    assert ("3 of 3" in page, REFRESH in page, "All of it is done." in page) == (True, False, True)
    assert "<dt>Refunded</dt><dd>2 seats, $500</dd>" in page
    assert "<dt>Nothing to give back</dt><dd>1 seat</dd>" in page
    refund = Refund.objects.earliest("id")
    Refund.objects.filter(pk=refund.pk).update(state="failed", error="The card is closed")
    page = page_of(change).text
    assert "1 refund failed" in page
    assert reverse("admin:subscriptions_refund_change", args=[refund.pk]) in page
    assert "The card is closed" in page


@pytest.mark.django_db
def test_page_of_an_announcement_counts_its_own_mails_alone(smtp_server: MailServer) -> None:
    live_session = make_live_session()
    make_guest_seat(live_session)
    deliver_all()
    first, second = tell(live_session), tell(live_session)
    OutgoingMail.objects.filter(key__startswith=f"announcement:{second.pk}:").update(state="failed", reason="550")
    page = page_of_announcement(first).text
    assert (REFRESH in page, "did not arrive" in page, "Dear &lt;b&gt;readers&lt;/b&gt;" in page) == (True, False, True)
    deliver_all()
    assert "All of it is done." in page_of_announcement(first).text
    page = page_of_announcement(second).text
    assert (REFRESH in page, "1 mail did not arrive" in page) == (False, True)


@pytest.mark.django_db
def test_sessions_list_names_each_change_and_announcement_with_the_way_to_its_page() -> None:
    live_session = make_live_session()
    make_guest_seat(live_session)
    moved, told = move(live_session), tell(live_session)
    canceled = call_off(live_session)
    page = desk_of().get(reverse("admin:desk_changes", args=[live_session.pk])).text
    for address in (
        reverse("admin:desk_change", args=[moved.pk]),
        reverse("admin:desk_change", args=[canceled.pk]),
        reverse("admin:desk_announcement", args=[told.public_id]),
    ):
        assert f'href="{address}"' in page
    assert reverse("admin:desk_move_session", args=[live_session.pk]) not in page


@pytest.mark.django_db
def test_who_may_see_rosters_alone_sees_counts_and_neither_money_nor_addresses() -> None:
    live_session = make_live_session()
    seat = make_guest_seat(live_session)
    change, told = call_off(live_session), tell_before_the_end(live_session)
    settle_canceled_seats(now=clock.now())
    OutgoingMail.objects.update(state="failed", reason="550")
    looker = desk_of(staff_who_may("desk.view_rosterseat"))
    for page in (page_of(change, looker), page_of_announcement(told, looker)):
        assert (page.status_code, "did not arrive" in page.text) == (200, True)
        assert seat.attendee_email not in page.text
        assert "Nothing to give back" not in page.text
    stranger = desk_of(staff_who_may("sessions_live.view_livesession"))
    assert [page_of(change, stranger).status_code, page_of_announcement(told, stranger).status_code] == [403, 403]


def tell_before_the_end(live_session: LiveSession) -> Announcement:
    told = Announcement.objects.create(
        live_session=live_session, subject="Hello", body="Dear all", made_by=make_staff(), made_at=clock.now()
    )
    email = live_session.seats.get().attendee_email
    OutgoingMail.objects.create(kind="announcement", key=f"announcement:{told.pk}:1", recipient=email, due_at=clock.now())
    return told


@pytest.mark.django_db
@pytest.mark.parametrize("what", ["move", "cancellation", "announcement"])
def test_page_asks_no_more_for_a_hundred_failed_mails_than_for_ten(what: str) -> None:
    staff, asked = make_staff(), []
    desk = desk_of(staff)
    desk.get(reverse("admin:index"))
    for count in (10, 100):
        live_session = make_live_session(capacity=200)
        for _ in range(count):
            make_guest_seat(live_session, staff=staff)
        if what == "announcement":
            address = reverse("admin:desk_announcement", args=[tell(live_session).public_id])
        elif what == "move":
            address = reverse("admin:desk_change", args=[move(live_session).pk])
        else:
            call_off(live_session)
            address = reverse("admin:desk_change", args=[live_session.schedule_changes.get().pk])
            settle_canceled_seats(now=clock.now())
        OutgoingMail.objects.exclude(kind="seat_confirmed").update(state="failed", reason="550")
        with CaptureQueriesContext(connection) as captured:
            page = desk.get(address)
        assert f"{count} mails did not arrive" in page.text
        asked.append(len(captured))
        ScheduleChange.objects.all().delete()
    assert asked[0] == asked[1]


@pytest.mark.django_db
def test_pages_are_only_read() -> None:
    live_session = make_live_session()
    make_guest_seat(live_session)
    desk = desk_of()
    change, told = move(live_session), tell(live_session)
    for address in (
        reverse("admin:desk_change", args=[change.pk]),
        reverse("admin:desk_announcement", args=[told.public_id]),
        reverse("admin:desk_changes", args=[live_session.pk]),
    ):
        assert desk.post(address).status_code == 405
