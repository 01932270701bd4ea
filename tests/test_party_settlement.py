"""Some of the seats of one order are given back: each its own share of what was paid, to the cent."""

from datetime import timedelta
from typing import Any

import pytest

from redreport import clock
from redreport.accounts.models import User
from redreport.money import format_money
from redreport.outbox import kinds
from redreport.outbox.models import OutgoingMail
from sessions_live.models import LiveSession, Seat
from subscriptions.models import Case, Order, Payment, Refund, SeatCoverage
from subscriptions.operations.cancel import cancel_live_session_and_settle
from subscriptions.operations.settle import settle_seat
from subscriptions.tasks import sweep_refunds_task
from tests.canceling import cancel
from tests.factories import make_live_session, make_staff, make_user
from tests.fixtures_shop import Shop, seats_given
from tests.money_back import refund_by_hand
from tests.order_pages import account_of, page_of
from tests.parties import BO, CY, party_of


@pytest.fixture
def ada(shop: Shop) -> User:
    return make_user("Ada Reader", email="ada@example.com")


def seat_of(order: Order, email: str) -> Seat:
    return Seat.objects.select_related("live_session", "booked_by").get(coverage__order=order, attendee_email=email)


def refunded_at_stripe(shop: Shop) -> list[int]:
    return sorted(refund["amount"] for refund in shop.stripe.objects("refund"))


def test_one_of_three_canceled_in_time_returns_a_third_and_leaves_two(shop: Shop, ada: User) -> None:
    order = shop.sell_seats(ada, make_live_session(), party_of(ada, BO, CY))
    cancel(seat_of(order, BO.email))
    shop.hear_all()
    order.refresh_from_db()
    assert (order.state, refunded_at_stripe(shop), seats_given(seat_of(order, CY.email).live_session)) == (
        "partly_refunded",
        [25000],
        2,
    )
    page = page_of(order)
    assert "Your 2 seats are confirmed" in page
    assert "<dt>Canceled</dt><dd>Bo Chen<br>You get $250 back, to the card or account you paid with" in page
    assert "<dt>Paid</dt><dd>$750 for 3 seats</dd>" in page
    assert "Partly refunded" in account_of(order)
    assert set(OutgoingMail.objects.filter(kind="seat_canceled").values_list("recipient", flat=True)) == {BO.email}
    receipt = OutgoingMail.objects.get(kind="cancellation_receipt")
    assert receipt.recipient == ada.email
    assert "You get $250 back" in kinds.find(receipt.kind).render(receipt).text


def test_tax_goes_back_with_each_share(shop: Shop, ada: User, settings: Any) -> None:
    settings.STRIPE_AUTOMATIC_TAX = settings.STRIPE_TAX_ID_COLLECTION = True
    shop.stripe.set_tax({"DE": 19})
    order = shop.sell_seats(ada, make_live_session(), party_of(ada, BO, CY), country="DE")
    assert (order.tax_minor, order.total_minor) == (14250, 89250)
    assert "$892.50 (incl. $142.50 tax) for 3 seats" in page_of(order)
    cancel(seat_of(order, BO.email))
    assert refunded_at_stripe(shop) == [29750]


def test_a_promotion_is_shared_to_the_cent_in_whatever_order_the_seats_go(shop: Shop, ada: User, settings: Any) -> None:
    settings.STRIPE_PROMOTION_CODES = True
    shop.promote("FRIENDS", amount_off=10000, currency="usd")
    order = shop.sell_seats(ada, make_live_session(), party_of(ada, BO, CY), promotion_code="FRIENDS")
    assert order.total_minor == 65000
    shares = {}
    for email in (CY.email, ada.email, BO.email):
        refund = cancel(seat_of(order, email)).refund
        assert refund is not None
        shares[email] = refund.amount_minor
    order.refresh_from_db()
    assert shares == {ada.email: 21667, BO.email: 21667, CY.email: 21666}
    assert (order.state, Payment.objects.get().left_minor, sum(refunded_at_stripe(shop))) == ("refunded", 0, 65000)
    page = page_of(order)
    assert "All 3 seats in" in page
    for name, email in (("Ada Reader", ada.email), ("Bo Chen", BO.email), ("Cy Doe", CY.email)):
        assert f"{name}: <strong>You get {format_money(shares[email], 'usd')} back" in page


