"""Beginning a job and doing it. Each item is done in transactions of its own, then marked: whatever dies in between, the next
run does it again, which changes nothing, and goes on."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from functools import partial

import structlog
from celery.exceptions import SoftTimeLimitExceeded
from django.db import transaction
from django.db.models import QuerySet

from redreport import audit
from redreport.accounts.models import User
from redreport.desk.jobs import kinds
from redreport.desk.jobs.kinds import Draft, JobKind, Refused, Wishes
from redreport.desk.models import Job, JobItem
from redreport.dispatch import hand_to_worker
from sessions_live.models import LiveSession

log = structlog.get_logger(__name__)

RUN_JOB = "redreport.desk.run_job"
# So many items a task does before it hands the rest on: well within the time a task may take.
BATCH = 25
UNEXPECTED = "Something went wrong here. Whoever runs the program finds it in the log."


def start_job(
    *,
    kind: JobKind,
    drafts: Sequence[Draft],
    wishes: Wishes,
    preview: str,
    request_id: uuid.UUID,
    live_session: LiveSession | None,
    actor: User,
    now: datetime,
) -> Job:
    """Write down what staff confirmed, and have a worker do it. The same `request_id` again is the same job: nothing new."""
    with transaction.atomic():
        job, is_new = Job.objects.get_or_create(
            public_id=request_id,
            defaults={
                "kind": kind.name,
                "live_session": live_session,
                "wishes": wishes,
                "preview": preview[:500],
                "made_by": actor,
                "made_at": now,
            },
        )
        if is_new:
            JobItem.objects.bulk_create(
                JobItem(job=job, number=number, about=draft.about[:300], target_id=draft.target_id, values=draft.values)
                for number, draft in enumerate(drafts, 1)
            )
            audit.record(
                actor=actor, verb="asked", target=job, reason=wishes.get("reason", ""), detail={"kind": kind.name}, now=now
            )
            transaction.on_commit(partial(hand_to_worker, RUN_JOB, job.pk))
        return job


def run_job(*, job_id: int, now: datetime, limit: int = BATCH) -> bool:
    """Do up to so many items that wait; returns whether any are left. Of a finished job it does nothing."""
    job = Job.objects.select_related("made_by", "live_session").get(pk=job_id)
    kind = kinds.find(job.kind)
    for item in _waiting(job)[:limit]:
        item.job = job
        _do(item, kind, now)
    return not _finish(job, now)


def try_failed_again(*, job_id: int, actor: User, now: datetime) -> int:
    """Have a worker try again what failed; returns how many items that is."""
    with transaction.atomic():
        # The job's lock: of two clicks the second finds nothing that failed.
        job = Job.objects.select_for_update(no_key=True).get(pk=job_id)
        failed = job.items.filter(state=JobItem.State.FAILED).update(state=JobItem.State.WAITING, done_at=None, outcome="")
        if failed:
            Job.objects.filter(pk=job.pk).update(finished_at=None)
            audit.record(actor=actor, verb="tried_again", target=job, detail={"items": failed}, now=now)
            transaction.on_commit(partial(hand_to_worker, RUN_JOB, job.pk))
        return failed


def _finish(job: Job, now: datetime) -> bool:
    """Mark the job as finished if nothing waits; whether that is so."""
    with transaction.atomic():
        # The job's lock: staff may be having what failed tried again, and no sweep looks at a finished job.
        locked = Job.objects.select_for_update(no_key=True).get(pk=job.pk)
        if _waiting(locked).exists():
            return False
        if locked.finished_at is None:
            locked.finished_at = now
            locked.save(update_fields=["finished_at"])
        return True


def _waiting(job: Job) -> QuerySet[JobItem]:
    return JobItem.objects.filter(job=job, state=JobItem.State.WAITING).order_by("number")


def _do(item: JobItem, kind: JobKind, now: datetime) -> None:
    try:
        outcome = kind.carry_out(item, now)
    except Refused as refusal:
        _mark(item, JobItem.State.FAILED, str(refusal), now)
    except SoftTimeLimitExceeded:
        raise  # It waits for the next run.
    except Exception:  # One row's trouble keeps none of the others from being done.
        log.exception("job_item_failed", job=item.job_id, item=item.pk)
        _mark(item, JobItem.State.FAILED, UNEXPECTED, now)
    else:
        _mark(item, JobItem.State.DONE, outcome, now)


def _mark(item: JobItem, state: JobItem.State, outcome: str, now: datetime) -> None:
    still_waiting = JobItem.objects.filter(pk=item.pk, state=JobItem.State.WAITING)
    still_waiting.update(state=state, outcome=outcome[:300], done_at=now)
