"""What the clock does to the schedule."""

from celery import shared_task

from redreport import clock
from sessions_live.operations.reminders import QUEUE_REMINDERS, queue_due_reminders
from sessions_live.operations.schedule import end_past_live_sessions


@shared_task(name=QUEUE_REMINDERS)
def queue_reminders_task() -> int:
    """Queue the reminders that are due; returns how many."""
    return queue_due_reminders(now=clock.now())


@shared_task(name="sessions_live.end_past_sessions")
def end_past_sessions_task() -> int:
    """End sessions whose door has closed; returns how many."""
    return end_past_live_sessions(now=clock.now())
