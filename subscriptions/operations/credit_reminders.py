"""Bringing unused credits to mind, once, while there is still something to use them for."""

from datetime import datetime

from django.db import transaction

from subscriptions import mails
from subscriptions.unused_credits import grants_to_remind_of


def queue_credit_reminders(*, now: datetime, limit: int) -> int:
    """Owe the reminders of credits that expire soon, `limit` of them at most; returns how many. Each grant is spoken of once:
    of two sweeps at one moment the mail's key keeps the first."""
    with transaction.atomic():
        grants = list(grants_to_remind_of(now=now).select_related("subscriber__user")[:limit])
        return mails.queue_credits_left(grants=grants, now=now)
