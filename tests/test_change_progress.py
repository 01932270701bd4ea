"""What the desk sees of the work that a move or a cancellation set off."""

from datetime import timedelta

import pytest

from redreport import clock
from redreport.outbox.deliver import deliver_mail
from redreport.outbox.models import OutgoingMail
from sessions_live.models import Host, LiveSession, ScheduleChange, WaitlistEntry
from subscriptions.change_progress import ChangeProgress, change_progress
from subscriptions.models import Refund
from subscriptions.operations.cancel import cancel_live_session_and_settle
from subscriptions.tasks import settle_canceled_seats, sweep_refunds_task
from tests.canceling import book, cancel
from tests.factories import make_credits, make_guest_seat, make_live_session, make_staff, make_user
from tests.fixtures_mail import MailServer
from tests.fixtures_shop import Shop
from tests.moving import move


def call_off(live_session: LiveSession) -> ScheduleChange:
    cancel_live_session_and_settle(live_session_id=live_session.pk, actor=make_staff(), reason="Ill", now=clock.now())
    return ScheduleChange.objects.get(kind="canceled")


def deliver_all() -> None:
    for mail_id in OutgoingMail.objects.filter(state="queued").values_list("pk", flat=True):
        deliver_mail(mail_id, clock.now() + timedelta(hours=1))


@pytest.mark.django_db
def test_mails_of_a_move_are_counted_by_what_became_of_them(smtp_server: MailServer) -> None:
    live_session = make_live_session()
    live_session.hosts.add(Host.objects.create(name="Jo Hart", email="jo@example.com"))
    user = make_user()
    make_credits(user)
    leaves = book(user, live_session)
    make_guest_seat(live_session)
    WaitlistEntry.objects.create(live_session=live_session, user=make_user(), pay_by="money", joined_at=clock.now())
    change = move(live_session)
    progress = change_progress(change)
    assert (progress.mails_owed, progress.mails_waiting, progress.seats, progress.is_done) == (4, 4, 0, False)
    cancel(leaves)
    smtp_server.answer(550, stage="recipient", times=1)
    deliver_all()
    progress = change_progress(change)
    counted = (progress.mails_sent, progress.mails_withheld, progress.mails_failed, progress.mails_waiting)
    assert (sum(counted), progress.mails_withheld, progress.is_done) == (4, 1, True)


def test_a_cancellation_is_done_once_all_is_settled_refunded_and_told(shop: Shop, smtp_server: MailServer) -> None:
    live_session = make_live_session()
    shop.sell_seat(live_session=live_session)
    make_guest_seat(live_session)
    cancel(shop.sell_seat(live_session=live_session))
    deliver_all()
    change = call_off(live_session)
    assert change_progress(change) == ChangeProgress(0, 0, 0, 0, seats=2, seats_settled=0, refunds_under_way=0, refunds_failed=0)
    settle_canceled_seats(now=clock.now())
    assert change_progress(change) == ChangeProgress(2, 0, 0, 0, seats=2, seats_settled=2, refunds_under_way=1, refunds_failed=0)
    sweep_refunds_task()
    deliver_all()
    progress = change_progress(change)
    assert progress == ChangeProgress(2, 2, 0, 0, seats=2, seats_settled=2, refunds_under_way=0, refunds_failed=0)
    assert progress.is_done
    Refund.objects.filter(reason="house_canceled").update(state="failed")
    assert change_progress(change).refunds_failed == 1


@pytest.mark.django_db
def test_progress_asks_four_questions(django_assert_num_queries: object) -> None:
    live_session = make_live_session()
    for _ in range(3):
        make_guest_seat(live_session)
    change = call_off(live_session)
    with django_assert_num_queries(3):  # type: ignore[operator]
        change_progress(change)
