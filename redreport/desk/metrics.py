"""What monitoring reads: how much waits, how long it has waited, and what needs a person. Counted in the database."""

from collections.abc import Iterator
from datetime import datetime

from django.conf import settings
from django.db.models import Count, Min, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from redreport import clock
from redreport.outbox.heartbeats import last_heartbeats
from redreport.outbox.models import OutgoingMail
from subscriptions.models import Case, Reconciliation, Refund, StripeEvent
from subscriptions.selectors import orders_paid_not_given


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Gauges in Prometheus' text format, for who brings the token; an address that does not exist for everybody else."""
    token = settings.METRICS_TOKEN
    if not token or not constant_time_compare(request.headers.get("Authorization", ""), f"Bearer {token}"):
        raise Http404
    lines = (f"redreport_{name} {value}\n" for name, value in gauges(clock.now()))
    return HttpResponse("".join(lines), content_type="text/plain; version=0.0.4")


def gauges(now: datetime) -> Iterator[tuple[str, int]]:
    """Name and value of each gauge; ages in whole seconds, 0 when nothing waits. Of a worker that was never heard of
    the age is -1. Seven queries."""
    is_open = Q(state__in=OutgoingMail.OPEN_STATES)
    mails = OutgoingMail.objects.filter(is_open | Q(state=OutgoingMail.State.FAILED)).aggregate(
        waiting=Count("id", filter=is_open),
        oldest=Min("due_at", filter=is_open),
        failed=Count("id", filter=Q(state=OutgoingMail.State.FAILED)),
    )
    yield "mails_waiting", mails["waiting"]
    yield "mails_oldest_seconds", _age(mails["oldest"], now)
    yield "mails_failed", mails["failed"]
    is_received = Q(state=StripeEvent.State.RECEIVED)
    events = StripeEvent.objects.filter(is_received | Q(state=StripeEvent.State.FAILED)).aggregate(
        waiting=Count("id", filter=is_received),
        oldest=Min("received_at", filter=is_received),
        failed=Count("id", filter=Q(state=StripeEvent.State.FAILED)),
    )
    yield "stripe_events_waiting", events["waiting"]
    yield "stripe_events_oldest_seconds", _age(events["oldest"], now)
    yield "stripe_events_failed", events["failed"]
    yield "orders_paid_not_given", orders_paid_not_given().count()
    yield "refunds_pending", Refund.objects.filter(state=Refund.State.PENDING).count()
    yield "cases_open", Case.objects.filter(state=Case.State.OPENED).count()
    last = Reconciliation.objects.filter(finished_at__isnull=False).order_by("-started_at").first()
    yield "reconciled_seconds_ago", _age(last.started_at if last else None, now)
    yield "reconciliation_differences", last.found if last else 0
    for queue, beaten_at in last_heartbeats().items():
        yield f"worker_{queue}_heard_seconds_ago", _age(beaten_at, now) if beaten_at else -1


def _age(oldest: datetime | None, now: datetime) -> int:
    return max(0, int((now - oldest).total_seconds())) if oldest else 0
