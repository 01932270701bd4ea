"""What becomes of what paid for a canceled seat: planned beforehand, read afterwards, said in the same words both times."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from redreport import policy, wording
from redreport.money import format_money
from sessions_live.models import Seat
from subscriptions.models import CreditEntry, Dispute, Payment, Refund, SeatCoverage


class Why(StrEnum):
    """Why nothing comes back, or not by itself."""

    LATE = "late"
    MOVED_LATE = "moved_late"
    BY_HOUSE = "by_house"
    FREE = "free"
    PAYMENT_WENT_BACK = "payment_went_back"
    YEAR_WENT_BACK = "year_went_back"
    PAID_PAST_STRIPE = "paid_past_stripe"
    DISPUTED = "disputed"
    REFUND_FAILED = "refund_failed"


NOTHING_BY_ITSELF = {
    Why.BY_HOUSE: "Nothing is returned.",
    Why.MOVED_LATE: "Nothing is returned: the seat was moved to this session when it was too late to cancel it.",
    Why.FREE: "Nothing was paid for this seat, so nothing is returned.",
    Why.PAYMENT_WENT_BACK: "Its payment has gone back to you already, so nothing more is returned.",
    Why.YEAR_WENT_BACK: "The payment for the year has gone back, so no credit of it returns.",
    Why.PAID_PAST_STRIPE: "You get your money back. Our desk writes to you about the way.",
    Why.DISPUTED: "Your bank is deciding about this payment, so we cannot return it now. Our desk writes to you.",
}


@dataclass(frozen=True)
class SettlementPlan:
    """What is given back for a seat: so much of a payment, a credit good until a date, or nothing, and why."""

    settlement: SeatCoverage.Settlement
    amount_minor: int = 0
    currency: str = ""
    good_until: datetime | None = None
    in_own_grant: bool = False
    # For how many seats together the amount comes back.
    seats: int = 1
    why: Why | None = None
    # Rows that carrying it out needs, which the reader is not told of.
    payment: Payment | None = field(default=None, compare=False)
    dispute: Dispute | None = field(default=None, compare=False)

    @property
    def gives_back(self) -> bool:
        """Whether money or a credit comes back by itself."""
        return self.settlement in (SeatCoverage.Settlement.REFUND, SeatCoverage.Settlement.CREDIT) and self.why is None

    @property
    def digest(self) -> str:
        """The same for plans that say the same to the reader: a day counts, an instant does not."""
        day = wording.house_day(self.good_until) if self.good_until else None
        said = (self.settlement, self.amount_minor, self.currency, day, self.why)
        return hashlib.sha256(repr([str(part) for part in said]).encode()).hexdigest()[:16]


def settlement_made(coverage: SeatCoverage) -> SettlementPlan | None:
    """What was given back for a canceled seat, read from what was written; None before it is settled."""
    if coverage.settled_at is None:
        return None
    made = SeatCoverage.Settlement(coverage.settlement)
    if coverage.refund:
        refund = _last_attempt(coverage.refund)
        if refund.state == Refund.State.CANCELED and refund.stripe_refund_id is None:
            # The money had gone back by hand before Stripe was asked for it.
            return SettlementPlan(SeatCoverage.Settlement.NOTHING, why=Why.PAYMENT_WENT_BACK)
        failed = refund.state in Refund.GIVEN_UP
        if failed and _went_back(refund.payment):
            return SettlementPlan(SeatCoverage.Settlement.NOTHING, why=Why.PAYMENT_WENT_BACK)
        return SettlementPlan(
            SeatCoverage.Settlement.REFUND,
            amount_minor=refund.amount_minor,
            currency=refund.currency,
            seats=coverage.refund.coverages.count(),
            why=Why.REFUND_FAILED if failed else None,
        )
    if made == SeatCoverage.Settlement.CREDIT:
        returned = CreditEntry.objects.select_related("grant").get(seat_id=coverage.seat_id, kind=CreditEntry.Kind.RETURN)
        in_own_grant = returned.grant.source == returned.grant.Source.RETURNED
        return SettlementPlan(made, good_until=returned.grant.expires_at, in_own_grant=in_own_grant)
    return SettlementPlan(made, why=_why(made, coverage))


def what_comes_back(plan: SettlementPlan, *, is_done: bool) -> str:
    """The consequence as a sentence to the booker, before or after the fact."""
    if plan.good_until:
        day = wording.full_day(wording.house_day(plan.good_until))
        return f"1 credit {'is back' if is_done else 'returns'}, good for sessions that start before {day}."
    if plan.currency:
        money = format_money(plan.amount_minor, plan.currency)
        if plan.why == Why.REFUND_FAILED:
            return f"We tried to return {money}, and your bank did not take it. Our desk is dealing with it and writes to you."
        seats = f" for {plan.seats} seats together" if plan.seats > 1 else ""
        return f"You get {money} back{seats}, to the card or account you paid with, usually within {policy.REFUND_SHOWS_WITHIN}."
    if plan.why == Why.LATE:
        cutoff = wording.span_in_words(policy.CANCEL_CUTOFF)
        if is_done:
            return f"Nothing is returned: the seat was canceled less than {cutoff} before the start."
        return f"Nothing is returned: the start is less than {cutoff} away."
    return NOTHING_BY_ITSELF[plan.why or Why.BY_HOUSE]


def why_nothing(seat: Seat, by: Seat.CanceledBy, canceled_at: datetime | None) -> Why:
    """Why nothing is returned for a seat that `by` cancels then, although something could be. `seat` has its session."""
    if by == Seat.CanceledBy.HOUSE:
        return Why.BY_HOUSE
    in_time = canceled_at is not None and canceled_at < seat.live_session.cancel_cutoff_at
    return Why.MOVED_LATE if seat.was_brought_here and in_time else Why.LATE


def _last_attempt(refund: Refund) -> Refund:
    """The refund made instead of one that failed, if there is one."""
    replacing = Refund.objects.filter(replaces=refund).first()
    return _last_attempt(replacing) if replacing else refund


def _went_back(payment: Payment) -> bool:
    """Whether all of a payment went back in the end, by whatever refund or by the bank."""
    return payment.left_minor == 0 or payment.disputes.filter(status="lost").exists()


def _why(made: SeatCoverage.Settlement, coverage: SeatCoverage) -> Why:
    if made == SeatCoverage.Settlement.FORFEITED:
        return why_nothing(coverage.seat, Seat.CanceledBy(coverage.seat.canceled_by), coverage.seat.canceled_at)
    if made == SeatCoverage.Settlement.CASE:
        if coverage.order is None:
            return Why.PAID_PAST_STRIPE
        is_back = all(_went_back(payment) for payment in coverage.order.payments.all())
        return Why.PAYMENT_WENT_BACK if is_back else Why.DISPUTED
    if coverage.kind == SeatCoverage.Kind.CREDIT:
        return Why.YEAR_WENT_BACK
    was_paid = coverage.order is not None and coverage.order.payments.exists()
    return Why.PAYMENT_WENT_BACK if was_paid else Why.FREE
