"""Whoever books a seat for somebody else gets the papers; the attendee gets the door."""

import pytest

from redreport import clock
from redreport.outbox import kinds
from redreport.outbox.models import OutgoingMail
from sessions_live.models import Seat
from sessions_live.operations.seats import Attendee
from sessions_live.seat_links import DOOR
from subscriptions.models import Order, Plan
from subscriptions.operations.booking import book_with_credit
from subscriptions.operations.purchase import buy_seats
from subscriptions.selectors import current_price
from tests.factories import make_credits, make_guest_seat, make_live_session, make_staff, make_user
from tests.fixtures_shop import Shop

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
