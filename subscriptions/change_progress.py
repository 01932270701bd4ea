"""How far the work has come that a move or a cancellation set off: for the desk, which may close the page and look again."""

from dataclasses import dataclass

from django.db.models import Count, Q

from redreport.outbox.models import OutgoingMail
from sessions_live.mails.cancellations import WAITLIST_CANCELED
from sessions_live.mails.hosts import HOST_CANCELED, HOST_MOVED
from sessions_live.mails.moves import SESSION_MOVED, WAITLIST_MOVED
from sessions_live.models import ScheduleChange, Seat
from subscriptions.mails.cancellations import CANCELLATION_RECEIPT, SEAT_CANCELED
from subscriptions.mails.moves import BOOKING_MOVED
from subscriptions.models import Refund, SeatCoverage

NAMED_AFTER_THE_CHANGE = (SESSION_MOVED, WAITLIST_MOVED, BOOKING_MOVED, HOST_MOVED, WAITLIST_CANCELED, HOST_CANCELED)
NAMED_AFTER_THE_SEAT = (SEAT_CANCELED, CANCELLATION_RECEIPT)

State = OutgoingMail.State


@dataclass(frozen=True)
class ChangeProgress:
    """Counts; `mails_owed` is the sum of the other four and of what is still to be sent."""

    mails_owed: int
    mails_sent: int
    # No longer true when their turn came, or too late to be of use.
    mails_withheld: int
    # Refused for good, or come back: somebody has to be told otherwise.
    mails_failed: int
    seats: int
    seats_settled: int
    refunds_under_way: int
    refunds_failed: int

    @property
    def mails_waiting(self) -> int:
        """Owed, and still on their way."""
        return self.mails_owed - self.mails_sent - self.mails_withheld - self.mails_failed

    @property
    def is_done(self) -> bool:
        """Whether nothing of it is left to the workers. What failed is left to people."""
        return not (self.mails_waiting or self.refunds_under_way) and self.seats_settled == self.seats


def change_progress(change: ScheduleChange) -> ChangeProgress:
    """What became so far of the mails, and for a cancellation of the seats and the money. Four queries."""
    coverages = SeatCoverage.objects.none()
    if change.kind == ScheduleChange.Kind.CANCELED:
        by_house = Q(seat__state=Seat.State.CANCELED, seat__canceled_by=Seat.CanceledBy.HOUSE)
        in_it = SeatCoverage.objects.filter(by_house, seat__live_session=change.live_session_id)
        coverages = in_it.filter(seat__canceled_at=change.made_at)
    seat_ids = list(coverages.values_list("seat_id", flat=True))
    mails = _mails_by_state(change, seat_ids)
    settled = coverages.aggregate(
        settled=Count("pk", filter=Q(settled_at__isnull=False)),
        under_way=Count("pk", filter=Q(refund__state__in=[Refund.State.PENDING, Refund.State.SUBMITTED])),
        failed=Count("pk", filter=Q(refund__state__in=Refund.GIVEN_UP)),
    )
    return ChangeProgress(
        mails_owed=sum(mails.values()),
        mails_sent=mails.get(State.SENT, 0),
        mails_withheld=mails.get(State.WITHHELD, 0) + mails.get(State.MISSED, 0),
        mails_failed=mails.get(State.FAILED, 0) + mails.get(State.BOUNCED, 0),
        seats=len(seat_ids),
        seats_settled=settled["settled"],
        refunds_under_way=settled["under_way"],
        refunds_failed=settled["failed"],
    )


def _mails_by_state(change: ScheduleChange, seat_ids: list[int]) -> dict[str, int]:
    about_it = Q(key__in=[f"{kind}:{seat_id}" for kind in NAMED_AFTER_THE_SEAT for seat_id in seat_ids])
    for kind in NAMED_AFTER_THE_CHANGE:
        about_it |= Q(key__startswith=f"{kind}:{change.pk}:")
    mails = OutgoingMail.objects.filter(about_it).order_by().values_list("state").annotate(count=Count("pk"))
    return dict(mails)
