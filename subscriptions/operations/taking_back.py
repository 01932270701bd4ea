"""What a payment bought goes with it once all its money is back with the reader: nothing more is owed for it."""

from dataclasses import dataclass
from datetime import datetime

from redreport.accounts.models import User
from sessions_live.models import Seat
from sessions_live.operations.cancellations import cancel_seat
from sessions_live.operations.seats import release_held_seat
from subscriptions import mails
from subscriptions.models import Payment, Refund, SeatCoverage, Subscription
from subscriptions.operations.credits import revoke_credits
from subscriptions.operations.locks import Bought


@dataclass(frozen=True)
class TakenBack:
    """How many seats were canceled, and how many unused credits revoked."""

    seats: int
    credits: int

    def __str__(self) -> str:
        return f"Coming seats canceled: {self.seats}, unused credits taken back: {self.credits}."


def take_back_what_it_bought(
    *, bought: Bought, refund: Refund | None, actor: User | None, reason: str, now: datetime
) -> TakenBack:
    """Cancel the coming seats of a payment's order, and revoke the unused credits of its invoice.

    A seat's mail and page say that `refund` is what comes back for it; without one, the bank has the money already.
    The caller has locked it all. Seats of sessions that have begun stay as they were, so do seats booked with its credits, and
    everything as long as another payment of the order stands.
    """
    if bought.is_paid_otherwise:
        return TakenBack(0, 0)
    credits = 0
    if bought.is_of_a_year:
        credits = revoke_credits(
            subscriber_id=bought.payment.subscriber_id,
            stripe_invoice_id=bought.payment.stripe_invoice_id,
            actor=actor,
            reason=reason,
            now=now,
        )
    canceled = sum(_cancel_coming_seat(seat, refund=refund, actor=actor, reason=reason, now=now) for seat in bought.seats)
    return TakenBack(canceled, credits)


def _cancel_coming_seat(seat: Seat, *, refund: Refund | None, actor: User | None, reason: str, now: datetime) -> bool:
    if release_held_seat(seat=seat, now=now):
        return False
    if seat.state not in Seat.TAKEN or seat.live_session.starts_at <= now:
        return False
    cancel_seat(
        live_session=seat.live_session,
        seat=seat,
        by=Seat.CanceledBy.HOUSE,
        restitution=Seat.Restitution.NONE,
        actor=actor or "stripe",
        reason=reason,
        now=now,
    )
    coverage = SeatCoverage.objects.get(seat=seat)
    coverage.settled_at, coverage.refund = now, refund
    coverage.settlement = SeatCoverage.Settlement.REFUND if refund else SeatCoverage.Settlement.NOTHING
    coverage.save(update_fields=["settled_at", "settlement", "refund"])
    mails.queue_seat_canceled(seat=seat, coverage=coverage, now=now)
    return True


def year_of(payment: Payment) -> Subscription | None:
    """The subscription whose year a payment paid for."""
    return Subscription.objects.filter(credit_grants__stripe_invoice_id=payment.stripe_invoice_id or None).first()


def proposal_for_year(payment: Payment, *, or_else: str, now: datetime) -> str:
    """What we propose to do about a year whose payment is gone: its subscription, and the seats booked with its credits."""
    subscription = year_of(payment)
    ending = f"End the subscription, {or_else}. " if subscription and subscription.renews else ""
    return f"{ending}Coming seats booked with its credits: {_coming_seats(payment, now)}. They stay until you cancel them."


def _coming_seats(payment: Payment, now: datetime) -> int:
    booked = SeatCoverage.objects.filter(
        credit_entry__grant__stripe_invoice_id=payment.stripe_invoice_id or None,
        seat__state__in=Seat.TAKEN,
        seat__live_session__starts_at__gt=now,
    )
    return booked.count()
