"""What the clock does to the schedule."""

from datetime import datetime

import structlog
from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded

from redreport import clock
from sessions_live.operations.follow_ups import send_follow_ups
from sessions_live.operations.news import TELL_NEWS, tell_news
from sessions_live.operations.reminders import QUEUE_REMINDERS, queue_due_reminders
from sessions_live.operations.schedule import end_past_live_sessions
from sessions_live.operations.seats import TEND_WAITLIST
from sessions_live.operations.waitlist import tend_waitlist
from sessions_live.selectors import waitlists_to_tend

log = structlog.get_logger(__name__)

BATCH = 100


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
    """Lapse, offer and close where that is due; returns in how many sessions it was tried."""
    return sweep_waitlist(now=clock.now())


def sweep_waitlist(*, now: datetime) -> int:
    """The sweep of waitlists at `now`, a session at a time; trouble with one never stops the others."""
    due = list(waitlists_to_tend(now=now).values_list("pk", flat=True)[:BATCH])
    for live_session_id in due:
        try:
            tend_waitlist(live_session_id=live_session_id, now=now)
        except SoftTimeLimitExceeded:
            raise  # The task's time is over, which is no fault of this session: it stays due.
        except Exception:
            log.exception("sweep_failed", row=live_session_id)
    return len(due)


@shared_task(name="sessions_live.send_follow_ups")
def send_follow_ups_task() -> int:
    """Write to those who had a seat in sessions that are over; returns how many sessions."""
    return send_follow_ups(now=clock.now())


@shared_task(name=TELL_NEWS)
def tell_news_task() -> int:
    """Tell readers who asked for it of new sessions; returns how many mails."""
    return tell_news(now=clock.now())
