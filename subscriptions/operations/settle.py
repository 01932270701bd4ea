"""Settling canceled seats: the only code that refunds one or returns its credit.

What is planned for the reader's eyes is planned again under the locks, by the same function, before it is carried out. Each
coverage is settled once.
"""

from collections.abc import Container
from datetime import datetime

from django.db import transaction

from redreport import audit
from redreport.accounts.models import User
from redreport.money import shares
from redreport.transactions import retried
from sessions_live.models import Seat
from sessions_live.operations.locks import lock_seat_with_session
from subscriptions import mails
from subscriptions.errors import NotForfeited
from subscriptions.models import Case, CreditEntry, CreditGrant, Payment, Refund, SeatCoverage
from subscriptions.operations.cases import case_key, open_case
from subscriptions.operations.credits import payment_of_year_went_back, return_credit, return_terms
from subscriptions.operations.locks import lock_order
from subscriptions.operations.refunds import owe_refund
from subscriptions.operations.subscribers import lock_subscriber
from subscriptions.operations.what_paid import WhatPaid, what_paid_for
from subscriptions.settlement import SettlementPlan, Why, why_nothing

Made = SeatCoverage.Settlement


def plan_settlement(
    *,
    coverage: SeatCoverage,
    by: Seat.CanceledBy,
    restitution: Seat.Restitution,
    now: datetime,
    paid: WhatPaid | None = None,
) -> SettlementPlan:
    """What is given back for a seat that `by` cancels with this restitution. Only reads; nothing more than `paid` where that was
    read for many coverages at once."""
    if coverage.kind == SeatCoverage.Kind.COMP:
        return SettlementPlan(Made.NOTHING, why=Why.FREE)
    paid = paid or what_paid_for([coverage])
    if coverage.kind == SeatCoverage.Kind.ORDER:
        plan = plan_refund(coverage, paid)
    elif coverage.kind == SeatCoverage.Kind.CREDIT:
        plan = _plan_return(coverage, paid, by, now)
    else:
        plan = SettlementPlan(Made.CASE, why=Why.PAID_PAST_STRIPE)
    if restitution == Seat.Restitution.NONE and plan.settlement != Made.NOTHING:
        return SettlementPlan(Made.FORFEITED, why=why_nothing(coverage.seat, by, now))
    return plan


@retried
def settle_seat(*, seat_id: int, now: datetime) -> Refund | None:
    """Give back what is due for a canceled seat, once; returns the refund that is owed for it from now on, if any.

    Stripe is not called here: `refunds.submit_refund` and the sweep of refunds carry it out. A seat that is not canceled, or
    settled already, is left as it is.
    """
    with transaction.atomic():
        # Locks: the session and the seat, then what paid for it. The sweep and whoever canceled it settle it at once.
        seat, coverage = lock_seat_with_coverage(seat_id)
        return settle_locked_seat(seat=seat, coverage=coverage, now=now)


def settle_locked_seat(*, seat: Seat, coverage: SeatCoverage, now: datetime) -> Refund | None:
    """As `settle_seat`, in the transaction of a caller who has locked session and seat, and got `coverage` from
    `lock_what_paid`."""
    if seat.state != Seat.State.CANCELED or coverage.settled_at is not None:
        return None
    by, restitution = Seat.CanceledBy(seat.canceled_by), Seat.Restitution(seat.restitution)
    plan = plan_settlement(coverage=coverage, by=by, restitution=restitution, now=now)
    coverage.refund = _carry_out(plan, coverage, by, now)
    coverage.settlement = plan.settlement
    coverage.settled_at = now
    coverage.save(update_fields=["refund", "settlement", "settled_at"])
    detail = {"settlement": plan.settlement, "amount_minor": plan.amount_minor, "why": plan.why or ""}
    audit.record(actor=None, verb="settled", target=coverage, detail=detail, now=now)
    mails.queue_seat_canceled(seat=seat, coverage=coverage, now=now)
    return coverage.refund


def lock_seat_with_coverage(seat_id: int) -> tuple[Seat, SeatCoverage]:
    """A seat under its session's lock, and its coverage, locked as `lock_what_paid` does."""
    seat = lock_seat_with_session(seat_id)
    seat.coverage = lock_what_paid(seat)
    return seat, seat.coverage


def lock_what_paid(seat: Seat) -> SeatCoverage:
    """The coverage of a locked seat, with what stands behind it locked: subscriber and grant, or order and payments.

    A refund, a dispute or another use of the credit may be changing them at this moment.
    """
    coverage = SeatCoverage.objects.select_related("credit_entry__grant", "refund").get(seat=seat)
    coverage.seat = seat
    if coverage.credit_entry:
        lock_subscriber(coverage.credit_entry.grant.subscriber_id)
        grants = CreditGrant.objects.select_for_update(no_key=True)
        coverage.credit_entry.grant = grants.get(pk=coverage.credit_entry.grant_id)
        coverage.credit_entry.seat = seat
    elif coverage.order_id:
        coverage.order = lock_order(coverage.order_id)
        list(coverage.order.payments.order_by("id").select_for_update(no_key=True))
    return coverage


def check_restorable(coverage: SeatCoverage, years_gone: Container[int] | None = None) -> CreditEntry:
    """The credit that a seat forfeited and that can be returned. Only reads; not even the grants of years whose money is gone,
    where those were read for many coverages at once. Refuses with NotForfeited."""
    entry = coverage.credit_entry
    if coverage.settlement != Made.FORFEITED or entry is None:
        raise NotForfeited
    if payment_of_year_went_back(entry.grant) if years_gone is None else entry.grant_id in years_gone:
        raise NotForfeited
    return entry


