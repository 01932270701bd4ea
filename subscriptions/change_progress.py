"""How far the work has come that a move or a cancellation set off: for the desk, which may close the page and look again."""

from dataclasses import asdict, dataclass

from django.db.models import Count, Q, QuerySet, Sum

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
WITHHELD_STATES, FAILED_STATES = (State.WITHHELD, State.MISSED), (State.FAILED, State.BOUNCED)


@dataclass(frozen=True)
class MailProgress:
    """Counts; `mails_owed` is the sum of the other three and of what is still to be sent."""

    mails_owed: int
    mails_sent: int
    # No longer true when their turn came, or too late to be of use.
    mails_withheld: int
    # Refused for good, or come back: somebody has to be told otherwise.
    mails_failed: int

    @property
    def mails_waiting(self) -> int:
        """Owed, and still on their way."""
        return self.mails_owed - self.mails_done

    @property
    def mails_done(self) -> int:
        """Sent, or not to be sent any more."""
        return self.mails_sent + self.mails_withheld + self.mails_failed


@dataclass(frozen=True)
class ChangeProgress(MailProgress):
    """The mails, and of a cancellation the seats and the money."""

    seats: int
    seats_settled: int
    refunds_under_way: int
    refunds_failed: int

    @property
    def is_done(self) -> bool:
        """Whether nothing of it is left to the workers. What failed is left to people."""
        return not (self.mails_waiting or self.refunds_under_way) and self.seats_settled == self.seats


def change_progress(change: ScheduleChange) -> ChangeProgress:
    """What became so far of the mails, and for a cancellation of the seats and the money. Four queries."""
    coverages = coverages_of_change(change)
    seat_ids = list(coverages.values_list("seat_id", flat=True))
    mails = mail_progress(_mails_about(change, seat_ids))
    settled = coverages.aggregate(
        settled=Count("pk", filter=Q(settled_at__isnull=False)),
        under_way=Count("pk", filter=Q(refund__state__in=[Refund.State.PENDING, Refund.State.SUBMITTED])),
        failed=Count("pk", filter=Q(refund__state__in=Refund.GIVEN_UP)),
    )
    return ChangeProgress(
        **asdict(mails),
        seats=len(seat_ids),
        seats_settled=settled["settled"],
        refunds_under_way=settled["under_way"],
        refunds_failed=settled["failed"],
    )


def mail_progress(mails: QuerySet[OutgoingMail]) -> MailProgress:
    """What became so far of these mails. One query."""
    by_state: dict[str, int] = dict(mails.order_by().values_list("state").annotate(Count("pk")))
    return MailProgress(
        mails_owed=sum(by_state.values()),
        mails_sent=by_state.get(State.SENT, 0),
        mails_withheld=sum(by_state.get(state, 0) for state in WITHHELD_STATES),
        mails_failed=sum(by_state.get(state, 0) for state in FAILED_STATES),
    )


def coverages_of_change(change: ScheduleChange) -> QuerySet[SeatCoverage]:
    """What paid for the seats that a cancellation canceled; of a move there is none."""
    if change.kind != ScheduleChange.Kind.CANCELED:
        return SeatCoverage.objects.none()
    by_house = Q(seat__state=Seat.State.CANCELED, seat__canceled_by=Seat.CanceledBy.HOUSE)
    in_it = SeatCoverage.objects.filter(by_house, seat__live_session=change.live_session_id)
    return in_it.filter(seat__canceled_at=change.made_at)


@dataclass(frozen=True)
class Settled:
    """So many seats that were settled in one way, with the money that went back for them, if any."""

    settlement: SeatCoverage.Settlement
    seats: int
    currency: str
    amount_minor: int


def settled_so_far(change: ScheduleChange) -> list[Settled]:
    """What the seats of a canceled session came to so far, by sort and currency. One query."""
    settled = coverages_of_change(change).filter(settled_at__isnull=False).order_by("settlement", "refund__currency")
    grouped = settled.values_list("settlement", "refund__currency").annotate(Count("pk"), Sum("refund__amount_minor"))
    return [
        Settled(SeatCoverage.Settlement(settlement), seats, currency or "", amount or 0)
        for settlement, currency, seats, amount in grouped
    ]


def failed_mails(change: ScheduleChange) -> QuerySet[OutgoingMail]:
    """Mails about it that were refused for good, or came back."""
    seat_ids = list(coverages_of_change(change).values_list("seat_id", flat=True))
    return _mails_about(change, seat_ids).filter(state__in=FAILED_STATES).order_by("id")


def failed_refunds(change: ScheduleChange) -> QuerySet[Refund]:
    """Refunds of it that came to nothing."""
    refunds = Refund.objects.filter(coverages__in=coverages_of_change(change), state__in=Refund.GIVEN_UP)
    return refunds.order_by("id").distinct().select_related("payment__order")


def _mails_about(change: ScheduleChange, seat_ids: list[int]) -> QuerySet[OutgoingMail]:
    about_it = Q(key__in=[f"{kind}:{seat_id}" for kind in NAMED_AFTER_THE_SEAT for seat_id in seat_ids])
    for kind in NAMED_AFTER_THE_CHANGE:
        about_it |= Q(key__startswith=f"{kind}:{change.pk}:")
    return OutgoingMail.objects.filter(about_it)
