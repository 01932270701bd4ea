"""What runs by the clock."""

from celery import shared_task

from redreport import clock
from redreport.limits.counting import sweep


@shared_task(name="redreport.limits.sweep_limits")
def sweep_limits() -> None:
    """Delete what no longer counts."""
    sweep(now=clock.now())
