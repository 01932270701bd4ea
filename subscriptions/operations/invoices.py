"""Our rows of Stripe's invoices, and what an invoice that is not paid asks of the reader or of staff.

Everything here follows from what an invoice is now, and happens once, whatever is heard how often and in which order.
"""

from datetime import datetime

from subscriptions import mails
from subscriptions.models import Case, CreditGrant, Invoice, Order, Subscription
from subscriptions.operations.cases import case_key, close_case_of_key, open_case
from subscriptions.stripe_objects import InvoiceState

UNFINALIZED, UNCOLLECTIBLE = "unfinalized", "uncollectible"
# For each cause, what staff read of it, and what we propose.
STUCK = {
    UNFINALIZED: (
        "{invoice}: Stripe could not finalize it ({error}), so nothing is charged",
        "Open the invoice in Stripe's dashboard, mend what it names, often the customer's address, and finalize it. "
        "This case settles itself then.",
    ),
    UNCOLLECTIBLE: (
        "{invoice}: given up as uncollectible, so no credits came of it",
        "Write to the reader. Paid on the invoice's page after all, it brings the credits; if nothing is owed, void it in "
        "Stripe's dashboard. Either way this case settles itself.",
    ),
}


def write_invoice(
    *, state: InvoiceState, subscriber_id: int, subscription: Subscription | None, order: Order | None, now: datetime
) -> Invoice:
    """Write an invoice down as it is now. The caller holds its lease and has locked the subscriber."""
    invoice, _ = Invoice.objects.update_or_create(
        stripe_invoice_id=state.id,
        defaults={
            "number": state.number,
            "subscriber_id": subscriber_id,
            "subscription": subscription,
            "order": order,
            "status": state.status,
            "billing_reason": state.billing_reason,
            "subtotal_minor": state.subtotal_minor,
            "discount_minor": state.discount_minor,
            "tax_minor": state.tax_minor,
            "total_minor": state.total_minor,
            "currency": state.currency,
            "attempt_count": state.attempt_count,
            "next_payment_attempt_at": state.next_payment_attempt_at,
            "hosted_invoice_url": state.hosted_invoice_url,
            "invoice_pdf_url": state.invoice_pdf_url,
            "created_at": state.created_at,
            "paid_at": state.paid_at,
            "synced_at": now,
        },
    )
    return invoice


def follow_collection(*, invoice: Invoice, state: InvoiceState, now: datetime) -> None:
    """Owe the reader the mail about a renewal that could not be collected, and open or settle the case of one that is stuck."""
    _follow_case(invoice, state, now)
    if invoice.status != Invoice.Status.OPEN or invoice.attempt_count == 0 or not _is_renewal_of_a_running_year(invoice):
        return
    if state.needs_action:
        mails.queue_payment_action_needed(invoice=invoice, now=now)
    else:
        mails.queue_payment_failed(invoice=invoice, now=now)


def announce_paid_year(*, invoice: Invoice, new_grants: list[CreditGrant], now: datetime) -> None:
    """Owe the reader one mail about a paid year: that its credits are there, or, after a failure, that it went through."""
    if mails.failure_was_told(invoice):
        mails.queue_payment_recovered(invoice=invoice, now=now)
        return
    for grant in new_grants:
        mails.queue_year_started(grant=grant, now=now)


def _is_renewal_of_a_running_year(invoice: Invoice) -> bool:
    """A year that lapsed with its last attempt has a mail of its own."""
    subscription = invoice.subscription
    return invoice.is_renewal and subscription is not None and not subscription.has_lapsed


def _follow_case(invoice: Invoice, state: InvoiceState, now: datetime) -> None:
    stuck = _cause_of_being_stuck(state)
    for cause, (summary, proposal) in STUCK.items():
        key = case_key(Case.Kind.INVOICE_STUCK, invoice.stripe_invoice_id, cause)
        if cause != stuck:
            close_case_of_key(key=key, resolution=f"The invoice is {invoice.status}", now=now)
            continue
        open_case(
            key=key,
            kind=Case.Kind.INVOICE_STUCK,
            summary=summary.format(invoice=invoice, error=state.finalization_error),
            proposal=proposal,
            subscriber=invoice.subscriber,
            subscription=invoice.subscription,
            order=invoice.order,
            now=now,
        )


def _cause_of_being_stuck(state: InvoiceState) -> str:
    if state.status == Invoice.Status.UNCOLLECTIBLE:
        return UNCOLLECTIBLE
    return UNFINALIZED if state.status == Invoice.Status.DRAFT and state.finalization_error else ""
