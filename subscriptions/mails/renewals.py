"""The mails that come of a year's renewal turned off or on, wherever that was done, and of a year that the house ended."""

from datetime import datetime

from redreport import policy
from redreport.addresses import address_of
from redreport.money import format_money
from redreport.outbox.kinds import MailKind, RenderedMail, Verdict
from redreport.outbox.kinds import register as register_kind
from redreport.outbox.models import OutgoingMail
from redreport.outbox.queue import queue_mail
from redreport.outbox.render import render_templates
from subscriptions.models import Subscription, SubscriptionChange
from subscriptions.selectors import yearly_amount


def register() -> None:
    """Make the kinds known to the outbox."""
    for name, label in (("renewal_turned_off", "renewal turned off"), ("renewal_turned_on", "renewal turned on")):
        register_kind(MailKind(name, label, guard=_still_the_last_word, render=_render_renewal_changed))
    register_kind(
        MailKind("year_ended_by_house", "year ended by the house", guard=_is_being_ended, render=_render_year_ended_by_house)
    )


def queue_renewal_changed(*, subscription: Subscription, now: datetime) -> None:
    """Owe the subscriber the news that the renewal was turned off or on; once for each such turn.

    The caller has locked the subscriber and writes the turn down in this transaction.
    """
    turn = OutgoingMail.objects.filter(key__startswith=_key(subscription.pk, "")).count() + 1
    queue_mail(
        kind="renewal_turned_on" if subscription.renews else "renewal_turned_off",
        key=_key(subscription.pk, turn),
        recipient=subscription.subscriber.user.email,
        context={"subscription_id": subscription.pk, "turn": turn},
        now=now,
    )


def queue_year_ended_by_house(
    *, change: SubscriptionChange, refund_minor: int, currency: str, seats_canceled: int, now: datetime
) -> None:
    """Owe the subscriber the news that staff ended the year, what comes back of the payment, and how many seats went with it."""
    queue_mail(
        kind="year_ended_by_house",
        key=f"year_ended_by_house:{change.subscription_id}",
        recipient=change.subscription.subscriber.user.email,
        context={
            "subscription_id": change.subscription_id,
            "refund_minor": refund_minor,
            "currency": currency,
            "seats_canceled": seats_canceled,
        },
        now=now,
    )


def _key(subscription_id: int, turn: int | str) -> str:
    return f"renewal_changed:{subscription_id}:{turn}"


def _still_the_last_word(mail: OutgoingMail, now: datetime) -> Verdict:
    subscription = Subscription.objects.get(pk=mail.context["subscription_id"])
    if OutgoingMail.objects.filter(key=_key(subscription.pk, mail.context["turn"] + 1)).exists():
        return Verdict.withhold("the renewal was changed again since")
    if not subscription.is_live:
        return Verdict.withhold("the year has ended")
    return Verdict.send()


def _is_being_ended(mail: OutgoingMail, now: datetime) -> Verdict:
    endings = SubscriptionChange.objects.filter(
        subscription_id=mail.context["subscription_id"], kind=SubscriptionChange.Kind.END_NOW
    )
    stands = endings.exclude(state=SubscriptionChange.State.REFUSED).exists()
    return Verdict.send() if stands else Verdict.withhold("Stripe refused to end it")


def _render_renewal_changed(mail: OutgoingMail) -> RenderedMail:
    subscription = Subscription.objects.get(pk=mail.context["subscription_id"])
    context = {
        "subscription": subscription,
        "amount_text": str(yearly_amount(subscription) or ""),
        "credits": policy.CREDITS_PER_YEAR,
        "renewal_url": address_of("subscriptions:renewal"),
    }
    return render_templates(mail.kind, context)


def _render_year_ended_by_house(mail: OutgoingMail) -> RenderedMail:
    refund_minor = mail.context["refund_minor"]
    context = {
        "refund_text": format_money(refund_minor, mail.context["currency"]) if refund_minor else "",
        "seats_canceled": mail.context["seats_canceled"],
        "account_url": address_of("pages:account"),
    }
    return render_templates("year_ended_by_house", context)
