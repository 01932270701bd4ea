"""A seat goes to another session, with what paid for it."""

from datetime import datetime

from django.db import transaction

from redreport.accounts.models import User
from redreport.transactions import retried
from sessions_live.models import LiveSession, Seat
from sessions_live.operations.locks import lock_seat_with_both_sessions
from sessions_live.operations.seat_moves import check_movable, move_locked_seat, plan_seat_move
from sessions_live.operations.seats import active_seats
from subscriptions import mails
from subscriptions.errors import CreditUsedHere
from subscriptions.models import SeatCoverage
from subscriptions.selectors import seats_by_credit


class RoomThere:
    """What tells whether seats can still go to a session: who sits in it, and whose credits paid for a seat of it."""

    def __init__(self, live_session: LiveSession) -> None:
        self.live_session = live_session
        self.active = active_seats(live_session)
        self.subscribers = set(seats_by_credit(live_session).values_list("coverage__credit_entry__grant__subscriber", flat=True))

    def refuse_second_credit(self, coverage: SeatCoverage) -> None:
        """A reader's credits pay for one seat in a session, there too; the next seat counts with this one. Refuses with
        CreditUsedHere."""
        if coverage.credit_entry is None:
            return
        if coverage.credit_entry.grant.subscriber_id in self.subscribers:
            raise CreditUsedHere
        self.subscribers.add(coverage.credit_entry.grant.subscriber_id)


def plan_move_of_seat(*, seat: Seat, to: RoomThere, now: datetime) -> dict[str, str]:
    """Who would be written to, by the kind of mail, if `move_seat` moved this seat now, after those that were planned before it.
    Only reads. Refuses as that does. `seat` has its session and coverage."""
    check_movable(seat)
    to.refuse_second_credit(seat.coverage)
    plan_seat_move(seat=seat, live_session=to.live_session, active=to.active, now=now)
    return mails.mails_of_seat_move(seat, seat.coverage)


@retried
def move_seat(*, seat_id: int, to_live_session_id: int, actor: User, reason: str, now: datetime) -> Seat:
    """Move a confirmed seat to another published session, by a named member of staff for a written reason. What paid for it
    stays, also a credit that ends before the new start. Attendee and booker are owed the news.

    Moving it to where it is changes nothing. Refuses with SeatNotTaken, AlreadyEntered, SalesClosed, AlreadySeated, SoldOut, or
    with CreditUsedHere.
    """
    with transaction.atomic():
        # Locks: both sessions by id, then the seat. Its buyer may be canceling it, its attendee coming in, and either session
        # moved, at this moment.
        seat, live_session = lock_seat_with_both_sessions(seat_id, to_live_session_id)
        left = seat.live_session
        if left == live_session:
            return seat
        check_movable(seat)
        # Nobody settles it meanwhile: that needs the lock of its session.
        coverage = SeatCoverage.objects.select_related("credit_entry__grant").get(seat=seat)
        room = RoomThere(live_session)
        room.refuse_second_credit(coverage)
        move_locked_seat(seat=seat, live_session=live_session, active=room.active, actor=actor, reason=reason, now=now)
        mails.queue_seat_moved(seat=seat, coverage=coverage, left=left, now=now)
        return seat
