"""What staff do about a case with one button: the remedy and the case's end are one transaction.

Stripe is not called here: the minute sweep carries out the refund that is owed.
"""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from redreport.accounts.models import User
from redreport.money import format_money
from redreport.transactions import retried
from subscriptions.errors import CaseAlreadySettled, NoRemedy
from subscriptions.models import Case, Refund, SeatCoverage
from subscriptions.operations.cases import case_key, settle_case
from subscriptions.operations.locks import lock_bought
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
    if case.state != Case.State.OPENED or case.kind not in REFUNDABLE:
        return False
    return left_to_refund(case) > 0


def left_to_refund(case: Case) -> int:
    """What `refund_rest_of_case` would owe now, in minor units."""
    if case.payment is None:
        return 0
    coverage = _canceled_seat_of(case)
    return left_of_share(coverage, case.payment) if coverage else case.payment.left_minor


@retried
def retry_refund_of_case(*, case_id: int, actor: User, now: datetime) -> Refund:
    """Make the failed refund of a case again, and settle the case.

    Refuses with NoRemedy, with CaseAlreadySettled when somebody was quicker, or as `retry_refund` does.
    """
    with transaction.atomic():
        # Locks: order, payment, refund, then the case: two members of staff at once make one refund.
        case = _open_case_of(case_id)
        if case.kind not in RETRIABLE or case.refund_id is None:
            raise NoRemedy
        refund = retry_refund(refund_id=case.refund_id, actor=actor, now=now)
        settle_case(case_id=case_id, actor=actor, resolution=f"{_amount(refund)} is refunded again.", now=now)
        return refund


@retried
def refund_rest_of_case(*, case_id: int, actor: User, request_id: UUID, now: datetime) -> Refund:
    """Owe what is left of a case's payment, take back what it bought, and settle the case. Where the case is about one canceled
    seat of an order, its share alone is owed, and the order's other seats stay as they are.

    Refuses with NoRemedy, also when nothing is left, with CaseAlreadySettled when somebody was quicker, or as `refund_payment`.
    """
    with transaction.atomic():
        # Locks: session, seats, subscriber, grants, order, payment, refund, then the case.
        case = _open_case_of(case_id)
        if case.kind not in REFUNDABLE or case.payment_id is None:
            raise NoRemedy
        bought = lock_bought(case.payment_id)
        coverage = _canceled_seat_of(case)
        refund = refund_payment(
            payment_id=bought.payment.pk,
            amount_minor=left_of_share(coverage, bought.payment) if coverage else None,
            actor=actor,
            note=case.summary[:200],
            request_id=request_id,
            now=now,
        )
        if refund is None:
            raise NoRemedy
        if coverage:
            settle_case(case_id=case_id, actor=actor, resolution=f"{_amount(refund)} is refunded for this seat.", now=now)
            return refund
        taken_back = take_back_what_it_bought(bought=bought, refund=refund, actor=actor, reason=REFUNDED_BY_STAFF, now=now)
        settle_case(case_id=case_id, actor=actor, resolution=f"{_amount(refund)} is refunded. {taken_back}", now=now)
        return refund


def _canceled_seat_of(case: Case) -> SeatCoverage | None:
    """What covered the canceled seat that the case is about; None for a case about all of a payment."""
    kind = Case.Kind.DISPUTED_RESTITUTION
    if case.kind != kind:
        return None
    of_order = SeatCoverage.objects.filter(order=case.order).select_related("seat")
    return next(coverage for coverage in of_order if case_key(kind, coverage.seat.public_id) == case.key)


def _open_case_of(case_id: int) -> Case:
    """Read before the other locks, since the case's own comes last; `settle_case` looks again."""
    case = Case.objects.get(pk=case_id)
    if case.state == Case.State.SETTLED:
        raise CaseAlreadySettled
    return case


def _amount(refund: Refund) -> str:
    return format_money(refund.amount_minor, refund.currency)
