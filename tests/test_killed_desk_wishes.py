"""kill -9 at every step of what staff ask for beside canceling, giving and moving seats: done again, each has its effect once."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from redreport import clock
from redreport.outbox.models import OutgoingMail
from sessions_live.errors import NotMovable
from sessions_live.models import HandOver, LiveSession
from subscriptions.models import Payment, SeatCoverage
from subscriptions.operations.moves import move_live_session_and_follow
from tests.aftermath import AtStripe
from tests.canceling import assert_books_balance, book, cancel
from tests.desk_actions import Desk
from tests.factories import make_credits, make_guest_seat, make_live_session, make_staff, make_user
from tests.fixtures_shop import Shop
from tests.killing import kill_at_each_step
from tests.test_killed_desk_jobs import WHY, Asked, assert_done, mails_about, work


def test_killed_while_a_seat_is_handed_over_it_changes_hands_once(shop: Shop) -> None:
    staff = make_staff()

    def prepare() -> Asked:
        live_session = make_live_session()
        seat = make_guest_seat(live_session, staff=staff)
        to_bo = {"name": "Bo Chen", "email": "bo@example.org", "firm": ""}
        return Asked(Desk("desk_hand_over", live_session, staff).confirm([seat], **to_bo, **WHY), live_session)

    def check(asked: Asked, stripe: AtStripe) -> None:
        seat = asked.live_session.seats.get()
        assert (seat.attendee_email, seat.door_version, seat.calendar_sequence) == ("bo@example.org", 1, 2)
        assert HandOver.objects.filter(seat=seat).count() == 1
        told = OutgoingMail.objects.filter(context__seat_id=seat.pk) | OutgoingMail.objects.filter(
            context__hand_over_id=seat.hand_overs.get().pk
        )
        assert sorted(told.values_list("kind", flat=True)) == ["seat_confirmed", "seat_handed_away", "seat_handed_over"]

    assert kill_at_each_step(shop, prepare=prepare, operate=work, again=work, check=check) >= 2


def test_killed_while_confirmations_are_sent_again_each_goes_out_once_more(shop: Shop) -> None:
    staff = make_staff()

    def prepare() -> Asked:
        live_session = make_live_session()
        seats = [make_guest_seat(live_session, staff=staff) for _ in range(2)]
        return Asked(Desk("desk_resend", live_session, staff).confirm(seats, **WHY), live_session)

    def check(asked: Asked, stripe: AtStripe) -> None:
        for seat in asked.live_session.seats.all():
            assert mails_about(seat) == ["seat_confirmed", "seat_confirmed"]

    assert kill_at_each_step(shop, prepare=prepare, operate=work, again=work, check=check) >= 4


def test_killed_while_a_forfeited_credit_is_returned_it_is_back_once(shop: Shop) -> None:
    staff, reader = make_staff(), make_user()
    make_credits(reader, 100)

    def prepare() -> Asked:
        live_session = make_live_session(starts_in=timedelta(hours=20))
        seat = book(reader, live_session)
        cancel(seat)
        return Asked(Desk("desk_restore_credits", live_session, staff).confirm([seat], **WHY), live_session)

    def check(asked: Asked, stripe: AtStripe) -> None:
        assert_done(asked.job, "The credit is back.")
        seat = asked.live_session.seats.get()
        assert SeatCoverage.objects.get(seat=seat).settlement == "credit"
        assert list(seat.credit_entries.order_by("id").values_list("delta", flat=True)) == [-1, 1]

    assert kill_at_each_step(shop, prepare=prepare, operate=work, again=work, check=check) >= 2
    assert_books_balance()


def test_killed_while_a_seat_canceled_too_late_is_refunded_it_goes_back_once(shop: Shop) -> None:
    staff = make_staff()

    def prepare() -> Asked:
        live_session = make_live_session(starts_in=timedelta(hours=20))
        seat = shop.sell_seat(live_session=live_session)
        cancel(seat)
        return Asked(Desk("desk_goodwill", live_session, staff).confirm([seat], **WHY), live_session)

    def check(asked: Asked, stripe: AtStripe) -> None:
        assert_done(asked.job, "$250 goes back.")
        coverage = SeatCoverage.objects.select_related("refund").get(seat__live_session=asked.live_session)
        assert (coverage.settlement, coverage.refund and coverage.refund.amount_minor) == ("goodwill", 25000)
        payment = Payment.objects.get(order=coverage.order)
        assert (payment.refunds.count(), payment.refunded_minor) == (1, 25000)

    assert kill_at_each_step(shop, prepare=prepare, operate=work, again=work, check=check) >= 2


@dataclass
class Wanted:
    """A session, and the time to which staff move it."""

    live_session: LiveSession
    starts_at: datetime


def test_killed_while_a_session_is_moved_it_moves_once_and_each_is_told_once(shop: Shop) -> None:
    staff = make_staff()

    def prepare() -> Wanted:
        live_session = make_live_session()
        for _ in range(2):
            make_guest_seat(live_session, staff=staff)
        return Wanted(live_session, live_session.starts_at + timedelta(days=1))

    def move(wanted: Wanted) -> None:
        # Whoever presses a second time is led to the page of the first.
        with suppress(NotMovable):
            move_live_session_and_follow(
                live_session_id=wanted.live_session.pk,
                starts_at=wanted.starts_at,
                duration_minutes=60,
                message="",
                reason="The host is traveling",
                actor=staff,
                now=clock.now(),
            )

    def check(wanted: Wanted, stripe: AtStripe) -> None:
        live_session = LiveSession.objects.get(pk=wanted.live_session.pk)
        assert (live_session.starts_at, live_session.schedule_version) == (wanted.starts_at, 1)
        assert live_session.schedule_changes.count() == 1
        for seat in live_session.seats.all():
            assert (seat.calendar_sequence, mails_about(seat)) == (1, ["seat_confirmed", "session_moved"])

    assert kill_at_each_step(shop, prepare=prepare, operate=move, again=move, check=check) >= 1
