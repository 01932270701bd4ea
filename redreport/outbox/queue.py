"""How the rest of the house asks for a mail."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction

from redreport.dispatch import hand_to_worker
from redreport.outbox import seal
from redreport.outbox.models import OutgoingMail

DELIVER_MAIL = "redreport.outbox.deliver_mail"
SWEEP_OUTBOX = "redreport.outbox.sweep_outbox"


@dataclass(frozen=True)
class OwedMail:
    """What one mail of many is: the same as the arguments of `queue_mail`."""

    kind: str
    key: str
    recipient: str
    context: dict[str, Any]
    schedule_version: int | None = None


def queue_mail(
    *,
    kind: str,
    key: str,
    recipient: str,
    context: dict[str, Any],
    now: datetime,
    due_at: datetime | None = None,
    schedule_version: int | None = None,
    secret: dict[str, Any] | None = None,
) -> OutgoingMail:
    """
    Owe a mail: insert its row in the caller's transaction and, once that commits, tell a worker.

    The same key again changes nothing and returns the row of the first time. `context` holds ids only; `secret` holds what no
    id gives back and is kept encrypted until the mail is done with. With `due_at` the mail waits for the sweep of that minute.
    A broker that is down is no error here: the sweep finds the row.
    """
    owed = _row(OwedMail(kind, key, recipient, context, schedule_version), now)
    owed.due_at = due_at or now
    owed.secret = seal.seal(secret) if secret else None
    # Of rivals with one key the first is kept, without a savepoint.
    OutgoingMail.objects.bulk_create([owed], ignore_conflicts=True)
    mail = OutgoingMail.objects.get(key=key)
    is_new = mail.created_at == now
    if is_new and mail.due_at <= now:
        transaction.on_commit(partial(hand_to_worker, DELIVER_MAIL, mail.pk))
    return mail


def queue_mails(owed: Iterable[OwedMail], *, now: datetime) -> int:
    """
    Owe many mails at once, in the caller's transaction and in a constant number of statements; the sweep is told once that it
    commits. Keys that are known already change nothing. Returns how many are new.
    """
    rows = [_row(mail, now) for mail in owed]
    known = set(OutgoingMail.objects.filter(key__in=[row.key for row in rows]).values_list("key", flat=True))
    fresh = [row for row in rows if row.key not in known]
    if fresh:
        OutgoingMail.objects.bulk_create(fresh, ignore_conflicts=True)
        transaction.on_commit(partial(hand_to_worker, SWEEP_OUTBOX))
    return len(fresh)


def _row(mail: OwedMail, now: datetime) -> OutgoingMail:
    return OutgoingMail(
        key=mail.key,
        kind=mail.kind,
        recipient=mail.recipient,
        context=mail.context,
        schedule_version=mail.schedule_version,
        due_at=now,
        message_id=message_id_for(mail.key),
        created_at=now,
        updated_at=now,
    )


def message_id_for(key: str) -> str:
    """One key, one Message-ID, at the site's host: a mail sent twice can be recognised as the same one."""
    host = urlsplit(settings.SITE_URL).hostname
    return f"<{uuid.uuid5(uuid.NAMESPACE_URL, f'{settings.SITE_URL}/outbox/{key}')}@{host}>"
