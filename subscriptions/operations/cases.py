"""What a person must decide: opened with a proposal, or settled by itself where its cause went away."""

from datetime import datetime

from subscriptions.models import Case, Dispute, Order, Payment, Refund, Subscriber, Subscription

LONGEST = 300


def open_case(
    *,
    key: str,
    kind: Case.Kind,
    summary: str,
    now: datetime,
    proposal: str = "",
    subscriber: Subscriber | None = None,
    subscription: Subscription | None = None,
    order: Order | None = None,
    payment: Payment | None = None,
    refund: Refund | None = None,
    dispute: Dispute | None = None,
) -> Case:
    """Open a case in the caller's transaction; the same `key` again changes nothing.

    Whom it concerns follows from the order or the payment, unless it is said.
    """
    belongs_to = order or payment or subscription
    case, _ = Case.objects.get_or_create(
        key=key,
        defaults={
            "kind": kind,
            "summary": summary[:LONGEST],
            "proposal": proposal[:LONGEST],
            "opened_at": now,
            "subscriber": subscriber or (belongs_to.subscriber if belongs_to else None),
            "subscription": subscription,
            "order": order,
            "payment": payment,
            "refund": refund,
            "dispute": dispute,
        },
    )
    return case


def close_case_of_key(*, key: str, resolution: str, now: datetime) -> None:
    """Settle the open case of this key, whose cause went away by itself; where there is none, nothing happens."""
    opened = Case.objects.filter(key=key, state=Case.State.OPENED)
    opened.update(state=Case.State.SETTLED, settled_at=now, resolution=resolution[:LONGEST])
