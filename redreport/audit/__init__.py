"""The audit trail: `record` writes in the caller's transaction, so that the change and its trace stand or fall together."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.db.models import Model

    from redreport.audit.models import AuditEntry


def record(
    *,
    actor: AbstractBaseUser | str | None,
    verb: str,
    target: Model,
    reason: str = "",
    detail: dict[str, Any] | None = None,
    now: datetime,
) -> AuditEntry:
    """
    Write who did what to the target, and why. The actor is a user, or a label such as "stripe"; None stands for "system".

    `detail` holds ids, amounts and states (JSON), never secrets.
    """
    from redreport.audit.models import (
        AuditEntry,
    )  # Models cannot be imported while Django still loads this package.

    person = None if actor is None or isinstance(actor, str) else actor
    label = actor if isinstance(actor, str) else ("system" if actor is None else "user")
    return AuditEntry.objects.create(
        at=now,
        actor_id=person.pk if person else None,
        actor_label=label,
        verb=verb,
        target_type=target._meta.label_lower,
        target_id=str(target.pk),
        reason=reason,
        detail=detail or {},
    )
