"""What the clock does to the schedule."""

from celery import shared_task

from redreport import clock
from sessions_live.operations.follow_ups import send_follow_ups
from sessions_live.operations.news import TELL_NEWS, tell_news
from sessions_live.operations.reminders import queue_due_reminders
from sessions_live.operations.schedule import end_past_live_sessions


@shared_task(name="sessions_live.queue_reminders")
def queue_reminders_task() -> int:
    """Queue the reminders that are due; returns how many."""
    return queue_due_reminders(now=clock.now())


@shared_task(name="sessions_live.end_past_sessions")
def end_past_sessions_task() -> int:
    """End sessions whose door has closed; returns how many."""
    return end_past_live_sessions(now=clock.now())


@shared_task(name="sessions_live.send_follow_ups")
def send_follow_ups_task() -> int:
    """Write to those who had a seat in sessions that are over; returns how many sessions."""
    return send_follow_ups(now=clock.now())


@shared_task(name=TELL_NEWS)
def tell_news_task() -> int:
    """Tell readers who asked for it of new sessions; returns how many mails."""
    return tell_news(now=clock.now())
