"""What the account's billing section and the renewal page show: the year in one word for the template, and the rows with it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from redreport.accounts.models import User
from subscriptions.models import Invoice, Payment, Subscriber, Subscription, SubscriptionChange
from subscriptions.selectors import credit_balance, shown_year, yearly_amount


@dataclass(frozen=True)
class PaidLine:
    """One payment: what it was for, and Stripe's papers for it."""

    payment: Payment
    what_for: str
    receipt_url: str
    invoice_pdf_url: str
    hosted_invoice_url: str


def billing_context(*, user: User) -> dict[str, Any]:
    """The billing section's values. Seven queries at most, however many payments there are."""
    has_customer = Subscriber.objects.filter(user=user, stripe_customer_id__isnull=False).exists()
    return {**year_context(user=user), "payments": _paid_lines(user), "has_customer": has_customer}


def year_context(*, user: User) -> dict[str, Any]:
    """The running year, or the last one: how it stands, what comes next, and what is being done about it just now."""
    subscription = shown_year(user=user)
    if subscription is None:
        return {"subscription": None, "year_view": "", "amount": None, "card_ends_before": False, "change": None}
    card = subscription.card
    return {
        "subscription": subscription,
        "year_view": _view(subscription),
        "amount": yearly_amount(subscription),
        "card_ends_before": card is not None and card.ends_before(subscription.current_period_end),
        "change": subscription.changes.filter(state=SubscriptionChange.State.PENDING).first(),
    }


def renewal_context(*, user: User, now: datetime) -> dict[str, Any]:
    """What turning the renewal off or on means for this reader."""
    return {**year_context(user=user), "credits": credit_balance(user=user, now=now)}


def _view(subscription: Subscription) -> str:
    if not subscription.is_live:
        return "ended"
    if subscription.is_paused:
        return "paused"
    if subscription.payment_is_open:
        return str(subscription.status)
    return "renews" if subscription.renews else "ends"


def _paid_lines(user: User) -> list[PaidLine]:
    payments = list(Payment.objects.filter(subscriber__user=user).select_related("order__live_session"))
    invoices = {
        invoice.stripe_invoice_id: invoice
        for invoice in Invoice.objects.filter(stripe_invoice_id__in={payment.stripe_invoice_id for payment in payments})
    }
    return [_paid_line(payment, invoices.get(payment.stripe_invoice_id)) for payment in payments]


def _paid_line(payment: Payment, invoice: Invoice | None) -> PaidLine:
    """A renewal's payment has no order; where the invoice is not known yet, the order has the addresses of its papers."""
    order = payment.order
    papers = invoice or order
    return PaidLine(
        payment=payment,
        what_for=order.live_session.title if order and order.live_session else "A year",
        receipt_url=payment.receipt_url or (order.receipt_url if order else ""),
        invoice_pdf_url=papers.invoice_pdf_url if papers else "",
        hosted_invoice_url=papers.hosted_invoice_url if papers else "",
    )
