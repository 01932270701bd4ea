"""Everything a story leaves behind in our tables, in a form in which two runs can be compared."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import models, transaction

from redreport.outbox.models import OutgoingMail
from sessions_live.models import Seat
from subscriptions.models import (
    Case,
    CreditEntry,
    CreditGrant,
    Dispute,
    FormerCustomer,
    Invoice,
    Order,
    Payment,
    Refund,
    RenewalNotice,
    SeatCoverage,
    Subscriber,
    Subscription,
    SubscriptionChange,
)

COMPARED = (
    Case,
    CreditEntry,
    CreditGrant,
    Dispute,
    FormerCustomer,
    Invoice,
    Order,
    Payment,
    Refund,
    RenewalNotice,
    Seat,
    SeatCoverage,
    Subscriber,
    Subscription,
    SubscriptionChange,
)
# Made anew in every run, or moments of our own doing.
OURS = {
    *("id", "public_id", "key", "number", "stripe_key_version", "attempts", "checks"),
    *("created_at", "updated_at", "recorded_at", "fulfilled_at", "synced_at", "settled_at", "opened_at", "left_at", "done_at"),
    "closed_at",
    *("confirmed_at", "canceled_at", "held_at", "next_check_at", "next_attempt_at", "credit_note_due_at", "at"),
}


def outcome() -> dict[str, Any]:
    """Every compared table's rows, and the mails owed. A reference to a row says only whether there is one."""
    rows = {model.__name__: sorted(map(_plain, model._default_manager.all()), key=repr) for model in COMPARED}
    return {**rows, "mails": sorted(OutgoingMail.objects.values_list("kind", "recipient"))}


def _plain(row: models.Model) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for field in row._meta.concrete_fields:
        value = getattr(row, field.attname)
        if field.name in OURS:
            values[field.name] = value is not None
        else:
            values[field.name] = (value is not None) if field.is_relation else value
    for name in ("id", "attempts", "checks", "stripe_key_version"):
        values.pop(name, None)
    return values


@contextmanager
def undone_afterwards() -> Iterator[None]:
    """What happens inside leaves no trace, so that the next run starts from the same rows."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
