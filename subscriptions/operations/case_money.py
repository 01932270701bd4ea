"""What staff do about the money of a case: it goes back by Stripe, it went back past Stripe, or it stays.

The remedy and the case's end are one transaction. Stripe is not called here: the minute sweep carries out the refund that is
owed.
"""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from redreport import audit
from redreport.accounts.models import User
from redreport.money import format_money
from redreport.transactions import retried
from subscriptions.errors import AmountChanged, NoRemedy, RefundTooLarge
from subscriptions.models import Case, Order, Payment, Refund, SeatCoverage
from subscriptions.operations.cases import PaidBack, case_key, open_case_of, seats_given_for, settle_case
from subscriptions.operations.double_payouts import is_kept_by_bank
from subscriptions.operations.locks import lock_bought, lock_order, lock_payment
from subscriptions.operations.refund_states import follow_refund
from subscriptions.operations.refunds import refund_payment, retry_refund
from subscriptions.operations.settle import left_of_share
from subscriptions.operations.taking_back import take_back_what_it_bought

RETRIABLE = (Case.Kind.REFUND_FAILED,)
REFUNDABLE = (
    Case.Kind.AMOUNT_MISMATCH,
    Case.Kind.DISPUTED_RESTITUTION,
    Case.Kind.FRAUD_WARNING,
    Case.Kind.PARTIAL_REFUND,
    Case.Kind.PAYMENT_WITHOUT_SEAT,
    Case.Kind.UNKNOWN_PAYMENT,
)
REFUNDED_BY_STAFF = "Refunded by our staff"


def can_retry_refund(case: Case) -> bool:
    """Whether the failed refund of this case can be made again."""
    if case.state != Case.State.OPENED or case.kind not in RETRIABLE or case.refund is None:
        return False
    return case.refund.state == Refund.State.FAILED and not Refund.objects.filter(replaces=case.refund).exists()


def can_refund_rest(case: Case) -> bool:
    """Whether something of this case's payment is left to be refunded."""
    if case.state != Case.State.OPENED or case.kind not in REFUNDABLE or waits_for_bank(case):
        return False
    return left_to_refund(case) > 0 and not seats_given_for(case).exists()


def waits_for_bank(case: Case) -> bool:
    """Whether a refund now would pay out twice what the bank has because of a dispute."""
    return case.payment is not None and is_kept_by_bank(case.payment)


def left_to_refund(case: Case) -> int:
    """What `refund_rest_of_case` would owe now, in minor units."""
    return _left_of(case, case.payment) if case.payment else 0


def to_pay_back(case: Case) -> PaidBack | None:
    """What of this case's money can go back past Stripe, at most; None where there is none, or nothing is left of it."""
    if case.state != Case.State.OPENED or case.kind not in Case.OF_MONEY:
        return None
    offline = _offline_payment_of(case)
    if offline:
        assert offline.amount_minor is not None
        return PaidBack(offline.amount_minor, offline.currency)
    if case.payment is None:
        return None
    left = _left_of(case, case.payment)
    return PaidBack(left, case.payment.currency) if left else None


@retried
def retry_refund_of_case(*, case_id: int, actor: User, now: datetime) -> Refund:
    """Make the failed refund of a case again, and settle the case.

    Refuses with NoRemedy, with CaseAlreadySettled when somebody was quicker, or as `retry_refund` does.
    """
    with transaction.atomic():
        # Locks: order, payment, refund, then the case: two members of staff at once make one refund.
        case = open_case_of(case_id)
        if case.kind not in RETRIABLE or case.refund_id is None:
            raise NoRemedy
        refund = retry_refund(refund_id=case.refund_id, actor=actor, now=now)
        _settle_refunded(case_id, refund, f"{_amount(refund)} is refunded again.", actor, now)
        return refund


