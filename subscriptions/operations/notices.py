"""The notice before a renewal, once for each renewal date.

A row is committed first; then Stripe is asked what the renewal will charge; then the answer, with what else the mail states, and
the mail itself are committed together.
"""

from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction

from redreport import policy
from redreport.waits import growing_wait
from sessions_live.selectors import sessions_attended
from subscriptions import mails
from subscriptions import stripe_gateway as gateway
from subscriptions.cards import card_fields
from subscriptions.errors import GatewayNotFound, GatewayRefused
from subscriptions.models import Case, Order, RenewalNotice, Subscription
from subscriptions.operations.cases import case_key, open_case
from subscriptions.operations.renewals import sync_subscription
from subscriptions.operations.subscribers import lock_subscriber
from subscriptions.selectors import credit_balance, subscriptions_owed_notice
from subscriptions.stripe_objects import RenewalPreview

log = structlog.get_logger(__name__)

FIRST_WAIT = timedelta(minutes=5)
LONGEST_WAIT = timedelta(hours=12)
# A renewal turned on again shortly before its date has at least so long for its notice.
SHORTEST_PATIENCE = timedelta(days=1)


def announce_renewal(*, stripe_subscription_id: str, now: datetime) -> None:
    """Stripe says that a subscription renews soon: look at it, and make its notice due if one is owed."""
    sync_subscription(stripe_subscription_id=stripe_subscription_id, now=now)
    ours = Subscription.objects.filter(stripe_subscription_id=stripe_subscription_id)
    for subscription_id in ours.values_list("id", flat=True):
        begin_renewal_notice(subscription_id=subscription_id, now=now)


def begin_renewal_notice(*, subscription_id: int, now: datetime) -> None:
    """Make the notice of a subscription's coming renewal due, if one is owed and does not stand already."""
    subscriber_id = Subscription.objects.values_list("subscriber_id", flat=True).get(pk=subscription_id)
    with transaction.atomic():
        # The subscriber's lock: the sweep and the news of an upcoming invoice may begin the same notice.
        lock_subscriber(subscriber_id)
        owed = subscriptions_owed_notice(now=now).filter(pk=subscription_id).first()
        if owed is None:
            return
        # A notice that was let go while the renewal was off begins anew.
        RenewalNotice.objects.update_or_create(
            subscription=owed, renews_at=owed.current_period_end, defaults={"created_at": now, "next_attempt_at": now}
        )


def make_renewal_notice(*, notice_id: int, now: datetime) -> None:
    """Ask Stripe what a due notice's renewal will charge, and owe the mail. Refuses with GatewayUnavailable or ObjectBusy.

    Without an answer it is due again after growing waits, until `policy.RENEWAL_NOTICE_LATEST`; then a case is opened.
    """
    notice = _claim(notice_id, now)
    if notice is None:
        return
    stripe_subscription_id = notice.subscription.stripe_subscription_id
    try:
        preview = gateway.preview_renewal(stripe_subscription_id)
    except GatewayNotFound:
        # Nothing is upcoming: the renewal was turned off at Stripe, and we have not heard of it.
        _let_go_unless_it_renews(notice, now)
    except GatewayRefused as refusal:
        log.warning("renewal_preview_refused", notice=notice.pk, code=refusal.code)
    else:
        if preview.renews_at == notice.renews_at:
            _owe_mail(notice, preview, now)
        else:
            _let_go_unless_it_renews(notice, now)


def _claim(notice_id: int, now: datetime) -> RenewalNotice | None:
    """The notice, put off before Stripe is asked, so that a Stripe which is down is not asked in every turn."""
    with transaction.atomic():
        subscriber_id = RenewalNotice.objects.values_list("subscription__subscriber_id", flat=True).get(pk=notice_id)
        # The subscriber's lock: two sweeps may come for one notice.
        lock_subscriber(subscriber_id)
        notice = RenewalNotice.objects.select_related("subscription__subscriber__user").get(pk=notice_id)
        if notice.next_attempt_at is None or notice.next_attempt_at > now:
            return None
        if not notice.still_holds:
            notice.next_attempt_at = None
        elif now >= _last_moment(notice):
            _give_up(notice, now)
        else:
            notice.attempts += 1
            wait = growing_wait(attempts=notice.attempts, first=FIRST_WAIT, longest=LONGEST_WAIT)
            notice.next_attempt_at = min(now + wait, _last_moment(notice))
        notice.save(update_fields=["next_attempt_at", "attempts", "given_up_at"])
        return notice if notice.next_attempt_at else None


def _last_moment(notice: RenewalNotice) -> datetime:
    return max(notice.renews_at - policy.RENEWAL_NOTICE_LATEST, notice.created_at + SHORTEST_PATIENCE)


def _give_up(notice: RenewalNotice, now: datetime) -> None:
    notice.next_attempt_at = None
    notice.given_up_at = now
    open_case(
        key=case_key(Case.Kind.RENEWAL_NOTICE, notice.pk),
        kind=Case.Kind.RENEWAL_NOTICE,
        summary=f"No notice went out of the renewal on {notice.renews_at:%Y-%m-%d}: Stripe would not say what it will charge",
        proposal="Write to the reader yourself: the date, the amount that Stripe's dashboard shows as upcoming, and how to turn "
        "the renewal off.",
        subscriber=notice.subscription.subscriber,
        subscription=notice.subscription,
        now=now,
    )


def _let_go_unless_it_renews(notice: RenewalNotice, now: datetime) -> None:
    """Look at the subscription anew. If it still renews on that date, Stripe contradicts itself, and the notice stays due."""
    sync_subscription(stripe_subscription_id=notice.subscription.stripe_subscription_id, now=now)
    notice.subscription.refresh_from_db()
    if not notice.still_holds:
        RenewalNotice.objects.filter(pk=notice.pk).update(next_attempt_at=None)


def _owe_mail(notice: RenewalNotice, preview: RenewalPreview, now: datetime) -> None:
    with transaction.atomic():
        # The subscriber's lock: what is counted here stands still until the mail is owed, and only one worker owes it.
        lock_subscriber(notice.subscription.subscriber_id)
        if not RenewalNotice.objects.filter(pk=notice.pk, attempts=notice.attempts, next_attempt_at__isnull=False).exists():
            return
        notice.dossier = _dossier(notice.subscription, preview, now)
        notice.next_attempt_at = None
        notice.mail = mails.queue_renewal_notice(notice=notice, now=now)
        notice.save(update_fields=["dossier", "next_attempt_at", "mail"])


def _dossier(subscription: Subscription, preview: RenewalPreview, now: datetime) -> dict[str, Any]:
    user = subscription.subscriber.user
    balance = credit_balance(user=user, now=now)
    order = Order.objects.filter(subscription=subscription).first()
    begin, end = subscription.current_period_start, subscription.current_period_end
    return {
        "subtotal_minor": preview.subtotal_minor,
        "discount_minor": preview.discount_minor,
        "tax_minor": preview.tax_minor,
        "total_minor": preview.total_minor,
        "currency": preview.currency,
        **card_fields(preview.card),
        "new_credits": policy.CREDITS_PER_YEAR,
        "sessions_attended": sessions_attended(user=user, begin=begin, end=end),
        "credits_left": balance.total,
        "credits_expire_at": balance.first_expiry.isoformat() if balance.first_expiry else None,
        "consented_at": order.consented_at.isoformat() if order and order.consented_at else None,
        "consent_version": order.consent_version if order else "",
    }
