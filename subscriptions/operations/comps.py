"""Seats given by the house."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from redreport import audit
from redreport.accounts.models import User
from redreport.transactions import retried
from sessions_live.operations.locks import lock_live_session
from sessions_live.operations.seats import Attendee, take_confirmed_seat
from subscriptions import mails
from subscriptions.models import SeatCoverage


@retried
def give_complimentary_seat(
    *, live_session_id: int, attendee: Attendee, actor: User, reason: str, request_id: UUID | None = None, now: datetime
) -> SeatCoverage:
    """Give a seat for nothing, by a named member of staff for a written reason. That member stands in as its booker.

    The same `request_id` again is the same seat, whatever became of it since. Refuses with SalesClosed, AlreadySeated or SoldOut.
    """
    with transaction.atomic():
        # The session's lock: the house takes seats one after the other like everybody else, and the second of two workers who do
        # the same finds what the first one gave.
        live_session = lock_live_session(live_session_id)
        given = given_before(request_id)
        if given:
            return given
        seat = take_confirmed_seat(live_session=live_session, attendee=attendee, booker=actor, by_house=True, now=now)
        coverage = SeatCoverage.objects.create(
            seat=seat, kind=SeatCoverage.Kind.COMP, approved_by=actor, note=reason, request_id=request_id, created_at=now
        )
        audit.record(actor=actor, verb="gave", target=seat, reason=reason, now=now)
        mails.queue_seat_confirmed(seat=seat, now=now)
        return coverage


def given_before(request_id: UUID | None) -> SeatCoverage | None:
    """What was given for the same request already; the caller has locked the session."""
    return SeatCoverage.objects.select_related("seat").filter(request_id=request_id).first() if request_id else None
