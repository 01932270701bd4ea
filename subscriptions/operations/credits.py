"""The credit ledger: granting and spending. A grant's balance and its ledger line change together, under the grant's lock."""

from datetime import datetime

from redreport import policy
from redreport.accounts.models import User
from sessions_live.models import LiveSession, Seat
from subscriptions.errors import CreditExpiresBefore, NoCredit
from subscriptions.models import CreditEntry, CreditGrant, Subscription
from subscriptions.operations.subscribers import lock_subscriber
from subscriptions.stripe_objects import InvoiceLine


def grant_year_credits(*, subscription: Subscription, line: InvoiceLine, now: datetime) -> tuple[CreditGrant, bool]:
    """Grant a paid year's credits for the period of its invoice line; once for each line, whatever comes how often.

    The caller has locked the subscriber. Returns the grant, and whether it is new.
    """
    grant, created = CreditGrant.objects.get_or_create(
        stripe_invoice_line_id=line.id,
        defaults={
            "subscriber_id": subscription.subscriber_id,
            "subscription": subscription,
            "credits": policy.CREDITS_PER_YEAR,
            "balance": policy.CREDITS_PER_YEAR,
            "valid_from": line.period_start,
            "expires_at": line.period_end,
            "created_at": now,
        },
    )
    if created:
        CreditEntry.objects.create(
            grant=grant,
            kind=CreditEntry.Kind.GRANT,
            delta=grant.credits,
            balance_after=grant.credits,
            reason="Annual subscription paid",
            at=now,
        )
    return grant, created


def spend_credit(*, subscriber_id: int, seat: Seat, live_session: LiveSession, actor: User, now: datetime) -> CreditEntry:
    """Spend the soonest-expiring credit that is still valid when the session starts. The caller has locked session and seat.

    Refuses with NoCredit, or with CreditExpiresBefore when all that are left end before the start.
    """
    lock_subscriber(subscriber_id)
    # The grants' locks, by id within their expiry: a refund of the year may be revoking them at this moment.
    valid = list(
        CreditGrant.objects.valid_at(now).filter(subscriber_id=subscriber_id, balance__gt=0).select_for_update(no_key=True)
    )
    grant = next((grant for grant in valid if grant.covers(live_session)), None)
    if grant is None:
        raise CreditExpiresBefore(valid[-1].expires_at) if valid else NoCredit
    grant.balance -= 1
    grant.save(update_fields=["balance"])
    return CreditEntry.objects.create(
        grant=grant,
        kind=CreditEntry.Kind.SPEND,
        delta=-1,
        balance_after=grant.balance,
        seat=seat,
        actor=actor,
        reason=live_session.title,
        at=now,
    )
