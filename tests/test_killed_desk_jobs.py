"""kill -9 at every step of a worker that does what staff asked for: the next worker goes on, and each seat is canceled, given or
moved once, with its money and its mails."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from redreport.desk.models import Job
from redreport.outbox.models import OutgoingMail
from sessions_live.models import LiveSession, Seat
from subscriptions.models import Payment, SeatCoverage
from tests.aftermath import AtStripe
from tests.canceling import assert_books_balance, book
from tests.desk_actions import Desk, outcomes, run
from tests.factories import make_credits, make_live_session, make_staff, make_user
from tests.fixtures_shop import Shop
from tests.killing import kill_at_each_step
from tests.test_killed_cancellations import assert_refunded_once

WHY: dict[str, Any] = {"reason": "They asked"}


def mails_about(seat: Seat) -> list[str]:
    return list(OutgoingMail.objects.filter(context__seat_id=seat.pk).order_by("id").values_list("kind", flat=True))


def assert_done(job: Job, *said: str) -> None:
    job.refresh_from_db()
    assert (job.finished_at is not None, outcomes(job)) == (True, [("done", words) for words in said])


@dataclass
class Asked:
    """A job that staff confirmed, and the session it is about."""

    job: Job
    live_session: LiveSession


def work(asked: Asked) -> None:
    """A worker comes for the job, as its task or the sweep would have it."""
    run(Job.objects.get(pk=asked.job.pk))


def test_killed_while_seats_are_canceled_each_is_given_back_once(shop: Shop) -> None:
    staff, paying, with_credit = make_staff(), make_user(), make_user()
    make_credits(with_credit, 100)

    def prepare() -> Asked:
        live_session = make_live_session()
        seats = [shop.sell_seat(paying, live_session), book(with_credit, live_session)]
        return Asked(Desk("desk_cancel_seats", live_session, staff).confirm(seats, restitution="full", **WHY), live_session)

    def check(asked: Asked, stripe: AtStripe) -> None:
        assert_done(asked.job, "Canceled. $250 goes back.", "Canceled. 1 credit is back.")
        paid, by_credit = asked.live_session.seats.order_by("id")
        assert_refunded_once(paid, stripe)
        assert SeatCoverage.objects.get(seat=by_credit).settlement == "credit"
        assert list(by_credit.credit_entries.order_by("id").values_list("delta", flat=True)) == [-1, 1]
        assert mails_about(by_credit).count("seat_canceled") == 1

    assert kill_at_each_step(shop, prepare=prepare, operate=work, again=work, check=check) >= 12
    assert_books_balance()


def test_killed_while_guests_get_seats_each_has_one(shop: Shop) -> None:
    staff = make_staff()

    def prepare() -> Asked:
        live_session = make_live_session(capacity=2)
        guests = "Bo Chen, bo@example.org\nCy Doe, cy@example.org"
        return Asked(Desk("desk_comp", live_session, staff).confirm(guests=guests, **WHY), live_session)

    def check(asked: Asked, stripe: AtStripe) -> None:
        assert_done(asked.job, "Seat 1 is theirs.", "Seat 2 is theirs.")
        seats = asked.live_session.seats.order_by("id")
        assert [(seat.attendee_email, seat.state) for seat in seats] == [
            ("bo@example.org", "confirmed"),
            ("cy@example.org", "confirmed"),
        ]
        assert [mails_about(seat) for seat in seats] == [["seat_confirmed"]] * 2

    assert kill_at_each_step(shop, prepare=prepare, operate=work, again=work, check=check) >= 4


def test_killed_while_an_offline_payment_is_recorded_it_is_recorded_once(shop: Shop) -> None:
    staff = make_staff()
    paid: dict[str, Any] = {
        "amount": "250",
        "currency": "usd",
        "paid_on": "2026-01-05",
        "reference": "INV-1",
        "name": "Bo",
        "firm": "",
    }

    def prepare() -> Asked:
        live_session = make_live_session()
        return Asked(Desk("desk_offline", live_session, staff).confirm(email="bo@example.org", **paid, **WHY), live_session)

    def check(asked: Asked, stripe: AtStripe) -> None:
        assert_done(asked.job, "Seat 1 is theirs. $250 is recorded.")
        coverage = SeatCoverage.objects.get(seat__live_session=asked.live_session)
        assert (coverage.kind, coverage.amount_minor) == ("offline", 25000)
        assert mails_about(coverage.seat) == ["seat_confirmed"]

    assert kill_at_each_step(shop, prepare=prepare, operate=work, again=work, check=check) >= 2


def test_killed_while_seats_are_moved_each_is_moved_once(shop: Shop) -> None:
    staff, paying, with_credit = make_staff(), make_user(), make_user()
    make_credits(with_credit, 100)

    def prepare() -> Asked:
        old, new = make_live_session(), make_live_session()
        seats = [shop.sell_seat(paying, old), book(with_credit, old)]
        return Asked(Desk("desk_move_seats", old, staff).confirm(seats, to=new.pk, **WHY), new)

    def check(asked: Asked, stripe: AtStripe) -> None:
        title = asked.live_session.title
        assert_done(asked.job, *(f"Is in “{title}” now, seat {number}." for number in (1, 2)))
        seats = asked.live_session.seats.order_by("number")
        assert [(seat.state, seat.door_version, seat.calendar_sequence) for seat in seats] == [("confirmed", 1, 1)] * 2
        about = Q(kind__in=["seat_moved", "booked_seat_moved"], context__live_session_id=asked.live_session.pk)
        assert OutgoingMail.objects.filter(about).count() == 2
        assert stripe.refunds_of(Payment.objects.filter(order__coverages__seat=seats[0])) == []

    assert kill_at_each_step(shop, prepare=prepare, operate=work, again=work, check=check) >= 4
    assert_books_balance()
