"""The mails that come of money given back."""

from datetime import datetime
from typing import Any

from redreport.addresses import address_of
from redreport.money import format_money
from redreport.outbox.kinds import MailKind, RenderedMail, Verdict
from redreport.outbox.kinds import register as register_kind
from redreport.outbox.models import OutgoingMail
from redreport.outbox.queue import queue_mail
from redreport.outbox.render import render_templates
from subscriptions.models import CreditEntry, Payment, Refund


def register() -> None:
    """Make the kinds known to the outbox."""
    register_kind(MailKind("payment_refunded", "refund", guard=_refund_still_stands, render=_render_payment_refunded))
    register_kind(MailKind("refund_failed", "refund failed", guard=_refund_still_failed, render=_render_refund_failed))


def queue_payment_refunded(*, refund: Refund, asks_reader: bool = False, now: datetime) -> None:
    """Owe whoever paid the news that money is on its way back, and why; not where the mail about its cause says it.

    With `asks_reader` Stripe waits for the reader to say where it should go: its word of this moment, which no row keeps.
    """
    if refund.is_told_already and not asks_reader:
        return
    queue_mail(
        kind="payment_refunded",
        key=f"payment_refunded:{refund.public_id}",
        recipient=refund.payment.subscriber.user.email,
        context={"refund_id": refund.pk, "asks_reader": asks_reader},
        now=now,
    )


def queue_refund_failed(*, refund: Refund, now: datetime) -> None:
    """Owe whoever paid the news that the bank did not take a refund; once for a refund."""
    queue_mail(
        kind="refund_failed",
        key=f"refund_failed:{refund.public_id}",
        recipient=refund.payment.subscriber.user.email,
        context={"refund_id": refund.pk},
        now=now,
    )


def _refund_still_stands(mail: OutgoingMail, now: datetime) -> Verdict:
    refund = Refund.objects.get(pk=mail.context["refund_id"])
    if refund.state in Refund.GIVEN_UP:
        return Verdict.withhold(f"the refund {refund.state}")
    return Verdict.send()


def _refund_still_failed(mail: OutgoingMail, now: datetime) -> Verdict:
    if Refund.objects.filter(replaces=mail.context["refund_id"]).exists():
        return Verdict.withhold("the refund is made again")
    return Verdict.send()


def _render_payment_refunded(mail: OutgoingMail) -> RenderedMail:
    refund = _refund_of(mail)
    context = {**_refund_context(refund), "asks_reader": mail.context.get("asks_reader", False)}
    return render_templates("payment_refunded", {**context, "sessions_url": address_of("sessions:list")})


def _render_refund_failed(mail: OutgoingMail) -> RenderedMail:
    return render_templates("refund_failed", {**_refund_context(_refund_of(mail)), "account_url": address_of("pages:account")})


def _refund_of(mail: OutgoingMail) -> Refund:
    return Refund.objects.select_related("payment__order__live_session").get(pk=mail.context["refund_id"])


def _refund_context(refund: Refund) -> dict[str, Any]:
    payment, order = refund.payment, refund.payment.order
    return {
        "order": order,
        "live_session": order.live_session if order else None,
        "refund": refund,
        "refund_text": format_money(refund.amount_minor, refund.currency),
        "took_credits": _took_credits(payment),
        # What was paid, where only a part of it comes back.
        "part_of": "" if refund.amount_minor == payment.amount_minor else format_money(payment.amount_minor, payment.currency),
    }


def _took_credits(payment: Payment) -> bool:
    """Whether the credits that the payment brought were taken back with it."""
    revoked = CreditEntry.objects.filter(kind=CreditEntry.Kind.REVOKE, grant__stripe_invoice_id=payment.stripe_invoice_id or None)
    return revoked.exists()
