"""The one source of 'now'. Operations take the time as an argument; views, tasks and commands ask here."""

from datetime import datetime

from django.utils import timezone


def now() -> datetime:
    """The present instant, aware, in UTC."""
    return timezone.now()
