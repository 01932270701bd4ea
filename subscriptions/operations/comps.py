"""Seats given by the house."""

from datetime import datetime

from django.db import transaction

from redreport import audit
from redreport.accounts.models import User
from redreport.transactions import retried
from sessions_live.operations.seats import Attendee, lock_live_session, take_confirmed_seat
from subscriptions import mails
from subscriptions.models import SeatCoverage


@retried
def give_complimentary_seat(*, live_session_id: int, attendee: Attendee, actor: User, reason: str, now: datetime) -> SeatCoverage:
    """Give a seat for nothing, by a named member of staff for a written reason.

    Refuses with SalesClosed, AlreadySeated or SoldOut.
    """
    with transaction.atomic():
        # The session's lock: the house takes seats one after the other like everybody else.
        live_session = lock_live_session(live_session_id)
        seat = take_confirmed_seat(live_session=live_session, attendee=attendee, booker=actor, by_house=True, now=now)
        coverage = SeatCoverage.objects.create(
            seat=seat, kind=SeatCoverage.Kind.COMP, approved_by=actor, note=reason, created_at=now
        )
        audit.record(actor=actor, verb="gave", target=seat, reason=reason, now=now)
        mails.queue_seat_confirmed(seat=seat, now=now)
        return coverage
