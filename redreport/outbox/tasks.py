"""The outbox's tasks: thin, idempotent, named for good."""

from celery import shared_task

from redreport import clock
from redreport.outbox.deliver import deliver_mail
from redreport.outbox.heartbeats import note_heartbeat
from redreport.outbox.queue import DELIVER_MAIL
from redreport.outbox.sweep import sweep_outbox


@shared_task(name=DELIVER_MAIL)
def deliver_mail_task(mail_id: int) -> None:
    deliver_mail(mail_id, clock.now())


@shared_task(name="redreport.outbox.sweep_outbox")
def sweep_outbox_task() -> None:
    sweep_outbox(clock.now())


@shared_task(name="redreport.outbox.heartbeat")
def heartbeat_task() -> None:
    note_heartbeat(queue="mail", now=clock.now())
