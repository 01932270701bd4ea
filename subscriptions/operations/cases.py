"""Opening what a person must decide, and settling what no longer needs one."""

from datetime import datetime

from subscriptions.models import Case, Order, Subscriber, Subscription


def open_case(
    *,
    key: str,
    kind: Case.Kind,
    summary: str,
    now: datetime,
    proposal: str = "",
    order: Order | None = None,
    subscriber: Subscriber | None = None,
    subscription: Subscription | None = None,
) -> Case:
    """Open a case in the caller's transaction; the same `key` again changes nothing."""
    case, _ = Case.objects.get_or_create(
        key=key,
        defaults={
            "kind": kind,
            "summary": summary,
            "proposal": proposal,
            "opened_at": now,
            "order": order,
            "subscription": subscription,
            "subscriber": subscriber or (order.subscriber if order else None),
        },
    )
    return case


def close_case_of_key(*, key: str, resolution: str, now: datetime) -> None:
    """Settle the open case of this key, whose cause went away by itself; where there is none, nothing happens."""
    opened = Case.objects.filter(key=key, state=Case.State.OPENED)
    opened.update(state=Case.State.SETTLED, settled_at=now, resolution=resolution)
