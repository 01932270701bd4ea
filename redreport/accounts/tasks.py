"""What runs by the clock, and what goes on in a worker."""

import structlog
from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded

from redreport import clock
from redreport.accounts.privacy.erasing import CARRY_ON, carry_on, due_erasures
from redreport.accounts.sign_ins import sweep_sign_ins

log = structlog.get_logger(__name__)

BATCH = 20


@shared_task(name=CARRY_ON)
def erase_task(erasure_id: int) -> None:
    carry_on(erasure_id=erasure_id, now=clock.now())


@shared_task(name="redreport.accounts.sweep_erasures")
def sweep_erasures_task() -> None:
    """Go on with erasures that are due; one that fails keeps none of the others."""
    for erasure_id in due_erasures(now=clock.now(), limit=BATCH):
        try:
            carry_on(erasure_id=erasure_id, now=clock.now())
        except SoftTimeLimitExceeded:
            raise
        except Exception as error:
            log.error("erasure_failed", erasure_id=erasure_id, error=type(error).__name__)


@shared_task(name="redreport.accounts.sweep_sign_ins")
def sweep_sign_ins_task() -> None:
    """Delete sessions that have run out."""
    sweep_sign_ins(now=clock.now())