def test_late_cancellation_of_one_forfeits_that_one_only(shop: Shop, ada: User) -> None:
    live_session = make_live_session()
    order = shop.sell_seats(ada, live_session, party_of(ada, BO))
    cancel(seat_of(order, ada.email))
    late = cancel(seat_of(order, BO.email), now=live_session.starts_at - timedelta(hours=2))
    assert (late.settlement, refunded_at_stripe(shop)) == ("forfeited", [25000])
    page = page_of(order)
    assert "Ada Reader: <strong>You get $250 back" in page
    assert "Bo Chen: <strong>Nothing is returned" in page


def test_a_late_given_order_shares_among_the_seats_it_was_given(shop: Shop, ada: User) -> None:
    """The seats of the lapsed hold are covered by the order too, and get no share."""
    live_session = make_live_session()
    order = shop.hold_seat(ada, live_session, party_of(ada, BO))
    shop.stripe.take_payment_despite_expire()
    shop.let_hold_lapse(order)
    shop.pay(order)
    shop.hear_all()
    assert SeatCoverage.objects.filter(order=order).count() == 4
    given = Seat.objects.select_related("booked_by").get(state=Seat.State.CONFIRMED, attendee_email=BO.email)
    cancel(given)
    assert refunded_at_stripe(shop) == [25000]


def test_house_that_cancels_the_session_returns_every_seat_of_the_order_once(shop: Shop, ada: User) -> None:
    live_session = make_live_session()
    order = shop.sell_seats(ada, live_session, party_of(ada, BO, CY))
    cancel(seat_of(order, BO.email))
    for _ in range(2):
        cancel_live_session_and_settle(
            live_session_id=live_session.pk, actor=make_staff(), reason="The host is ill", now=clock.now()
        )
        for seat in Seat.objects.filter(coverage__order=order).order_by("id"):
            settle_seat(seat_id=seat.pk, now=clock.now())
        sweep_refunds_task()
    order.refresh_from_db()
    assert (refunded_at_stripe(shop), order.state) == ([25000] * 3, "refunded")


def test_full_refund_by_hand_cancels_all_seats_and_says_the_sum_once(shop: Shop, ada: User) -> None:
    order = shop.sell_seats(ada, make_live_session(), party_of(ada, BO, CY))
    refund_by_hand(Payment.objects.get())
    shop.hear_all()
    order.refresh_from_db()
    assert (order.state, set(Seat.objects.values_list("state", flat=True))) == ("refunded", {"canceled"})
    page = page_of(order)
    assert page.count("$750 back for 3 seats together") == 1
    for mail in OutgoingMail.objects.filter(kind="cancellation_receipt"):
        assert "You get $750 back for 3 seats together" in kinds.find(mail.kind).render(mail).text


def test_part_refunded_by_hand_is_a_case_that_names_all_seats(shop: Shop, ada: User) -> None:
    order = shop.sell_seats(ada, make_live_session(), party_of(ada, BO, CY))
    refund_by_hand(Payment.objects.get(), 25000)
    shop.hear_all()
    case = Case.objects.get()
    assert "The reader keeps all 3 seats." in case.proposal
    assert "cancel those without restitution" in case.proposal
    assert seats_given(seat_of(order, BO.email).live_session) == 3
    for email in (ada.email, BO.email, CY.email):
        cancel(seat_of(order, email))
    # Never more than was taken: what went back by hand is missing from the last share.
    assert sum(refunded_at_stripe(shop)) == 75000
    assert Refund.objects.filter(state="failed").count() == 0


def test_session_page_frees_the_number_of_a_canceled_seat(shop: Shop, ada: User) -> None:
    live_session = make_live_session(capacity=2)
    order = shop.sell_seats(ada, live_session, party_of(ada, BO))
    cancel(seat_of(order, BO.email))
    shop.sell_seats(make_user(), live_session, [CY])
    assert sorted(Seat.objects.filter(state__in=Seat.ACTIVE).values_list("number", flat=True)) == [1, 2]
    assert LiveSession.objects.get().capacity == 2
