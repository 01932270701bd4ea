"""Signs of life: each minute the clock gives every queue a task, and the worker that takes it writes down when."""

from datetime import datetime, timedelta

from django.conf import settings

from redreport.outbox.models import Heartbeat

# Two minutes may be missed: while a worker is restarted, or busy with something long.
SILENT_AFTER = timedelta(minutes=3)


def note_heartbeat(*, queue: str, now: datetime) -> None:
    """A worker of this queue lives, and so does the clock."""
    Heartbeat.objects.bulk_create(
        [Heartbeat(queue=queue, beaten_at=now)], update_conflicts=True, unique_fields=["queue"], update_fields=["beaten_at"]
    )


def last_heartbeats() -> dict[str, datetime | None]:
    """When each queue was last heard of; None for one that never was."""
    beaten = dict(Heartbeat.objects.values_list("queue", "beaten_at"))
    return {queue: beaten.get(queue) for queue in settings.CELERY_TASK_QUEUES}


def is_silent(beaten_at: datetime | None, now: datetime) -> bool:
    """Whether a queue's worker, or the clock, is not heard of any more, going by when it last was."""
    return beaten_at is None or beaten_at < now - SILENT_AFTER
