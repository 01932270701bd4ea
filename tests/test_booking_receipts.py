"""Whoever books a seat for somebody else gets the papers; the attendee gets the door."""

import pytest

from redreport import clock
from redreport.outbox import kinds
from redreport.outbox.models import OutgoingMail
from sessions_live.models import Seat
from sessions_live.operations.seats import Attendee
from sessions_live.seat_links import CANT_COME, DOOR
from subscriptions.models import Order, Plan
from subscriptions.operations.booking import book_with_credit
from subscriptions.operations.purchase import buy_seats
from subscriptions.selectors import current_price
from tests.canceling import cancel
from tests.factories import make_credits, make_guest_seat, make_live_session, make_staff, make_user
from tests.fixtures_shop import Shop
from tests.parties import BO, CY, party_of

COLLEAGUE = Attendee("Bo Chen", "bo@example.org", "Hill & Co")


def bought_for_colleague(shop: Shop) -> Order:
    buy_seats(
        user=make_user(),
        live_session_id=make_live_session().pk,
        attendees=[COLLEAGUE],
        price_id=current_price(Plan.SINGLE_SEAT).pk,
        now=clock.now(),
    )
    order = Order.objects.get()
    shop.pay(order)
    shop.hear_all()
    order.refresh_from_db()
    return order


def parts_of(kind: str, recipient: str) -> tuple[str, str]:
    mail = OutgoingMail.objects.get(kind=kind, recipient=recipient)
    rendered = kinds.find(kind).render(mail)
    return rendered.text, rendered.html


def test_booker_gets_a_receipt_without_any_door(shop: Shop) -> None:
    order = bought_for_colleague(shop)
    assert order.live_session is not None
    assert order.invoice_pdf_url
    for part in parts_of("booking_receipt", order.subscriber.user.email):
        for said in (
            order.live_session.title,
            "Bo Chen",
            "bo@example.org",
            "$250",
            order.number,
            order.invoice_pdf_url,
            "Until ",
        ):
            assert said in part, said
        assert "/door/" not in part


def test_colleague_gets_the_door_without_the_papers(shop: Shop) -> None:
    order = bought_for_colleague(shop)
    for part in parts_of("seat_confirmed", COLLEAGUE.email):
        assert DOOR.url(Seat.objects.get()) in part
        for kept_back in ("$250", order.number, order.subscriber.user.email):
            assert kept_back not in part, kept_back


def test_receipt_is_owed_once_however_often_stripe_tells_of_the_payment(shop: Shop) -> None:
    bought_for_colleague(shop)
    shop.hear_all()
    assert sorted(OutgoingMail.objects.values_list("kind", flat=True)) == ["booking_receipt", "seat_confirmed"]


@pytest.mark.django_db
def test_reader_in_their_own_seat_and_staff_who_give_one_get_no_receipt() -> None:
    user, staff, live_session, now = make_user(), make_staff(), make_live_session(), clock.now()
    make_credits(user)
    book_with_credit(user=user, live_session_id=live_session.pk, now=now)
    make_guest_seat(live_session, staff=staff, now=now)
    assert list(OutgoingMail.objects.values_list("kind", flat=True)) == ["seat_confirmed"] * 2


@pytest.mark.django_db
def test_guest_of_the_house_says_by_a_link_that_they_cannot_come() -> None:
    seat = make_guest_seat(make_live_session())
    for part in parts_of("seat_confirmed", seat.attendee_email):
        assert CANT_COME.url(seat) in part
        assert "so that somebody else can have the seat" in part


def test_buyer_of_several_seats_gets_one_receipt_with_everybody_in_it(shop: Shop) -> None:
    ada = make_user("Ada Reader", email="ada@example.com")
    order = shop.sell_seats(ada, make_live_session(), party_of(ada, BO, CY))
    shop.hear_all()
    mail = OutgoingMail.objects.get(kind="booking_receipt")
    rendered = kinds.find("booking_receipt").render(mail)
    assert rendered.subject.startswith("You booked 3 seats: ")
    for part in (rendered.text, rendered.html):
        for seat in Seat.objects.filter(coverage__order=order):
            assert seat.attendee_email in part
            assert f"/seats/{seat.public_id}/cancel/" in part
        assert "$750 for 3 seats" in part
        assert "/door/" not in part


def test_confirmations_of_one_order_tell_nobody_of_the_others(shop: Shop) -> None:
    ada = make_user("Ada Reader", email="ada@example.com")
    shop.sell_seats(ada, make_live_session(), party_of(ada, BO, CY))
    for mail in OutgoingMail.objects.filter(kind="seat_confirmed"):
        rendered = kinds.find(mail.kind).render(mail)
        for email in {"ada@example.com", BO.email, CY.email} - {mail.recipient}:
            assert email not in rendered.text
            assert email not in rendered.html
    text, _ = parts_of("seat_confirmed", ada.email)
    assert "Paid: $750 for 3 seats" in text


def test_receipt_speaks_of_the_seats_that_are_left_when_it_goes_out(shop: Shop) -> None:
    ada = make_user("Ada Reader", email="ada@example.com")
    order = shop.sell_seats(ada, make_live_session(), [BO, CY])
    mail, now = OutgoingMail.objects.get(kind="booking_receipt"), clock.now()
    cancel(Seat.objects.get(coverage__order=order, attendee_email=BO.email))
    assert kinds.find(mail.kind).guard(mail, now).action == "send"
    assert BO.email not in kinds.find(mail.kind).render(mail).text
    cancel(Seat.objects.get(coverage__order=order, attendee_email=CY.email))
    assert kinds.find(mail.kind).guard(mail, now).action == "withhold"
