"""Tasks of the desk: what staff asked for is done, and taken up again where a crash left it."""

from celery import shared_task

from redreport import clock
from redreport.desk.jobs.running import RUN_JOB, run_job
from redreport.desk.models import Job
from redreport.dispatch import hand_to_worker
from redreport.outbox.heartbeats import note_heartbeat


@shared_task(name=RUN_JOB)
def run_job_task(job_id: int) -> None:
    """Do a batch of a job's items, and ask for itself again while any wait."""
    if run_job(job_id=job_id, now=clock.now()):
        hand_to_worker(RUN_JOB, job_id)


@shared_task(name="redreport.desk.sweep_jobs")
def sweep_jobs_task() -> int:
    """Take up jobs that are not finished; returns how many."""
    unfinished = list(Job.objects.filter(finished_at__isnull=True).order_by("id").values_list("id", flat=True))
    for job_id in unfinished:
        hand_to_worker(RUN_JOB, job_id)
    return len(unfinished)


@shared_task(name="redreport.desk.heartbeat")
def heartbeat_task() -> None:
    """A worker of the queue for all the rest lives."""
    note_heartbeat(queue="celery", now=clock.now())
