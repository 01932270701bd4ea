"""What staff do about a case with one button: the remedy and the case's end are one transaction.

Stripe is not called here: the minute sweep carries out the refund that is owed.
"""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from redreport import audit
from redreport.accounts.models import User
from redreport.money import format_money
from redreport.outbox.models import OutgoingMail
from redreport.outbox.retry import can_retry, retry_mail
from redreport.transactions import retried
from sessions_live.models import Seat
from sessions_live.operations.seats import Attendee, lock_live_session, take_confirmed_seat
from subscriptions import mails
from subscriptions.errors import CaseAlreadySettled, NoRemedy
from subscriptions.models import Case, Refund, SeatCoverage, SubscriptionChange
from subscriptions.operations.cases import case_key, settle_case
from subscriptions.operations.changes import ask_change_again
from subscriptions.operations.credit_notes import make_credit_note_again
from subscriptions.operations.double_payouts import is_kept_by_bank
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
# A refund that fails again and again goes back by another way too.
RETURNED_PAST_STRIPE = (Case.Kind.OFFLINE_RESTITUTION, Case.Kind.REFUND_FAILED)
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
    return left_to_refund(case) > 0 and not _seats_given_for(case).exists()


def waits_for_bank(case: Case) -> bool:
    """Whether a refund now would pay out twice what the bank has because of a dispute."""
    return case.payment is not None and is_kept_by_bank(case.payment)


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

    Refuses with NoRemedy, also when nothing is left or a seat was given for it, with CaseAlreadySettled when somebody was
    quicker, or as `refund_payment`.
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
        # Under the case's lock: a colleague may have given a seat for it a moment ago.
        if _seats_given_for(case).exists():
            raise NoRemedy
        return refund


def can_be_returned_past_stripe(case: Case) -> bool:
    """Whether the money of this case goes, or may go, back by another way than Stripe."""
    return case.state == Case.State.OPENED and case.kind in RETURNED_PAST_STRIPE


@retried
def note_returned_past_stripe(*, case_id: int, actor: User, how: str, reference: str, now: datetime) -> Case:
    """Write down that the money of a case was returned by wire, cheque or the like, and settle it.

    Refuses with NoRemedy, or with CaseAlreadySettled when somebody was quicker.
    """
    with transaction.atomic():
        # The case's lock alone, in `settle_case`: nothing of the money is ours to move.
        case = _open_case_of(case_id)
        if case.kind not in RETURNED_PAST_STRIPE:
            raise NoRemedy
        settled = settle_case(case_id=case_id, actor=actor, resolution=f"Returned past Stripe: {how}, {reference}", now=now)
        coverage = SeatCoverage.objects.filter(seat=case.seat_id).first() if case.seat_id else None
        if coverage:
            detail = {"amount_minor": coverage.amount_minor, "currency": coverage.currency, "how": how, "reference": reference}
            audit.record(actor=actor, verb="returned_past_stripe", target=coverage, detail=detail, now=now)
        return settled


def can_give_seat(case: Case) -> bool:
    """Whether a seat can be given by hand for what was paid."""
    return case.state == Case.State.OPENED and case.kind == Case.Kind.PAYMENT_WITHOUT_SEAT and case.subscriber_id is not None


@retried
def give_seat_of_case(
    *, case_id: int, live_session_id: int, attendee: Attendee, is_last: bool, actor: User, now: datetime
) -> SeatCoverage:
    """Give a seat for a payment whose order is lost, booked by who paid; with the last of them the case is settled.

    In our books it is complimentary, since the order that paid for it is not there; the note names the payment. The same attendee
    again is refused with AlreadySeated. Refuses also with SalesClosed, SoldOut, NoRemedy, or CaseAlreadySettled.
    """
    with transaction.atomic():
        # Locks: the session, then the case, settled or not: of two members of staff the second finds the attendee seated, and
        # nobody refunds meanwhile what a seat is given for.
        live_session = lock_live_session(live_session_id)
        case = _open_case_of(case_id)
        if not can_give_seat(case) or case.subscriber is None:
            raise NoRemedy
        booker = case.subscriber.user
        seat = take_confirmed_seat(live_session=live_session, attendee=attendee, booker=booker, by_house=True, now=now)
        paid = case.payment.stripe_payment_intent_id if case.payment else "nothing, by a promotion"
        reason = f"Paid: {paid}{_given_for(case)}"
        coverage = SeatCoverage.objects.create(
            seat=seat, kind=SeatCoverage.Kind.COMP, approved_by=actor, note=reason, created_at=now
        )
        audit.record(actor=actor, verb="gave", target=seat, reason=reason, now=now)
        mails.queue_seat_confirmed(seat=seat, now=now)
        if is_last:
            settle_case(case_id=case_id, actor=actor, resolution=f"Seat given in “{live_session.title[:200]}”.", now=now)
        elif Case.objects.select_for_update(no_key=True).get(pk=case_id).state == Case.State.SETTLED:
            raise CaseAlreadySettled
        return coverage


