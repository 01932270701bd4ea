"""The mails to readers whom the house gives something: an account that waits for them, or credits."""

from datetime import datetime

from redreport import clock
from redreport.accounts.models import User
from redreport.addresses import address_of
from redreport.outbox.kinds import MailKind, RenderedMail, Verdict
from redreport.outbox.kinds import register as register_kind
from redreport.outbox.models import OutgoingMail
from redreport.outbox.queue import queue_mail
from redreport.outbox.render import render_templates
from subscriptions.models import CreditGrant
from subscriptions.selectors import credit_balance, valid_grants


def register() -> None:
    """Make the kinds known to the outbox."""
    register_kind(MailKind("invitation", "invitation", guard=_account_is_still_there, render=_render_invitation))
    register_kind(MailKind("credits_granted", "credits granted", guard=_credits_are_good, render=_render_credits_granted))


def queue_invitation(*, user: User, now: datetime) -> None:
    """Owe somebody whose account the house has made word of it, and of how they sign in; once for an account."""
    queue_mail(kind="invitation", key=f"invitation:{user.pk}", recipient=user.email, context={"user_id": user.pk}, now=now)


def queue_credits_granted(*, grant: CreditGrant, now: datetime) -> None:
    """Owe the reader word of credits that the house has given them; once for a grant."""
    queue_mail(
        kind="credits_granted",
        key=f"credits_granted:{grant.pk}",
        recipient=grant.subscriber.user.email,
        context={"grant_id": grant.pk},
        now=now,
    )


def _account_is_still_there(mail: OutgoingMail, now: datetime) -> Verdict:
    user = User.objects.get(pk=mail.context["user_id"])
    if not user.is_active:
        return Verdict.withhold("the account was switched off")
    # What was mistyped is nobody's business, or somebody else's.
    return Verdict.send() if user.email == mail.recipient else Verdict.withhold("the address was corrected")


def _credits_are_good(mail: OutgoingMail, now: datetime) -> Verdict:
    grant = _grant_of(mail)
    if grant.expires_at <= now:
        return Verdict.miss("the credits have expired")
    user = grant.subscriber.user
    return Verdict.send() if user.is_active else Verdict.withhold("the account was switched off")


def _render_invitation(mail: OutgoingMail) -> RenderedMail:
    user = User.objects.get(pk=mail.context["user_id"])
    context = {
        "user": user,
        "grants": [grant for grant in valid_grants(user, clock.now()) if grant.balance],
        "login_url": address_of("account_login"),
        "sessions_url": address_of("sessions:list"),
    }
    return render_templates("invitation", context)


def _render_credits_granted(mail: OutgoingMail) -> RenderedMail:
    grant = _grant_of(mail)
    context = {
        "grant": grant,
        "balance": credit_balance(user=grant.subscriber.user, now=clock.now()).total,
        "sessions_url": address_of("sessions:list"),
        "credits_url": address_of("subscriptions:credits"),
    }
    return render_templates("credits_granted", context)


def _grant_of(mail: OutgoingMail) -> CreditGrant:
    return CreditGrant.objects.select_related("subscriber__user").get(pk=mail.context["grant_id"])
