"""A reader's private calendar address."""

import uuid
from datetime import datetime

from django.db import transaction

from redreport import audit
from redreport.accounts.models import User
from redreport.transactions import retried
from sessions_live.models import CalendarFeed


@retried
def make_calendar_feed(*, user: User, now: datetime) -> CalendarFeed:
    """Give the reader a private calendar address; the one they have stays."""
    with transaction.atomic():
        feed, is_new = CalendarFeed.objects.get_or_create(user=user, defaults={"made_at": now})
        if is_new:
            audit.record(actor=user, verb="made", target=feed, now=now)
        return feed


def renew_calendar_feed(*, user: User, key: uuid.UUID, now: datetime) -> None:
    """Make the address with this key worthless and give the reader another; asked for twice, the second time changes nothing."""
    with transaction.atomic():
        # The feed's row, locked: of two clicks the second finds that its key is not in use any more.
        feed = CalendarFeed.objects.select_for_update().filter(user=user, key=key).first()
        if feed is None:
            return
        feed.key, feed.made_at = uuid.uuid4(), now
        feed.save(update_fields=["key", "made_at"])
        audit.record(actor=user, verb="renewed", target=feed, now=now)
