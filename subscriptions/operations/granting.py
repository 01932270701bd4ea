"""Credits by operations of their own: given by staff, written off when their time is over."""

import uuid
from datetime import datetime

from django.db import transaction

from redreport import policy
from redreport.accounts.models import User
from redreport.transactions import retried
from subscriptions.errors import CreditsNotGrantable
from subscriptions.mails import queue_credits_granted
from subscriptions.models import CreditGrant
from subscriptions.operations.credits import expire_credits, grant_credits
from subscriptions.operations.subscribers import subscriber_of


@retried
def give_credits(
    *,
    user: User,
    credits: int,
    expires_at: datetime,
    actor: User,
    reason: str,
    request_id: uuid.UUID | None = None,
    now: datetime,
) -> CreditGrant:
    """Give a reader credits that are good from now on, by a named member of staff for a written reason, and owe the reader the
    mail that says so. The same `request_id` again gives nothing more and returns the grant of the first time.

    Refuses with CreditsNotGrantable a number outside of 1 to 120, an expiry that is not in the future, and a missing reason.
    """
    refuse_if_not_grantable(credits=credits, expires_at=expires_at, reason=reason, now=now)
    subscriber = subscriber_of(user)
    with transaction.atomic():
        grant, is_new = grant_credits(
            subscriber_id=subscriber.pk,
            credits=credits,
            valid_from=now,
            expires_at=expires_at,
            actor=actor,
            reason=reason.strip(),
            request_id=request_id,
            now=now,
        )
        if is_new:
            queue_credits_granted(grant=grant, now=now)
        return grant


def refuse_if_not_grantable(*, credits: int, expires_at: datetime, reason: str, now: datetime) -> None:
    """Refuses with CreditsNotGrantable what staff may not give to anybody; the message says why."""
    if not 1 <= credits <= policy.MOST_CREDITS_GIVEN:
        raise CreditsNotGrantable(f"Give between 1 and {policy.MOST_CREDITS_GIVEN} credits.")
    if expires_at <= now:
        raise CreditsNotGrantable("They would have expired already.")
    if not reason.strip():
        raise CreditsNotGrantable("Say why they are given.")


def expire_grant(*, grant_id: int, now: datetime) -> None:
    """Write off what is left of a grant whose time is over; again it changes nothing."""
    with transaction.atomic():
        expire_credits(grant_id=grant_id, now=now)
