"""Opening what a person must decide."""

from datetime import datetime

from subscriptions.models import Case, Order, Subscriber


def open_case(
    *, key: str, kind: Case.Kind, summary: str, now: datetime, order: Order | None = None, subscriber: Subscriber | None = None
) -> Case:
    """Open a case in the caller's transaction; the same `key` again changes nothing."""
    case, _ = Case.objects.get_or_create(
        key=key,
        defaults={
            "kind": kind,
            "summary": summary,
            "opened_at": now,
            "order": order,
            "subscriber": subscriber or (order.subscriber if order else None),
        },
    )
    return case
