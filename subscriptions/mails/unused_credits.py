"""The optional mail that brings unused credits to mind."""

from collections.abc import Sequence
from datetime import datetime

from redreport import clock
from redreport.addresses import address_of
from redreport.outbox.kinds import MailKind, RenderedMail, Topic, Verdict
from redreport.outbox.kinds import register as register_kind
from redreport.outbox.models import OutgoingMail
from redreport.outbox.queue import OwedMail, queue_mails
from redreport.outbox.render import render_optional
from subscriptions.models import CreditGrant
from subscriptions.unused_credits import REMINDER_KEY, UnusedCredits, unused_credits

CREDIT_REMINDERS = Topic("credit_reminders", "Unused credits, once before they expire", is_wanted_unasked=True)
# So many sessions are named; the page has the others.
MOST_NAMED = 5


def register() -> None:
    """Make the kind known to the outbox."""
    register_kind(
        MailKind("credits_left", "unused credits", guard=_something_is_left, render=_render_credits_left, topic=CREDIT_REMINDERS)
    )


def queue_credits_left(*, grants: Sequence[CreditGrant], now: datetime) -> int:
    """Owe each grant's owner the reminder, once for a grant; returns how many are new."""
    owed = [
        OwedMail("credits_left", f"{REMINDER_KEY}{grant.pk}", grant.subscriber.user.email, {"grant_id": grant.pk})
        for grant in grants
    ]
    return queue_mails(owed, now=now)


def _something_is_left(mail: OutgoingMail, now: datetime) -> Verdict:
    grant = _grant_of(mail)
    if grant.expires_at <= now:
        return Verdict.miss("the credits have expired")
    left = _left(grant, now)
    if not left.credits:
        return Verdict.withhold("no credit is left")
    return Verdict.send() if left.live_sessions else Verdict.withhold("no session is left to book")


def _render_credits_left(mail: OutgoingMail) -> RenderedMail:
    grant = _grant_of(mail)
    left = _left(grant, clock.now())
    context = {
        "credits": left.credits,
        "sessions": len(left.live_sessions),
        "named": [(live, address_of("sessions:detail", live.slug)) for live in left.live_sessions[:MOST_NAMED]],
        "expires_at": grant.expires_at,
        "user": grant.subscriber.user,
        "sessions_url": address_of("sessions:list"),
    }
    return render_optional("credits_left", context, mail=mail, topic=CREDIT_REMINDERS)


def _grant_of(mail: OutgoingMail) -> CreditGrant:
    return CreditGrant.objects.select_related("subscriber__user").get(pk=mail.context["grant_id"])


def _left(grant: CreditGrant, now: datetime) -> UnusedCredits:
    return unused_credits(user=grant.subscriber.user, until=grant.expires_at, now=now)
