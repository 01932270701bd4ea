"""The papers of a refund: an invoiced payment that went back is documented by one credit note at Stripe, once."""

from datetime import datetime, timedelta

from django.db import transaction

from redreport import audit
from redreport.accounts.models import User
from redreport.money import format_money
from redreport.waits import growing_wait
from subscriptions import stripe_gateway as gateway
from subscriptions.errors import GatewayRefused, GatewayUnavailable, NoRemedy
from subscriptions.models import Case, Refund
from subscriptions.operations.cases import case_key, close_case_of_key, open_case
from subscriptions.operations.keys import new_key_after_server_error

FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=6)


def make_credit_note(*, refund_id: int, now: datetime) -> bool:
    """
    Find or make the credit note of a refund that went through; one that the dashboard made counts. When Stripe cannot be
    reached, which the answer False says, it stays due. A refusal opens a case.
    """
    refund = _claim_attempt(refund_id, now)
    if refund is None:
        return True
    try:
        with new_key_after_server_error(refund):
            note_id = _find(refund) or _create(refund)
    except GatewayUnavailable:
        return False
    except GatewayRefused as refusal:
        _leave_to_a_person(refund_id, str(refusal), now)
    else:
        _keep(refund_id, note_id, now)
    return True


def make_credit_note_again(*, refund_id: int, actor: User, now: datetime) -> None:
    """Have a credit note that Stripe refused asked for once more, by the sweep; its case settles itself when the note is there.

    Asked twice it is the same. Refuses with NoRemedy when there is one, or the refund did not go through.
    """
    with transaction.atomic():
        # The refund's lock: the note may be written down at this moment.
        refund = Refund.objects.select_for_update(no_key=True).get(pk=refund_id)
        if refund.stripe_credit_note_id or refund.state != Refund.State.SUCCEEDED:
            raise NoRemedy
        if refund.credit_note_due_at is None:
            refund.credit_note_due_at, refund.credit_note_attempts = now, 0
            # With its old key Stripe would only repeat its refusal.
            refund.stripe_key_version += 1
            refund.save(update_fields=["credit_note_due_at", "credit_note_attempts", "stripe_key_version"])
            audit.record(actor=actor, verb="asked_credit_note_again", target=refund, now=now)


def _claim_attempt(refund_id: int, now: datetime) -> Refund | None:
    with transaction.atomic():
        # The refund's lock: two sweeps at once make one attempt, and it may be failing at this moment.
        refund = Refund.objects.select_for_update(of=["self"], no_key=True).select_related("payment").get(pk=refund_id)
        if refund.credit_note_due_at is None or refund.credit_note_due_at > now or refund.state != Refund.State.SUCCEEDED:
            return None
        refund.credit_note_attempts += 1
        wait = growing_wait(attempts=refund.credit_note_attempts, first=FIRST_WAIT, longest=LONGEST_WAIT)
        refund.credit_note_due_at = now + wait
        refund.save(update_fields=["credit_note_attempts", "credit_note_due_at"])
        return refund


def _find(refund: Refund) -> str:
    """The note that documents this refund already, or the failed one that it was made instead of."""
    row: Refund | None = refund
    while row:
        if row.stripe_refund_id:
            invoice_id = row.payment.stripe_invoice_id
            note_id = gateway.find_credit_note(invoice_id=invoice_id, refund_id=row.stripe_refund_id)
            if note_id:
                return note_id
        row = row.replaces
    return ""


def _create(refund: Refund) -> str:
    return gateway.create_credit_note(
        key=f"credit-note-{refund.public_id}-{refund.stripe_key_version}",
        invoice_id=refund.payment.stripe_invoice_id,
        refund_id=str(refund.stripe_refund_id),
        amount_minor=refund.amount_minor,
        reference=str(refund.public_id),
    )


def _keep(refund_id: int, note_id: str, now: datetime) -> None:
    with transaction.atomic():
        # The refund's lock: its failure may be written now, and keeps the note's id beside it.
        refund = Refund.objects.select_for_update(no_key=True).get(pk=refund_id)
        refund.stripe_credit_note_id, refund.credit_note_due_at = note_id, None
        refund.save(update_fields=["stripe_credit_note_id", "credit_note_due_at"])
        audit.record(actor="stripe", verb="credited", target=refund, detail={"credit_note": note_id}, now=now)
        close_case_of_key(key=case_key(Case.Kind.CREDIT_NOTE, refund.public_id), resolution=f"Made: {note_id}.", now=now)


def _leave_to_a_person(refund_id: int, error: str, now: datetime) -> None:
    with transaction.atomic():
        refund = Refund.objects.select_for_update(of=["self"], no_key=True).select_related("payment__order").get(pk=refund_id)
        refund.credit_note_due_at = None
        refund.save(update_fields=["credit_note_due_at"])
        amount, invoice_id = format_money(refund.amount_minor, refund.currency), refund.payment.stripe_invoice_id
        open_case(
            key=case_key(Case.Kind.CREDIT_NOTE, refund.public_id),
            kind=Case.Kind.CREDIT_NOTE,
            summary=f"Stripe refused a credit note of {amount} for invoice {invoice_id}: {error}",
            proposal="The money is back already. Make the credit note in Stripe's dashboard, or correct the books by hand.",
            order=refund.payment.order,
            payment=refund.payment,
            refund=refund,
            now=now,
        )