@retried
def refund_rest_of_case(*, case_id: int, amount_minor: int, actor: User, request_id: UUID, now: datetime) -> Refund:
    """Owe what is left of a case's payment, take back what it bought, and settle the case. Where the case is about one canceled
    seat of an order, its share alone is owed, and the order's other seats stay as they are.

    Refuses with AmountChanged when not exactly `amount_minor` is left, with NoRemedy, also when a seat was given for it, with
    CaseAlreadySettled when somebody was quicker, or as `refund_payment`.
    """
    with transaction.atomic():
        # Locks: session, seats, subscriber, grants, order, payment, refund, then the case.
        case = open_case_of(case_id)
        if case.kind not in REFUNDABLE or case.payment_id is None:
            raise NoRemedy
        bought = lock_bought(case.payment_id)
        # Under the payment's lock: whoever was quicker has settled the case, and what is left stays as it is read here.
        case = open_case_of(case_id)
        if amount_minor != _left_of(case, bought.payment):
            raise AmountChanged
        refund = refund_payment(
            payment_id=bought.payment.pk,
            amount_minor=amount_minor,
            actor=actor,
            note=case.summary[:200],
            request_id=request_id,
            now=now,
        )
        if refund is None:
            raise NoRemedy
        if case.kind == Case.Kind.DISPUTED_RESTITUTION:
            _settle_refunded(case_id, refund, f"{_amount(refund)} is refunded for this seat.", actor, now)
            return refund
        taken_back = take_back_what_it_bought(bought=bought, refund=refund, actor=actor, reason=REFUNDED_BY_STAFF, now=now)
        _settle_refunded(case_id, refund, f"{_amount(refund)} is refunded. {taken_back}", actor, now)
        # Under the case's lock: a colleague may have given a seat for it a moment ago.
        if seats_given_for(case).exists():
            raise NoRemedy
        return refund


@retried
def note_paid_back(*, case_id: int, amount_minor: int, actor: User, how: str, reference: str, now: datetime) -> Case:
    """Write down that so much of a case's money went back by wire, cheque or the like, and settle it: from then on it is no more
    refunded, and what is left of it is kept.

    Refuses with NoRemedy, with RefundTooLarge, or with CaseAlreadySettled when somebody was quicker.
    """
    with transaction.atomic():
        # Locks: order, payment, then the case: a refund of the same money is owed before this, and seen, or after it.
        case = open_case_of(case_id)
        order, payment = _lock_money(case)
        case = open_case_of(case_id)
        case.payment = payment
        most = to_pay_back(case)
        if most is None:
            raise NoRemedy
        if amount_minor > most.amount_minor:
            raise RefundTooLarge(most.amount_minor)
        paid_back = PaidBack(amount_minor, most.currency)
        words = f"{format_money(amount_minor, most.currency)} paid back past Stripe: {how}, {reference}"
        outcome = Case.Outcome.PAID_BACK
        settled = settle_case(case_id=case_id, actor=actor, resolution=words, outcome=outcome, paid_back=paid_back, now=now)
        if payment:
            payment.paid_back_minor += amount_minor
            payment.save(update_fields=["paid_back_minor"])
            follow_refund(order, payment, now)
        target = payment or _offline_payment_of(case)
        assert target is not None
        detail = {"amount_minor": amount_minor, "currency": most.currency, "how": how, "reference": reference}
        audit.record(actor=actor, verb="returned_past_stripe", target=target, detail=detail, now=now)
        return settled


def _lock_money(case: Case) -> tuple[Order | None, Payment | None]:
    if case.payment is None:
        return None, None
    order = lock_order(case.payment.order_id) if case.payment.order_id else None
    return order, lock_payment(case.payment.pk)


def _left_of(case: Case, payment: Payment) -> int:
    """What is left of that of a payment which the case is about: of a refund that failed, of a canceled seat's share, of all."""
    if case.kind == Case.Kind.REFUND_FAILED and case.refund:
        return min(case.refund.amount_minor, payment.left_minor)
    coverage = _canceled_seat_of(case)
    return left_of_share(coverage, payment) if coverage else payment.left_minor


def _canceled_seat_of(case: Case) -> SeatCoverage | None:
    """What covered the canceled seat that the case is about; None for a case about all of a payment."""
    kind = Case.Kind.DISPUTED_RESTITUTION
    if case.kind != kind:
        return None
    of_order = SeatCoverage.objects.filter(order=case.order).select_related("seat")
    return next(coverage for coverage in of_order if case_key(kind, coverage.seat.public_id) == case.key)


def _offline_payment_of(case: Case) -> SeatCoverage | None:
    """What came past Stripe for the canceled seat of a case."""
    if case.kind != Case.Kind.OFFLINE_RESTITUTION or not case.seat_id:
        return None
    return SeatCoverage.objects.filter(seat=case.seat_id, kind=SeatCoverage.Kind.OFFLINE).first()


def _settle_refunded(case_id: int, refund: Refund, words: str, actor: User, now: datetime) -> None:
    settle_case(case_id=case_id, actor=actor, resolution=words, outcome=Case.Outcome.REFUNDED, refund=refund, now=now)


def _amount(refund: Refund) -> str:
    return format_money(refund.amount_minor, refund.currency)
