"""What the program does by itself, and whether it does: cases, Stripe's news, mails, workers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Count, Min, Q

from redreport.outbox import kinds
from redreport.outbox.heartbeats import last_heartbeats
from redreport.outbox.models import OutgoingMail
from subscriptions.models import Case, Reconciliation, StripeEvent
from subscriptions.selectors import orders_paid_not_given

# What failed longer ago has a case, or nobody minds.
RECENT = timedelta(days=7)
# The return page gives it at once, the minute sweep soon after.
GIVEN_WITHIN = timedelta(minutes=5)


@dataclass(frozen=True)
class CaseCount:
    """The open cases of one kind."""

    kind: str
    label: str
    number: int
    oldest: datetime


@dataclass(frozen=True)
class Webhooks:
    """What Stripe told us, and the last comparison with it."""

    last_received: datetime | None
    waiting: int
    oldest_waiting: datetime | None
    failed: int
    last_run: Reconciliation | None
    # When the tables were made, where nothing was compared yet.
    began_at: datetime | None
    paid_not_given: int


@dataclass(frozen=True)
class Mails:
    """The outbox: what waits, and what nobody got of late. Codes and optional mails that come back are not counted."""

    waiting: int
    oldest_waiting: datetime | None
    failed: int
    bounced: int


@dataclass(frozen=True)
class Machines:
    """When each queue's worker was last heard of."""

    heartbeats: Mapping[str, datetime | None]


def look_at_cases(now: datetime) -> list[CaseCount]:
    """The open cases by kind, the oldest first. One query."""
    counted = Case.objects.filter(state=Case.State.OPENED).order_by().values("kind").annotate(Count("pk"), Min("opened_at"))
    counts = [CaseCount(row["kind"], Case.Kind(row["kind"]).label, row["pk__count"], row["opened_at__min"]) for row in counted]
    return sorted(counts, key=lambda count: count.oldest)


def look_at_webhooks(now: datetime) -> Webhooks:
    """Five queries at most."""
    is_received = Q(state=StripeEvent.State.RECEIVED)
    last = StripeEvent.objects.order_by("-id").values_list("received_at", flat=True).first()
    unwell = StripeEvent.objects.filter(state__in=(StripeEvent.State.RECEIVED, StripeEvent.State.FAILED)).aggregate(
        waiting=Count("id", filter=is_received),
        oldest=Min("received_at", filter=is_received),
        failed=Count("id", filter=~is_received),
    )
    last_run = Reconciliation.objects.filter(finished_at__isnull=False).order_by("-started_at").first()
    applied = MigrationRecorder.Migration.objects.filter(app=Reconciliation._meta.app_label)
    return Webhooks(
        last_received=last,
        waiting=unwell["waiting"],
        oldest_waiting=unwell["oldest"],
        failed=unwell["failed"],
        last_run=last_run,
        began_at=None if last_run else applied.aggregate(first=Min("applied"))["first"],
        paid_not_given=orders_paid_not_given().filter(paid_at__lt=now - GIVEN_WITHIN).count(),
    )


def look_at_mails(now: datetime) -> Mails:
    """One query."""
    is_open = Q(state__in=OutgoingMail.OPEN_STATES)
    needless = [kind.name for kind in kinds.known_kinds() if kind.sealed or kind.topic]
    is_recent = Q(state__in=OutgoingMail.UNDELIVERED, updated_at__gte=now - RECENT) & ~Q(kind__in=needless)
    counted = OutgoingMail.objects.filter(is_open | is_recent).aggregate(
        # What is due later does not wait yet.
        waiting=Count("id", filter=is_open & Q(due_at__lte=now)),
        oldest=Min("due_at", filter=is_open),
        failed=Count("id", filter=Q(state=OutgoingMail.State.FAILED)),
        bounced=Count("id", filter=Q(state=OutgoingMail.State.BOUNCED)),
    )
    return Mails(counted["waiting"], counted["oldest"], counted["failed"], counted["bounced"])


def look_at_machines() -> Machines:
    """One query."""
    return Machines(last_heartbeats())
