"""How the rest of the house asks for a mail."""

import uuid
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
    owed = OutgoingMail(
        key=key,
        kind=kind,
        recipient=recipient,
        context=context,
        secret=seal.seal(secret) if secret else None,
        schedule_version=schedule_version,
        due_at=due_at or now,
        message_id=message_id_for(key),
        created_at=now,
        updated_at=now,
    )
    # Of rivals with one key the first is kept, without a savepoint.
    OutgoingMail.objects.bulk_create([owed], ignore_conflicts=True)
    mail = OutgoingMail.objects.get(key=key)
    is_new = mail.created_at == now
    if is_new and mail.due_at <= now:
        transaction.on_commit(partial(hand_to_worker, DELIVER_MAIL, mail.pk))
    return mail


def message_id_for(key: str) -> str:
    """One key, one Message-ID, at the site's host: a mail sent twice can be recognised as the same one."""
    host = urlsplit(settings.SITE_URL).hostname
    return f"<{uuid.uuid5(uuid.NAMESPACE_URL, f'{settings.SITE_URL}/outbox/{key}')}@{host}>"
