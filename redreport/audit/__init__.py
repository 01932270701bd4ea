"""The audit trail: `record` writes in the caller's transaction, so that the change and its trace stand or fall together."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser
    from django.db.models import Model

    from redreport.audit.models import AuditEntry


def record(
    *,
    actor: AbstractBaseUser | AnonymousUser | str | None,
    verb: str,
    target: Model,
    reason: str = "",
    detail: dict[str, Any] | None = None,
    now: datetime,
) -> AuditEntry:
    """
    Write who did what to the target, and why. The actor is a user, or a label such as "stripe"; None stands for "system", and
    somebody not signed in for "visitor".

    `detail` holds ids, amounts and states (JSON), never secrets.
    """
    from redreport.audit.models import (
        AuditEntry,
    )  # Models cannot be imported while Django still loads this package.

    if actor is None or isinstance(actor, str):
        actor_id, label = None, actor or "system"
    else:
        actor_id, label = actor.pk, "user" if actor.is_authenticated else "visitor"
    return AuditEntry.objects.create(
        at=now,
        actor_id=actor_id,
        actor_label=label,
        verb=verb,
        target_type=target._meta.label_lower,
        target_id=str(target.pk),
        reason=reason,
        detail=detail or {},
    )
