"""What staff do about a case that moves no money back, with one button: the remedy and the case's end are one transaction.

What gives money back is `case_money.py`.
"""

from datetime import datetime

from django.db import transaction

from redreport import audit
from redreport.accounts.models import User
from redreport.outbox.models import OutgoingMail
from redreport.outbox.retry import can_retry, retry_mail
from redreport.transactions import retried
from sessions_live.operations.locks import lock_live_session
from sessions_live.operations.seats import Attendee, take_confirmed_seat
from subscriptions import mails
from subscriptions.errors import CaseAlreadySettled, NoRemedy
from subscriptions.models import Case, Refund, SeatCoverage, SubscriptionChange
from subscriptions.operations.cases import open_case_of, settle_case
from subscriptions.operations.changes import ask_change_again
from subscriptions.operations.credit_notes import make_credit_note_again

# Money of ours for which nobody has a seat yet.
GIVABLE = (Case.Kind.PAYMENT_WITHOUT_SEAT, Case.Kind.UNKNOWN_PAYMENT)


def can_give_seat(case: Case) -> bool:
    """Whether a seat can be given by hand for what was paid."""
    return case.state == Case.State.OPENED and case.kind in GIVABLE and case.subscriber_id is not None


@retried
def give_seat_of_case(
    *, case_id: int, live_session_id: int, attendee: Attendee, is_last: bool, actor: User, now: datetime
) -> SeatCoverage:
    """Give a seat for a payment whose order is lost, booked by who paid; with the last of them the case is settled.

    It is complimentary, since the order that paid for it is not there; the payment is earned with it. The same attendee again is
    refused with AlreadySeated. Refuses also with SalesClosed, SoldOut, NoRemedy, or CaseAlreadySettled.
    """
    with transaction.atomic():
        # Locks: the session, then the case, settled or not: of two members of staff the second finds the attendee seated, and
        # nobody refunds meanwhile what a seat is given for.
        live_session = lock_live_session(live_session_id)
        case = open_case_of(case_id)
        if not can_give_seat(case) or case.subscriber is None:
            raise NoRemedy
        booker = case.subscriber.user
        seat = take_confirmed_seat(live_session=live_session, attendee=attendee, booker=booker, by_house=True, now=now)
        paid = case.payment.stripe_payment_intent_id if case.payment else "nothing, by a promotion"
        reason = f"Paid: {paid}; case {case.pk}"
        coverage = SeatCoverage.objects.create(
            seat=seat, kind=SeatCoverage.Kind.COMP, approved_by=actor, note=reason, given_for=case, created_at=now
        )
        audit.record(actor=actor, verb="gave", target=seat, reason=reason, now=now)
        mails.queue_seat_confirmed(seat=seat, now=now)
        if is_last:
            words = f"Seat given in “{live_session.title[:200]}”."
            settle_case(case_id=case_id, actor=actor, resolution=words, outcome=Case.Outcome.SEAT_GIVEN, now=now)
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
        change = refused_change_of(open_case_of(case_id))
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
    case = open_case_of(case_id)
    if case.kind != Case.Kind.CREDIT_NOTE or case.refund_id is None:
        raise NoRemedy
    make_credit_note_again(refund_id=case.refund_id, actor=actor, now=now)


def can_send_mail_again(case: Case) -> bool:
    """Whether the mail of this case failed and may be tried again."""
    return case.state == Case.State.OPENED and case.mail is not None and can_retry(case.mail)


def send_mail_of_case_again(*, case_id: int, actor: User, now: datetime) -> None:
    """Try the failed mail of a case again: the case settles itself once it is sent. Refuses with NoRemedy, CaseAlreadySettled, or
    as `retry_mail`."""
    case = open_case_of(case_id)
    if case.mail_id is None or case.mail is None or case.mail.state == OutgoingMail.State.BOUNCED:
        raise NoRemedy
    retry_mail(mail_id=case.mail_id, actor=actor, now=now)
