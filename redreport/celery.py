"""The Celery app. What runs by the clock is listed here; each entry is a sweep over due rows, safe to run twice."""

import os

from celery import Celery
from celery.schedules import crontab
from celery.signals import beat_init, setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "redreport.settings")

app = Celery("redreport")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_logging_as_it_is(**options: object) -> None:
    """A listener here is how Celery is told to leave LOGGING alone: its lines are ours, JSON, without personal data."""


EVERY_MINUTE = {"schedule": 60.0, "options": {"expires": 55}}
app.conf.beat_schedule = {
    "sweep-outbox": {"task": "redreport.outbox.sweep_outbox", **EVERY_MINUTE},
    "queue-reminders": {"task": "sessions_live.queue_reminders", **EVERY_MINUTE},
    "sweep-waitlist": {"task": "sessions_live.sweep_waitlist", **EVERY_MINUTE},
    "end-past-sessions": {"task": "sessions_live.end_past_sessions", **EVERY_MINUTE},
    "send-follow-ups": {"task": "sessions_live.send_follow_ups", **EVERY_MINUTE},
    "tell-news": {"task": "sessions_live.tell_news", **EVERY_MINUTE},
    "sweep-events": {"task": "subscriptions.sweep_events", **EVERY_MINUTE},
    "sweep-orders": {"task": "subscriptions.sweep_orders", **EVERY_MINUTE},
    "sweep-changes": {"task": "subscriptions.sweep_changes", **EVERY_MINUTE},
    "settle-canceled-seats": {"task": "subscriptions.settle_canceled_seats", **EVERY_MINUTE},
    "book-automatically": {"task": "subscriptions.book_automatically", **EVERY_MINUTE},
    "remind-of-credits": {"task": "subscriptions.remind_of_credits", **EVERY_MINUTE},
    "expire-credits": {"task": "subscriptions.expire_credits", **EVERY_MINUTE},
    "sweep-refunds": {"task": "subscriptions.sweep_refunds", **EVERY_MINUTE},
    "sweep-credit-notes": {"task": "subscriptions.sweep_credit_notes", **EVERY_MINUTE},
    "reconcile": {"task": "subscriptions.reconcile", "schedule": crontab(minute=17), "options": {"expires": 3000}},
    "sweep-renewal-notices": {"task": "subscriptions.sweep_renewal_notices", **EVERY_MINUTE},
    "sweep-bounces": {"task": "subscriptions.sweep_bounces", **EVERY_MINUTE},
    "heartbeat-of-mail": {"task": "redreport.outbox.heartbeat", **EVERY_MINUTE},
    "heartbeat-of-stripe": {"task": "subscriptions.heartbeat", **EVERY_MINUTE},
    "heartbeat-of-the-rest": {"task": "redreport.desk.heartbeat", **EVERY_MINUTE},
    "sweep-erasures": {"task": "redreport.accounts.sweep_erasures", **EVERY_MINUTE},
    "sweep-sign-ins": {"task": "redreport.accounts.sweep_sign_ins", "schedule": crontab(minute=41)},
    "sweep-limits": {"task": "redreport.limits.sweep_limits", **EVERY_MINUTE},
    "sweep-jobs": {"task": "redreport.desk.sweep_jobs", **EVERY_MINUTE},
}


@beat_init.connect
def ask_for_heartbeats_at_once(**options: object) -> None:
    """Whoever looks at the desk in the first minute after a start is to see that workers live."""
    from redreport.dispatch import hand_to_worker

    for name, entry in app.conf.beat_schedule.items():
        if name.startswith("heartbeat"):
            hand_to_worker(entry["task"])
