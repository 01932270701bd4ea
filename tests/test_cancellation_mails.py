"""A canceled seat is told once to each who must know, and the calendar, the door and the reminders follow."""

from datetime import timedelta

import pytest
from django.test import Client

from redreport import clock
from redreport.outbox.deliver import deliver_mail
from redreport.outbox.models import OutgoingMail
from redreport.wording import full_day, house_day
from sessions_live.calendar import seat_request
from sessions_live.models import Seat
from sessions_live.operations.reminders import queue_due_reminders
from sessions_live.operations.seats import Attendee
from sessions_live.seat_links import DOOR
from subscriptions.mails import queue_payment_refunded
from subscriptions.models import Payment, Plan, Refund
from subscriptions.operations.cancel import cancel_live_session_and_settle
from subscriptions.operations.purchase import buy_seats
from subscriptions.selectors import current_price
from subscriptions.tasks import settle_canceled_seats
from tests.canceling import book, cancel, cancel_by_house
from tests.factories import make_credits, make_guest_seat, make_live_session, make_staff, make_user
from tests.fixtures_mail import MailServer
from tests.fixtures_shop import Shop
from tests.outbox_helpers import rendered_mail
from tests.test_calendar_entries import only_event

MONEY = "You get $250 back, to the card or account you paid with, usually within 5 to 10 days."


def mails() -> list[tuple[str, str]]:
    return list(OutgoingMail.objects.exclude(kind="seat_confirmed").order_by("kind").values_list("kind", "recipient"))


def seat_for_colleague(shop: Shop) -> Seat:
    live_session = make_live_session()
    buy_seats(
        user=make_user(),
        live_session_id=live_session.pk,
        attendees=[Attendee("Bo Chen", "bo@example.org")],
        price_id=current_price(Plan.SINGLE_SEAT).pk,
        now=clock.now(),
    )
    seat = Seat.objects.select_related("coverage__order", "booked_by", "live_session").get()
    assert seat.coverage.order is not None
    shop.pay(seat.coverage.order)
    shop.hear_all()
    OutgoingMail.objects.all().delete()
    seat.refresh_from_db()
    return seat


def test_reader_in_their_own_seat_gets_one_mail_that_says_all(shop: Shop) -> None:
    seat = shop.sell_seat()
    cancel(seat)
    assert mails() == [("seat_canceled", seat.attendee_email)]
    mail = rendered_mail("seat_canceled")
    assert mail.subject == f"Canceled: {seat.live_session.title}"
    for part in (mail.text, mail.html):
        assert "You canceled your seat in this session." in part
        assert MONEY in part


def test_booker_hears_of_the_money_and_the_colleague_does_not(shop: Shop) -> None:
    seat = seat_for_colleague(shop)
    cancel(seat)
    assert mails() == [("cancellation_receipt", seat.booked_by.email), ("seat_canceled", "bo@example.org")]
    receipt, to_colleague = rendered_mail("cancellation_receipt"), rendered_mail("seat_canceled")
    assert MONEY in receipt.text
    assert MONEY in receipt.html
    assert receipt.calendar is None
    for part in (to_colleague.text, to_colleague.html):
        assert "Whoever booked this seat for you canceled it." in part
        for kept_back in ("$", "credit", seat.booked_by.email, seat.booked_by.name):
            assert kept_back not in part, kept_back


@pytest.mark.django_db
def test_credit_that_returns_is_named_with_its_date() -> None:
    user = make_user()
    grant = make_credits(user, 2)
    cancel(book(user, make_live_session()))
    day = full_day(house_day(grant.expires_at))
    assert f"1 credit is back, good for sessions that start before {day}." in rendered_mail("seat_canceled").text


@pytest.mark.django_db
def test_late_cancellation_says_that_nothing_is_returned() -> None:
    user = make_user()
    make_credits(user)
    seat = book(user, make_live_session())
    cancel(seat, seat.live_session.cancel_cutoff_at)
    said = "Nothing is returned: the seat was canceled less than 24 hours before the start."
    assert said in rendered_mail("seat_canceled").text


