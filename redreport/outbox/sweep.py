"""The safety net under the hand-off: whatever is due is handed to the workers, minute by minute, until it is done with."""

from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import Q

from redreport.dispatch import hand_to_worker
from redreport.outbox import relay
from redreport.outbox.models import OutgoingMail
from redreport.outbox.queue import DELIVER_MAIL, SWEEP_OUTBOX

BATCH = 200
# A row handed over is left alone for so long, so that a queue that stands still is not filled with copies of it.
HANDED = timedelta(minutes=5)


def sweep_outbox(now: datetime) -> list[int]:
    """
    Hand the longest due mails to the workers, a bounded batch of them, and return their ids. Due are queued mails whose time
    has come and mails whose claim has run out. Does nothing while the relay is known to be out of reach. After a full batch the
    next sweep is asked for at once.
    """
    if relay.is_resting(now):
        return []
    with transaction.atomic():
        # The race: two beats, or a sweep and a delivery. Rows that another transaction holds are somebody's already.
        due = list(
            OutgoingMail.objects.select_for_update(skip_locked=True)
            .filter(_is_due(now))
            .order_by("due_at")
            .values_list("pk", flat=True)[:BATCH]
        )
        OutgoingMail.objects.filter(pk__in=due).update(handed_until=now + HANDED)
        for mail_id in due:
            transaction.on_commit(partial(hand_to_worker, DELIVER_MAIL, mail_id))
        if len(due) == BATCH:
            transaction.on_commit(partial(hand_to_worker, SWEEP_OUTBOX))
    return due


def _is_due(now: datetime) -> Q:
    unclaimed = Q(claimed_until__isnull=True) | Q(claimed_until__lte=now)
    unhanded = Q(handed_until__isnull=True) | Q(handed_until__lte=now)
    return Q(state__in=OutgoingMail.OPEN_STATES, due_at__lte=now) & unclaimed & unhanded
