"""kill -9 at every step of canceling a seat or a session: each seat is given back once, as it was paid, and mailed once."""

from dataclasses import dataclass
from functools import partial

import pytest
from django.db.models import Q

from redreport import clock
from redreport.accounts.models import User
from redreport.outbox.models import OutgoingMail
from sessions_live.models import LiveSession, Seat
from subscriptions.models import CreditEntry, SeatCoverage
from subscriptions.operations.cancel import cancel_live_session_and_settle, cancel_own_seat, cancel_seat_by_house
from subscriptions.operations.refunds import submit_refund
from subscriptions.operations.settle import settle_seat
from tests.aftermath import AtStripe, seats_in
from tests.canceling import FULL, assert_books_balance, book, consequence_of
from tests.factories import make_credits, make_live_session, make_staff, make_user
from tests.fixtures_shop import Shop
from tests.killing import kill_at_each_step


def assert_refunded_once(seat: Seat, stripe: AtStripe) -> None:
    """By a refund of the whole seat, to the cent in our books and at Stripe."""
    coverage = SeatCoverage.objects.select_related("refund__payment", "order").get(seat=seat)
    refund = coverage.refund
    assert refund is not None
    assert coverage.order is not None
    assert (coverage.settlement, refund.state, refund.amount_minor) == ("refund", "succeeded", 25000)
    assert (coverage.order.state, refund.payment.refunded_minor, refund.payment.refunds.count()) == ("refunded", 25000, 1)
    assert stripe.refunds_of([refund.payment]) == [25000]
    assert mails_about(seat) == ["seat_canceled"]


def mails_about(seat: Seat) -> list[str]:
    """The mails that are owed because of its cancellation and its refund."""
    of_seat = Q(kind__in=["seat_canceled", "cancellation_receipt"], context__seat_id=seat.pk)
    of_refund = Q(kind="payment_refunded", context__refund_id=SeatCoverage.objects.get(seat=seat).refund_id)
    return list(OutgoingMail.objects.filter(of_seat | of_refund).order_by("id").values_list("kind", flat=True))


@pytest.mark.parametrize("by", ["booker", "house"])
def test_killed_while_canceling_a_paid_seat_its_money_goes_back_once(shop: Shop, by: str) -> None:
    reader, staff = make_user(), make_staff()

    def cancel(seat: Seat) -> None:
        if by == "house":
            cancel_seat_by_house(seat_id=seat.pk, actor=staff, reason="Full", restitution=FULL, now=clock.now())
        else:
            shown = consequence_of(Seat.objects.get(pk=seat.pk))
            cancel_own_seat(user=reader, seat_public_id=seat.public_id, consequence=shown, now=clock.now())

    def check(seat: Seat, stripe: AtStripe) -> None:
        seat.refresh_from_db()
        assert (seat.state, seat.canceled_by) == ("canceled", "house" if by == "house" else "buyer")
        assert_refunded_once(seat, stripe)

    killed = kill_at_each_step(shop, prepare=partial(shop.sell_seat, reader), operate=cancel, again=cancel, check=check)
    assert killed >= 8


@dataclass
class Readers:
    """Three who pay, and two with credits; the same for each session."""

    paying: list[User]
    with_credits: list[User]


def test_killed_while_the_house_cancels_a_session_five_readers_get_back_what_each_gave(shop: Shop) -> None:
    staff = make_staff()
    readers = Readers([make_user() for _ in range(3)], [make_user() for _ in range(2)])
    for user in readers.with_credits:
        make_credits(user, 100)

    def prepare() -> LiveSession:
        live_session = make_live_session()
        for user in readers.paying:
            shop.sell_seat(user, live_session)
        for user in readers.with_credits:
            book(user, live_session)
        return live_session

    def cancel(live_session: LiveSession) -> None:
        """The button, and then what the sweeps do for this session's seats."""
        cancel_live_session_and_settle(live_session_id=live_session.pk, actor=staff, reason="Ill", now=clock.now())
        for seat_id in live_session.seats.order_by("id").values_list("id", flat=True):
            refund = settle_seat(seat_id=seat_id, now=clock.now())
            if refund:
                submit_refund(refund_id=refund.pk, now=clock.now())

    def press_again(live_session: LiveSession) -> None:
        cancel_live_session_and_settle(live_session_id=live_session.pk, actor=staff, reason="Ill", now=clock.now())

    def check(live_session: LiveSession, stripe: AtStripe) -> None:
        live_session.refresh_from_db()
        assert (live_session.state, seats_in(live_session)) == ("canceled", ["canceled"] * 5)
        for seat in live_session.seats.filter(coverage__kind="order"):
            assert_refunded_once(seat, stripe)
        for seat in live_session.seats.filter(coverage__kind="credit"):
            assert SeatCoverage.objects.get(seat=seat).settlement == "credit"
            lines = CreditEntry.objects.filter(seat=seat).order_by("id").values_list("kind", "delta")
            assert list(lines) == [("spend", -1), ("return", 1)]
            assert mails_about(seat) == ["seat_canceled"]

    assert kill_at_each_step(shop, prepare=prepare, operate=cancel, again=press_again, check=check) >= 25
    assert_books_balance()