@retried
def restore_forfeited_credit(*, seat_id: int, actor: User, reason: str, now: datetime) -> SeatCoverage:
    """Return the credit of a seat that was canceled too late, by a named member of staff for a written reason; once.

    It is good for at least 90 more days. Refuses with NotForfeited, also when the payment for its year went back.
    """
    with transaction.atomic():
        # Locks as in settling: two members of staff restore it at once, one credit.
        _, coverage = lock_seat_with_coverage(seat_id)
        return_credit(spent=check_restorable(coverage), by_house=True, actor=actor, reason=reason, now=now)
        coverage.settlement = Made.CREDIT
        coverage.save(update_fields=["settlement"])
        audit.record(actor=actor, verb="restored", target=coverage, reason=reason, now=now)
        return coverage


def plan_refund(coverage: SeatCoverage, paid: WhatPaid) -> SettlementPlan:
    """The refund of this seat's share of what was captured, tax included and discount excluded, never more than is left of it;
    or why there is none, or only a case. Only reads."""
    assert coverage.order_id is not None
    # The first payment is the one that bought the seats: a second one of the same order is owed back by itself. Where the first
    # went back instead, the second is the one.
    payments = paid.payments[coverage.order_id]
    if not payments:
        return SettlementPlan(Made.NOTHING, why=Why.FREE)
    payment = next((payment for payment in payments if payment.left_minor), payments[0])
    amount = left_of_share(coverage, payment, paid)
    if amount == 0:
        return SettlementPlan(Made.NOTHING, why=Why.PAYMENT_WENT_BACK)
    dispute = next((dispute for dispute in payment.disputes.all() if dispute.keeps_refunds_back), None)
    if dispute:
        return SettlementPlan(Made.CASE, why=Why.DISPUTED, payment=payment, dispute=dispute)
    return SettlementPlan(Made.REFUND, amount_minor=amount, currency=payment.currency, payment=payment)


def left_of_share(coverage: SeatCoverage, payment: Payment, paid: WhatPaid | None = None) -> int:
    """What of a seat's share of its order's payment can still be given back, in minor units."""
    assert coverage.order_id is not None
    seat_ids = (paid or what_paid_for([coverage])).sharers[coverage.order_id]
    share = shares(payment.amount_minor, len(seat_ids))[seat_ids.index(coverage.seat_id)]
    return min(share, payment.left_minor)


def _plan_return(coverage: SeatCoverage, paid: WhatPaid, by: Seat.CanceledBy, now: datetime) -> SettlementPlan:
    assert coverage.credit_entry is not None
    grant = coverage.credit_entry.grant
    if grant.pk in paid.years_gone:
        return SettlementPlan(Made.NOTHING, why=Why.YEAR_WENT_BACK)
    terms = return_terms(grant=grant, by_house=_is_the_houses_doing(coverage, by), now=now)
    return SettlementPlan(Made.CREDIT, good_until=terms.good_until, in_own_grant=terms.in_own_grant)


def _is_the_houses_doing(coverage: SeatCoverage, by: Seat.CanceledBy) -> bool:
    """Whether the credit returns as one that the house gives back: also to a buyer who cancels because the house moved the
    session, perhaps to where nothing else can be had for the credit any more."""
    return by == Seat.CanceledBy.HOUSE or coverage.seat.was_moved


def _carry_out(plan: SettlementPlan, coverage: SeatCoverage, by: Seat.CanceledBy, now: datetime) -> Refund | None:
    """Do what was planned under the locks; returns the refund that is owed from now on, if any."""
    if plan.settlement == Made.REFUND:
        assert plan.payment is not None
        by_house = by == Seat.CanceledBy.HOUSE
        reason = Refund.Reason.HOUSE_CANCELED if by_house else Refund.Reason.GIVEN_BACK
        return owe_refund(payment_id=plan.payment.pk, reason=reason, amount_minor=plan.amount_minor, now=now)
    if plan.settlement == Made.CREDIT:
        assert coverage.credit_entry is not None
        title = coverage.seat.live_session.title
        by_house = _is_the_houses_doing(coverage, by)
        return_credit(spent=coverage.credit_entry, by_house=by_house, actor=None, reason=title, now=now)
    elif plan.settlement == Made.CASE:
        _open_case(plan, coverage, now)
    return None


def _open_case(plan: SettlementPlan, coverage: SeatCoverage, now: datetime) -> None:
    seat = coverage.seat
    title = seat.live_session.title[:100]
    if plan.dispute:
        open_case(
            key=case_key(Case.Kind.DISPUTED_RESTITUTION, seat.public_id),
            kind=Case.Kind.DISPUTED_RESTITUTION,
            summary=f"A seat in “{title}” was canceled while its payment is with the bank",
            proposal="Refund nothing while the bank decides: it would be paid out twice. If the dispute is won, refund the seat.",
            order=coverage.order,
            payment=plan.payment,
            dispute=plan.dispute,
            seat=seat,
            now=now,
        )
        return
    open_case(
        key=case_key(Case.Kind.OFFLINE_RESTITUTION, seat.public_id),
        kind=Case.Kind.OFFLINE_RESTITUTION,
        summary=f"{seat.attendee_name[:100]}'s seat in “{title}” was canceled; it was paid past Stripe: {coverage.note[:60]}",
        proposal="Return the money the way it came, and write to whoever booked the seat.",
        seat=seat,
        now=now,
    )
