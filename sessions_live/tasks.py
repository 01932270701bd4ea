"""What the clock does to the schedule."""

from datetime import datetime

from celery import shared_task

from redreport import clock
from sessions_live.operations.reminders import QUEUE_REMINDERS, queue_due_reminders
from sessions_live.operations.schedule import end_past_live_sessions
from sessions_live.operations.seats import TEND_WAITLIST
from sessions_live.operations.waitlist import sessions_to_tend, tend_waitlist


@shared_task(name=QUEUE_REMINDERS)
def queue_reminders_task() -> int:
    """Queue the reminders that are due; returns how many."""
    return queue_due_reminders(now=clock.now())


@shared_task(name="sessions_live.end_past_sessions")
def end_past_sessions_task() -> int:
    """End sessions whose door has closed; returns how many."""
    return end_past_live_sessions(now=clock.now())


@shared_task(name=TEND_WAITLIST)
def tend_waitlist_task(live_session_id: int) -> None:
    """Offer what came free in a session to whoever waits."""
    tend_waitlist(live_session_id=live_session_id, now=clock.now())


@shared_task(name="sessions_live.sweep_waitlist")
def sweep_waitlist_task() -> int:
    """Lapse, offer and close in every session in which somebody waits; returns how many."""
    return sweep_waitlist(now=clock.now())


def sweep_waitlist(*, now: datetime) -> int:
    """The sweep of waitlists at `now`, a session at a time."""
    due = sessions_to_tend(now=now)
    for live_session_id in due:
        tend_waitlist(live_session_id=live_session_id, now=now)
    return len(due)
