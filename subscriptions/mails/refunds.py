"""The mails that come of money given back."""

from datetime import datetime

from redreport.money import format_money
from redreport.outbox.kinds import MailKind, RenderedMail, Verdict
from redreport.outbox.kinds import register as register_kind
from redreport.outbox.models import OutgoingMail
from redreport.outbox.queue import queue_mail
from redreport.outbox.render import render_templates
from subscriptions.mails.common import address_of
from subscriptions.models import Order, Refund


def register() -> None:
    """Make the kinds known to the outbox."""
    register_kind(MailKind("payment_refunded", "refund", guard=_refund_still_stands, render=_render_payment_refunded))


def queue_payment_refunded(*, order: Order, refund: Refund, now: datetime) -> None:
    """Owe the booker the news that a payment is on its way back, and why; not where the mail about the canceled seat says it."""
    if refund.is_told_with_the_seat:
        return
    queue_mail(
        kind="payment_refunded",
        key=f"payment_refunded:{refund.public_id}",
        recipient=order.subscriber.user.email,
        context={"refund_id": refund.pk},
        now=now,
    )


def _refund_still_stands(mail: OutgoingMail, now: datetime) -> Verdict:
    refund = Refund.objects.get(pk=mail.context["refund_id"])
    if refund.state in (Refund.State.FAILED, Refund.State.CANCELED):
        return Verdict.withhold(f"the refund {refund.state}")
    return Verdict.send()


def _render_payment_refunded(mail: OutgoingMail) -> RenderedMail:
    refund = Refund.objects.select_related("payment__order__live_session").get(pk=mail.context["refund_id"])
    order = refund.payment.order
    context = {
        "order": order,
        "live_session": order.live_session if order else None,
        "refund": refund,
        "refund_text": format_money(refund.amount_minor, refund.currency),
        "sessions_url": address_of("sessions:list"),
    }
    return render_templates("payment_refunded", context)