def refused_change_of(case: Case) -> SubscriptionChange | None:
    """What Stripe refused, if it may be asked again."""
    if case.state != Case.State.OPENED or case.kind != Case.Kind.CHANGE_REFUSED:
        return None
    refused = SubscriptionChange.objects.filter(public_id=case.key.rpartition(":")[2], state=SubscriptionChange.State.REFUSED)
    return refused.first()


@retried
def ask_change_of_case_again(*, case_id: int, actor: User, now: datetime) -> SubscriptionChange:
    """Ask Stripe once more for what it refused, and settle the case; another refusal opens another.

    Refuses with NoRemedy or YearNotRunning, or with CaseAlreadySettled when somebody was quicker.
    """
    with transaction.atomic():
        # Locks: the subscription and its wishes, then the case.
        change = refused_change_of(_open_case_of(case_id))
        if change is None:
            raise NoRemedy
        again = ask_change_again(change_id=change.pk, actor=actor, now=now)
        settle_case(case_id=case_id, actor=actor, resolution=f"Asked again: {again.get_kind_display()}.", now=now)
        return again


def can_make_credit_note_again(case: Case) -> bool:
    """Whether Stripe can be asked for the credit note once more."""
    if case.state != Case.State.OPENED or case.kind != Case.Kind.CREDIT_NOTE or case.refund is None:
        return False
    return not case.refund.stripe_credit_note_id and case.refund.state == Refund.State.SUCCEEDED


def make_credit_note_of_case_again(*, case_id: int, actor: User, now: datetime) -> None:
    """Have the credit note of a case asked for once more: the case settles itself once it is there.

    Refuses with NoRemedy, or with CaseAlreadySettled.
    """
    case = _open_case_of(case_id)
    if case.kind != Case.Kind.CREDIT_NOTE or case.refund_id is None:
        raise NoRemedy
    make_credit_note_again(refund_id=case.refund_id, actor=actor, now=now)


def can_send_mail_again(case: Case) -> bool:
    """Whether the mail of this case failed and may be tried again."""
    return case.state == Case.State.OPENED and case.mail is not None and can_retry(case.mail)


def send_mail_of_case_again(*, case_id: int, actor: User, now: datetime) -> None:
    """Try the failed mail of a case again: the case settles itself once it is sent. Refuses with NoRemedy, CaseAlreadySettled, or
    as `retry_mail`."""
    case = _open_case_of(case_id)
    if case.mail_id is None or case.mail is None or case.mail.state == OutgoingMail.State.BOUNCED:
        raise NoRemedy
    retry_mail(mail_id=case.mail_id, actor=actor, now=now)


def _canceled_seat_of(case: Case) -> SeatCoverage | None:
    """What covered the canceled seat that the case is about; None for a case about all of a payment."""
    kind = Case.Kind.DISPUTED_RESTITUTION
    if case.kind != kind:
        return None
    of_order = SeatCoverage.objects.filter(order=case.order).select_related("seat")
    return next(coverage for coverage in of_order if case_key(kind, coverage.seat.public_id) == case.key)


def _given_for(case: Case) -> str:
    """How the note of a seat that is given for a case ends."""
    return f"; case {case.pk}"


def _seats_given_for(case: Case) -> QuerySet[SeatCoverage]:
    """The seats given by hand for what was paid that are still somebody's."""
    given = SeatCoverage.objects.filter(kind=SeatCoverage.Kind.COMP, note__endswith=_given_for(case))
    return given.filter(seat__state__in=Seat.TAKEN) if case.kind == Case.Kind.PAYMENT_WITHOUT_SEAT else given.none()


def _open_case_of(case_id: int) -> Case:
    """Read before the other locks, since the case's own comes last; `settle_case` looks again."""
    case = Case.objects.get(pk=case_id)
    if case.state == Case.State.SETTLED:
        raise CaseAlreadySettled
    return case


def _amount(refund: Refund) -> str:
    return format_money(refund.amount_minor, refund.currency)
