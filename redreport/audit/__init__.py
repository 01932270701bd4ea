"""The audit trail: `record` writes in the caller's transaction, so that the change and its trace stand or fall together."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser
    from django.db.models import Model

    from redreport.audit.models import AuditEntry

    Actor: TypeAlias = AbstractBaseUser | AnonymousUser | str | None


def record(
    *,
    actor: Actor,
    verb: str,
    target: Model | type[Model],
    reason: str = "",
    detail: dict[str, Any] | None = None,
    now: datetime,
) -> AuditEntry:
    """
    Write who did what to the target, a row or a whole table, and why. The actor is a user, or a label such as "stripe"; None
    stands for "system", and somebody not signed in for "visitor".

    `detail` holds ids, amounts and states (JSON), never secrets.
    """
    entry = _entry(actor=actor, verb=verb, target=target, reason=reason, detail=detail, now=now)
    entry.save()
    return entry


def record_all(
    *,
    actor: Actor,
    verb: str,
    targets: Iterable[Model],
    reason: str = "",
    detail: dict[str, Any] | None = None,
    now: datetime,
) -> None:
    """Write of each target what `record` writes of one, in one statement."""
    from redreport.audit.models import AuditEntry  # As below.

    said: Any = {"actor": actor, "verb": verb, "reason": reason, "detail": detail, "now": now}
    AuditEntry.objects.bulk_create([_entry(target=target, **said) for target in targets])


def _entry(
    *, actor: Actor, verb: str, target: Model | type[Model], reason: str, detail: dict[str, Any] | None, now: datetime
) -> AuditEntry:
    from redreport.audit.models import AuditEntry  # Models cannot be imported while Django still loads this package.

    if actor is None or isinstance(actor, str):
        actor_id, label = None, actor or "system"
    else:
        actor_id, label = actor.pk, "user" if actor.is_authenticated else "visitor"
    return AuditEntry(
        at=now,
        actor_id=actor_id,
        actor_label=label,
        verb=verb,
        target_type=target._meta.label_lower,
        target_id="" if isinstance(target, type) else str(target.pk),
        reason=reason,
        detail=detail or {},
    )
