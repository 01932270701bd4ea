"""The mail before a renewal. It says what the notice's dossier says, so that the two never differ."""

from datetime import datetime
from typing import Any

from redreport.addresses import address_of
from redreport.money import format_money
from redreport.outbox.kinds import MailKind, RenderedMail, Verdict
from redreport.outbox.kinds import register as register_kind
from redreport.outbox.models import OutgoingMail
from redreport.outbox.queue import queue_mail
from redreport.outbox.render import render_templates
from redreport.wording import full_day, house_day
from subscriptions.cards import Card
from subscriptions.models import RenewalNotice


def register() -> None:
    """Make the kinds known to the outbox."""
    register_kind(MailKind("renewal_notice", "renewal notice", guard=_still_renews, render=_render_renewal_notice))


def queue_renewal_notice(*, notice: RenewalNotice, now: datetime) -> OutgoingMail:
    """Owe the subscriber the notice whose dossier stands; a new mail for each time that it was made anew."""
    return queue_mail(
        kind="renewal_notice",
        key=f"renewal_notice:{notice.pk}:{notice.attempts}",
        recipient=notice.subscription.subscriber.user.email,
        context={"notice_id": notice.pk},
        now=now,
    )


def _still_renews(mail: OutgoingMail, now: datetime) -> Verdict:
    notice = RenewalNotice.objects.select_related("subscription").get(pk=mail.context["notice_id"])
    if not notice.still_holds:
        return Verdict.withhold("the subscription does not renew on that date any more")
    return Verdict.miss("the renewal has been") if notice.renews_at <= now else Verdict.send()


def _render_renewal_notice(mail: OutgoingMail) -> RenderedMail:
    notice = RenewalNotice.objects.get(pk=mail.context["notice_id"])
    dossier = notice.dossier
    card = _card(dossier)
    context = {
        "renews_at": notice.renews_at,
        **{name: _money(dossier, name) for name in ("subtotal", "discount", "tax", "total")},
        "card": card,
        "card_expires": dossier["card_expires"],
        "card_ends_before": card is not None and card.ends_before(notice.renews_at),
        "new_credits": dossier["new_credits"],
        "attended": _sessions(dossier["sessions_attended"]),
        "left": _credits(dossier["credits_left"], _instant(dossier["credits_expire_at"])),
        "consented_at": _instant(dossier["consented_at"]),
        "account_url": address_of("pages:account"),
        "renewal_url": address_of("subscriptions:renewal"),
    }
    return render_templates("renewal_notice", context)


def _card(dossier: dict[str, Any]) -> Card | None:
    return Card(dossier["card_brand"], dossier["card_last4"], dossier["card_expires"]) if dossier["card_last4"] else None


def _money(dossier: dict[str, Any], name: str) -> str:
    """'$2,500'; nothing where it is nothing, unless it is the total."""
    amount: int = dossier[f"{name}_minor"]
    return format_money(amount, dossier["currency"]) if amount or name == "total" else ""


def _sessions(count: int) -> str:
    return f"{count} session" if count == 1 else f"{count} sessions"


def _credits(left: int, expire_at: datetime | None) -> str:
    """'3, good until 1 December 2027': until the first of them expires."""
    return f"{left}, good until {full_day(house_day(expire_at))}" if expire_at else "none"


def _instant(written: str | None) -> datetime | None:
    return datetime.fromisoformat(written) if written else None
