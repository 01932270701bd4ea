"""Opening what a person must decide."""

from datetime import datetime

from subscriptions.models import Case, Dispute, Order, Payment, Subscriber


def open_case(
    *,
    key: str,
    kind: Case.Kind,
    summary: str,
    now: datetime,
    proposal: str = "",
    order: Order | None = None,
    subscriber: Subscriber | None = None,
    payment: Payment | None = None,
    dispute: Dispute | None = None,
) -> Case:
    """Open a case in the caller's transaction; the same `key` again changes nothing."""
    case, _ = Case.objects.get_or_create(
        key=key,
        defaults={
            "kind": kind,
            "summary": summary,
            "opened_at": now,
            "proposal": proposal,
            "order": order,
            "payment": payment,
            "dispute": dispute,
            "subscriber": subscriber or (order.subscriber if order else None),
        },
    )
    return case