@pytest.mark.django_db
def test_canceled_session_is_told_to_guests_of_the_house_without_talk_of_money() -> None:
    live_session, staff = make_live_session(), make_staff()
    make_guest_seat(live_session, staff=staff)
    cancel_live_session_and_settle(live_session_id=live_session.pk, actor=staff, reason="Ill", now=clock.now())
    settle_canceled_seats(now=clock.now())
    mail = rendered_mail("seat_canceled")
    assert "We canceled this session. We are sorry." in mail.text
    assert "returned" not in mail.text
    assert [kind for kind, _ in mails()] == ["seat_canceled"]


@pytest.mark.django_db
def test_calendar_lets_go_of_the_invitation() -> None:
    user = make_user()
    make_credits(user)
    seat = book(user, make_live_session())
    _, invited = only_event(seat_request(seat, clock.now()))
    cancel(seat)
    part = rendered_mail("seat_canceled").calendar
    assert part is not None
    assert part.method == "CANCEL"
    calendar, event = only_event(part.content)
    assert (calendar["METHOD"], event["STATUS"], str(event["UID"])) == ("CANCEL", "CANCELLED", str(invited["UID"]))
    assert event["SEQUENCE"] == Seat.objects.get().calendar_sequence == invited["SEQUENCE"] + 1
    assert (str(event["ATTENDEE"]), str(event["ORGANIZER"])) == (str(invited["ATTENDEE"]), str(invited["ORGANIZER"]))
    assert b"/door/" not in part.content


@pytest.mark.django_db
def test_canceled_seat_is_mailed_with_its_calendar_part(smtp_server: MailServer) -> None:
    user = make_user()
    make_credits(user)
    cancel(book(user, make_live_session()))
    mail = OutgoingMail.objects.get(kind="seat_canceled")
    deliver_mail(mail.pk, clock.now())
    body, attachment = smtp_server.mails[0].message.iter_parts()
    assert list(body.iter_parts())[2].get_param("method") == "CANCEL"
    assert attachment.get_filename() == "cancellation.ics"


@pytest.mark.django_db
def test_door_is_dead_and_reminders_and_confirmation_are_withheld() -> None:
    user = make_user()
    make_credits(user)
    seat = book(user, make_live_session())
    old_door = DOOR.url(seat)
    hour_before = seat.live_session.starts_at - timedelta(hours=1)
    queue_due_reminders(now=hour_before)
    cancel(seat, hour_before)
    for mail in OutgoingMail.objects.exclude(kind="seat_canceled"):
        deliver_mail(mail.pk, hour_before)
        mail.refresh_from_db()
        assert (mail.state, mail.reason) == ("withheld", "the seat is canceled")
    assert OutgoingMail.objects.filter(kind="reminder_1h").count() == 1
    seat.refresh_from_db()
    for address in (old_door, DOOR.url(seat)):
        assert Client().get(address.removeprefix("http://testserver")).status_code == 404


def test_refund_is_not_told_a_second_time_unless_it_is_made_anew(shop: Shop) -> None:
    seat = shop.sell_seat()
    coverage = cancel_by_house(seat)
    assert coverage.refund is not None
    assert coverage.order is not None
    assert coverage.refund.state == "succeeded"
    assert [kind for kind, _ in mails()] == ["seat_canceled"]
    anew = Refund.objects.create(
        payment=coverage.refund.payment,
        amount_minor=25000,
        currency="usd",
        reason=Refund.Reason.HOUSE_CANCELED,
        replaces=coverage.refund,
        created_at=clock.now(),
    )
    queue_payment_refunded(refund=anew, now=clock.now())
    assert [kind for kind, _ in mails()] == ["payment_refunded", "seat_canceled"]


def test_refund_that_failed_at_once_is_not_promised(shop: Shop) -> None:
    cancel(shop.sell_seat())
    Refund.objects.update(state=Refund.State.FAILED)
    Payment.objects.update(refunded_minor=0)
    text = rendered_mail("seat_canceled").text
    assert MONEY not in text
    assert "We tried to return $250, and your bank did not take it." in text
