"""The mails that come of a year: its credits are ready."""

from datetime import datetime
from typing import Any

from redreport.addresses import address_of
from redreport.outbox.kinds import MailKind, RenderedMail, Verdict
from redreport.outbox.kinds import register as register_kind
from redreport.outbox.models import OutgoingMail
from redreport.outbox.queue import queue_mail
from redreport.outbox.render import render_templates
from subscriptions.models import CreditEntry, CreditGrant, Invoice, Order, Subscription
from subscriptions.order_words import paid_text, sums_text


def register() -> None:
    """Make the kinds known to the outbox."""
    register_kind(MailKind("year_started", "year started", guard=_credits_still_stand, render=_render_year_started))


def queue_year_started(*, grant: CreditGrant, now: datetime) -> None:
    """Owe the subscriber the year's credits in writing, with what the invoice came to and the terms consented to; once for a
    grant."""
    queue_mail(
        kind="year_started",
        key=f"year_started:{grant.pk}",
        recipient=grant.subscriber.user.email,
        context={"grant_id": grant.pk},
        now=now,
    )


def credits_of_invoice(invoice: Invoice) -> dict[str, Any]:
    """What a mail says of the credits that a paid invoice brought, and of those that came over from the year before."""
    grant = CreditGrant.objects.filter(source=CreditGrant.Source.INVOICE, stripe_invoice_id=invoice.stripe_invoice_id).first()
    return {"grant": grant, "carried_over": _carried_over_beside(grant) if grant else 0}


def _credits_still_stand(mail: OutgoingMail, now: datetime) -> Verdict:
    revoked = CreditEntry.objects.filter(grant_id=mail.context["grant_id"], kind=CreditEntry.Kind.REVOKE)
    return Verdict.withhold("the credits were taken back") if revoked.exists() else Verdict.send()


def _carried_over_beside(grant: CreditGrant) -> int:
    came_over = CreditGrant.objects.filter(source=CreditGrant.Source.CARRIED_OVER, valid_from=grant.valid_from)
    return sum(came_over.filter(subscription=grant.subscription_id).values_list("credits", flat=True))


def _render_year_started(mail: OutgoingMail) -> RenderedMail:
    grant = CreditGrant.objects.select_related("subscription").get(pk=mail.context["grant_id"])
    invoice = Invoice.objects.filter(stripe_invoice_id=grant.stripe_invoice_id).select_related("order").first()
    order = invoice.order if invoice else None
    context = {
        "grant": grant,
        "carried_over": _carried_over_beside(grant),
        "subscription": grant.subscription,
        "is_renewal": bool(invoice and invoice.is_renewal),
        "order": order,
        "invoice": invoice,
        "agreed_to": order.consent_text.splitlines() if order else [],
        "ends_on": _end_of(grant.subscription),
        "paid_text": _paid_text(invoice, order),
        "sessions_url": address_of("sessions:list"),
        "renewal_url": address_of("subscriptions:renewal"),
    }
    return render_templates("year_started", context)


def _paid_text(invoice: Invoice | None, order: Order | None) -> str:
    if invoice is None:
        return paid_text(order) if order else ""
    return sums_text(
        total_minor=invoice.total_minor,
        discount_minor=invoice.discount_minor,
        tax_minor=invoice.tax_minor,
        currency=invoice.currency,
    )


def _end_of(subscription: Subscription | None) -> datetime | None:
    """When a subscription that does not renew ends."""
    return (subscription.cancel_at or subscription.current_period_end) if subscription else None
