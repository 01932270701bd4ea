"""The Celery app. What runs by the clock is listed here; each entry is a sweep over due rows, safe to run twice."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "redreport.settings")

app = Celery("redreport")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.conf.beat_schedule = {
    "sweep-outbox": {"task": "redreport.outbox.sweep_outbox", "schedule": 60.0, "options": {"expires": 55}},
}
