"""The mails about a renewal that could not be paid: failed, to be confirmed with the bank, paid after all, lapsed."""

from datetime import datetime
from typing import Any

from redreport.addresses import address_of
from redreport.money import format_money
from redreport.outbox.kinds import MailKind, RenderedMail, Verdict
from redreport.outbox.kinds import register as register_kind
from redreport.outbox.models import OutgoingMail
from redreport.outbox.queue import queue_mail
from redreport.outbox.render import render_templates
from subscriptions.mails.years import credits_of_invoice
from subscriptions.models import Invoice, Subscription
from subscriptions.selectors import credit_balance


def register() -> None:
    """Make the kinds known to the outbox."""
    register_kind(MailKind("payment_failed", "payment failed", guard=_attempt_still_stands, render=_render_payment_failed))
    register_kind(
        MailKind(
            "payment_action_needed", "payment to be confirmed", guard=_attempt_still_stands, render=_render_payment_action_needed
        )
    )
    register_kind(MailKind("payment_recovered", "payment recovered", guard=_is_paid, render=_render_payment_recovered))
    register_kind(MailKind("year_lapsed", "year lapsed unpaid", guard=_still_lapsed, render=_render_year_lapsed))


def queue_payment_failed(*, invoice: Invoice, now: datetime) -> None:
    """Owe the subscriber the news that a renewal could not be collected; once for each attempt."""
    _queue_about_attempt("payment_failed", invoice, now)


def queue_payment_action_needed(*, invoice: Invoice, now: datetime) -> None:
    """Owe the subscriber the news that the bank wants a renewal confirmed; once for each attempt."""
    _queue_about_attempt("payment_action_needed", invoice, now)


def queue_payment_recovered(*, invoice: Invoice, now: datetime) -> None:
    """Owe the subscriber the news that a renewal which had failed is paid; once for an invoice."""
    queue_mail(
        kind="payment_recovered",
        key=f"payment_recovered:{invoice.stripe_invoice_id}",
        recipient=invoice.subscriber.user.email,
        context={"invoice_id": invoice.pk},
        now=now,
    )


def queue_year_lapsed(*, subscription: Subscription, now: datetime) -> None:
    """Owe the subscriber the news that no further attempt is made; once for a period."""
    queue_mail(
        kind="year_lapsed",
        key=f"year_lapsed:{subscription.stripe_subscription_id}:{subscription.current_period_start:%Y-%m-%d}",
        recipient=subscription.subscriber.user.email,
        context={"subscription_id": subscription.pk},
        now=now,
    )


def failure_was_told(invoice: Invoice) -> bool:
    """Whether the subscriber heard, or is about to hear, that this invoice could not be collected."""
    told = OutgoingMail.objects.exclude(state=OutgoingMail.State.WITHHELD)
    return any(
        told.filter(key__startswith=f"{kind}:{invoice.stripe_invoice_id}:").exists()
        for kind in ("payment_failed", "payment_action_needed")
    )


def _queue_about_attempt(kind: str, invoice: Invoice, now: datetime) -> None:
    queue_mail(
        kind=kind,
        key=f"{kind}:{invoice.stripe_invoice_id}:{invoice.attempt_count}",
        recipient=invoice.subscriber.user.email,
        context={"invoice_id": invoice.pk, "attempt": invoice.attempt_count},
        now=now,
    )


def _invoice_of(mail: OutgoingMail) -> Invoice:
    return Invoice.objects.select_related("subscription", "subscriber__user").get(pk=mail.context["invoice_id"])


def _attempt_still_stands(mail: OutgoingMail, now: datetime) -> Verdict:
    invoice = _invoice_of(mail)
    if invoice.status != Invoice.Status.OPEN:
        return Verdict.withhold(f"the invoice is {invoice.status}")
    if invoice.subscription and invoice.subscription.has_lapsed:
        return Verdict.withhold(f"the subscription is {invoice.subscription.status}")
    if invoice.attempt_count != mail.context["attempt"]:
        return Verdict.withhold("it was tried again since")
    return Verdict.send()


def _is_paid(mail: OutgoingMail, now: datetime) -> Verdict:
    invoice = _invoice_of(mail)
    return Verdict.send() if invoice.status == Invoice.Status.PAID else Verdict.withhold(f"the invoice is {invoice.status}")


def _still_lapsed(mail: OutgoingMail, now: datetime) -> Verdict:
    lapsed = Subscription.objects.get(pk=mail.context["subscription_id"])
    if not lapsed.has_lapsed:
        return Verdict.withhold(f"the subscription is {lapsed.status} again")
    others = Subscription.objects.filter(subscriber=lapsed.subscriber_id, status__in=Subscription.LIVE).exclude(pk=lapsed.pk)
    return Verdict.withhold("another year runs") if others.exists() else Verdict.send()


def _render_payment_failed(mail: OutgoingMail) -> RenderedMail:
    return render_templates("payment_failed", _context_of_invoice(_invoice_of(mail)))


def _render_payment_action_needed(mail: OutgoingMail) -> RenderedMail:
    return render_templates("payment_action_needed", _context_of_invoice(_invoice_of(mail)))


def _render_payment_recovered(mail: OutgoingMail) -> RenderedMail:
    invoice = _invoice_of(mail)
    context = {
        **_context_of_invoice(invoice),
        **credits_of_invoice(invoice),
        "subscription": invoice.subscription,
        "sessions_url": address_of("sessions:list"),
    }
    return render_templates("payment_recovered", context)


def _render_year_lapsed(mail: OutgoingMail) -> RenderedMail:
    subscription = Subscription.objects.select_related("subscriber__user").get(pk=mail.context["subscription_id"])
    unpaid = subscription.status == Subscription.Status.UNPAID
    invoice = subscription.invoices.filter(status=Invoice.Status.OPEN).order_by("created_at").first()
    context = {
        "is_over": not unpaid,
        "pay_url": _page_of(invoice) if unpaid else "",
        "credits_left": credit_balance(user=subscription.subscriber.user, now=mail.created_at).total,
        "plan_url": address_of("subscriptions:subscribe"),
    }
    return render_templates("year_lapsed", context)


def _context_of_invoice(invoice: Invoice) -> dict[str, Any]:
    return {
        "invoice": invoice,
        "amount_text": format_money(invoice.total_minor, invoice.currency),
        "next_attempt_at": invoice.next_payment_attempt_at,
        "pay_url": _page_of(invoice),
        "account_url": address_of("pages:account"),
    }


def _page_of(invoice: Invoice | None) -> str:
    """Where Stripe takes the payment; the reader's account where there is no such page."""
    return (invoice.hosted_invoice_url if invoice else "") or address_of("pages:account")
