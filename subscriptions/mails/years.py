"""The mails that come of a year: its credits are ready."""

from datetime import datetime

from redreport.money import format_money
from redreport.outbox.kinds import MailKind, RenderedMail
from redreport.outbox.kinds import register as register_kind
from redreport.outbox.models import OutgoingMail
from redreport.outbox.queue import queue_mail
from redreport.outbox.render import render_templates
from subscriptions.mails.common import address_of, always
from subscriptions.models import CreditGrant, Order, Subscription


def register() -> None:
    """Make the kinds known to the outbox."""
    register_kind(MailKind("year_started", "year started", guard=always, render=_render_year_started))


def queue_year_started(*, grant: CreditGrant, now: datetime) -> None:
    """Owe the subscriber the year's credits in writing, with the terms consented to; once for a grant."""
    queue_mail(
        kind="year_started",
        key=f"year_started:{grant.pk}",
        recipient=grant.subscriber.user.email,
        context={"grant_id": grant.pk},
        now=now,
    )


def _render_year_started(mail: OutgoingMail) -> RenderedMail:
    grant = CreditGrant.objects.select_related("subscription").get(pk=mail.context["grant_id"])
    order = Order.objects.filter(subscription=grant.subscription).first()
    context = {
        "grant": grant,
        "subscription": grant.subscription,
        "order": order,
        "ends_on": _end_of(grant.subscription),
        "amount_text": format_money(order.amount_minor, order.currency) if order else "",
        "sessions_url": address_of("sessions:list"),
        "renewal_url": address_of("subscriptions:renewal"),
    }
    return render_templates("year_started", context)


def _end_of(subscription: Subscription | None) -> datetime | None:
    """When a subscription that does not renew ends."""
    return (subscription.cancel_at or subscription.current_period_end) if subscription else None
