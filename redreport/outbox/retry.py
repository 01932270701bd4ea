"""A mail that failed is given another try, for which a member of staff answers."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from django.db import transaction

from redreport import audit
from redreport.dispatch import hand_to_worker
from redreport.outbox import kinds
from redreport.outbox.errors import ContentGone, NotFailed
from redreport.outbox.models import OutgoingMail
from redreport.outbox.queue import DELIVER_MAIL

if TYPE_CHECKING:
    from redreport.audit import Actor


def retry_mail(*, mail_id: int, actor: Actor, now: datetime) -> bool:
    """
    Owe a failed mail anew: the same row with the same Message-ID, and all the patience of a new one. Its guard is asked again, so
    what is no longer true is withheld. Returns whether anything changed: one that is already being tried is left as it is.

    Refuses with NotFailed, or with ContentGone for a code, which nobody may be sent late.
    """
    with transaction.atomic():
        # The mail's lock: two members of staff click at once, or a worker is at it.
        mail = OutgoingMail.objects.select_for_update().get(pk=mail_id)
        if mail.state in OutgoingMail.OPEN_STATES:
            return False
        if mail.state != OutgoingMail.State.FAILED:
            raise NotFailed
        if kinds.is_sealed(mail.kind):
            raise ContentGone
        detail = {"reason": mail.reason, "smtp_code": mail.smtp_code}
        mail.state, mail.reason, mail.smtp_code = OutgoingMail.State.QUEUED, "", None
        mail.due_at, mail.handed_until, mail.first_attempt_at, mail.faults = now, None, None, 0
        mail.returned, mail.bounced_at = "", None
        mail.updated_at = now
        mail.save()
        audit.record(actor=actor, verb="retried", target=mail, detail=detail, now=now)
        transaction.on_commit(partial(hand_to_worker, DELIVER_MAIL, mail.pk))
        return True


def can_retry(mail: OutgoingMail) -> bool:
    """Whether a button for it makes sense."""
    return mail.state == OutgoingMail.State.FAILED and not kinds.is_sealed(mail.kind)
