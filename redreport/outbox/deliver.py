"""From a row to the relay: claim, ask the guard, render, send, record. No transaction is open while anybody else is spoken to."""

import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction

from redreport.outbox import kinds, relay
from redreport.outbox.erased import is_erased
from redreport.outbox.kinds import Topic
from redreport.outbox.message import OutgoingMessage, build_message
from redreport.outbox.models import OutgoingMail
from redreport.outbox.wishes import wants_mail
from redreport.waits import growing_wait

log = structlog.get_logger(__name__)

# Longer than a task may live (CELERY_TASK_TIME_LIMIT), so that a claim that has run out is nobody's.
CLAIM = timedelta(minutes=3)
FIRST_WAIT = timedelta(seconds=30)
# Not long: after an outage the mail must drain soon.
LONGEST_WAIT = timedelta(minutes=10)
# How long a server may say 'later' about this one mail before we stop; the relay's own troubles are waited out for ever.
PATIENCE = timedelta(days=4)
MAX_FAULTS = 5
MAX_LOST_CLAIMS = 10


@dataclass(frozen=True)
class Outcome:
    """How one attempt ended: the new state and what to record beside it."""

    state: OutgoingMail.State
    reason: str = ""
    smtp_code: int | None = None
    message: OutgoingMessage | None = None
    fault: bool = False
    unknown: bool = False


def deliver_mail(mail_id: int, now: datetime) -> OutgoingMail.State | None:
    """
    Try once to deliver the mail. Returns the state it is in afterwards, or None if there was nothing to do: it is not due,
    already done with, claimed by another worker, or the relay is known to be out of reach.

    Safe to call any number of times, from any number of workers. A worker that dies between the relay's acceptance and our
    commit leaves a claim that runs out; the mail then goes out again with the same Message-ID, and `duplicate_risk` counts it.
    """
    if relay.is_resting(now):
        return None
    mail = _claim(mail_id, now)
    if mail is None:
        return None
    outcome = _attempt(mail, now)
    if not _record(mail, outcome, now):
        log.warning("mail_claim_lost", mail_id=mail.pk)
        return None
    log.info(
        "mail_attempted",
        mail_id=mail.pk,
        kind=mail.kind,
        state=outcome.state,
        reason=outcome.reason,
    )
    return outcome.state


def _claim(mail_id: int, now: datetime) -> OutgoingMail | None:
    with transaction.atomic():
        # The race: a redelivered task, the sweep and the first hand-off may all come for one row. Each must see the claim of
        # the one before; so the row is locked to look at it, and whoever finds it locked leaves it to the holder.
        mail = OutgoingMail.objects.select_for_update(skip_locked=True).filter(pk=mail_id).first()
        if mail is None or not _is_due(mail, now):
            return None
        if mail.state == OutgoingMail.State.SENDING:
            mail.duplicate_risk += 1
            mail.faults += 1
            if mail.faults > MAX_LOST_CLAIMS:
                _give_up(mail, now)
                return None
        mail.state = OutgoingMail.State.SENDING
        mail.claim_token = uuid.uuid4()
        mail.claimed_until = now + CLAIM
        mail.attempts += 1
        mail.first_attempt_at = mail.first_attempt_at or now
        mail.updated_at = now
        mail.save()
        return mail


def _is_due(mail: OutgoingMail, now: datetime) -> bool:
    if mail.state == OutgoingMail.State.SENDING:
        return mail.claimed_until is not None and mail.claimed_until <= now
    return mail.state == OutgoingMail.State.QUEUED and mail.due_at <= now


def _give_up(mail: OutgoingMail, now: datetime) -> None:
    """A mail whose every attempt kills its worker is set aside for staff."""
    mail.state = OutgoingMail.State.FAILED
    mail.reason = "never_finished"
    mail.claim_token = mail.claimed_until = mail.secret = None
    mail.updated_at = now
    mail.save()
    log.error("mail_never_finished", mail_id=mail.pk, kind=mail.kind)


def _attempt(mail: OutgoingMail, now: datetime) -> Outcome:
    try:
        if is_erased(mail.recipient):
            return Outcome(OutgoingMail.State.WITHHELD, "the account was erased")
        kind = kinds.find(mail.kind)
        if kind.topic and (objection := _objection_to(kind.topic, mail.recipient)):
            return Outcome(OutgoingMail.State.WITHHELD, objection)
        if stopped := _stopped(kind.guard(mail, now)):
            return stopped
        message = build_message(mail, kind.render(mail), kind.topic, now)
        # The race: a seat changes hands after the guard looked, and the new attendee's door is rendered into the old one's mail.
        if stopped := _stopped(kind.guard(mail, now)):
            return stopped
    except (OperationalError, InterfaceError, SoftTimeLimitExceeded):
        raise  # The database is away or the time is over, not the mail at fault: the claim runs out and it is tried again.
    except Exception as error:  # Poison must not stop the queue: it is counted, and set aside when it happens again and again.
        return _faulty(mail, error)
    return _send(mail, message, now)


def _objection_to(topic: Topic, recipient: str) -> str:
    """Why an optional mail must not go out, if so."""
    if not settings.POSTAL_ADDRESS:
        return "no postal address is set"
    return "" if wants_mail(email=recipient, topic=topic) else "not wanted"


def _stopped(verdict: kinds.Verdict) -> Outcome | None:
    if verdict.action == "send":
        return None
    state = OutgoingMail.State.WITHHELD if verdict.action == "withhold" else OutgoingMail.State.MISSED
    return Outcome(state, verdict.reason)


def _faulty(mail: OutgoingMail, error: Exception) -> Outcome:
    # The class alone: the text of an error may quote a name or an address.
    reason = f"fault: {type(error).__name__}"
    log.error("mail_faulty", mail_id=mail.pk, kind=mail.kind, error=type(error).__name__)
    state = OutgoingMail.State.FAILED if mail.faults + 1 >= MAX_FAULTS else OutgoingMail.State.QUEUED
    return Outcome(state, reason, fault=True)


def _send(mail: OutgoingMail, message: OutgoingMessage, now: datetime) -> Outcome:
    reply = relay.send(message, now)
    if reply.accepted:
        return Outcome(OutgoingMail.State.SENT, smtp_code=reply.code, message=message)
    started = mail.first_attempt_at or now
    if reply.final or (not reply.ours and now - started >= PATIENCE):
        return Outcome(OutgoingMail.State.FAILED, reply.reason, reply.code)
    return Outcome(OutgoingMail.State.QUEUED, reply.reason, reply.code, unknown=reply.unknown)


def _record(claimed: OutgoingMail, outcome: Outcome, now: datetime) -> bool:
    """Write the outcome, unless the claim has meanwhile passed to another worker (then its outcome counts, not ours)."""
    with transaction.atomic():
        mail = OutgoingMail.objects.select_for_update().filter(pk=claimed.pk, claim_token=claimed.claim_token).first()
        if mail is None:
            return False
        mail.state = outcome.state
        mail.reason = outcome.reason
        mail.smtp_code = outcome.smtp_code
        mail.claim_token = mail.claimed_until = mail.handed_until = None
        mail.faults += outcome.fault
        mail.duplicate_risk += outcome.unknown
        mail.updated_at = now
        if outcome.state == OutgoingMail.State.QUEUED:
            mail.due_at = now + growing_wait(attempts=mail.attempts, first=FIRST_WAIT, longest=LONGEST_WAIT)
        else:
            mail.secret = None
        if outcome.message is not None:
            _keep(mail, outcome.message, now)
        if mail.state == OutgoingMail.State.SENT and mail.bounced_at:
            # The race: it came back before we wrote down that it was taken.
            mail.state, mail.reason = OutgoingMail.State.BOUNCED, mail.returned
        mail.save()
        return True


def _keep(mail: OutgoingMail, message: OutgoingMessage, now: datetime) -> None:
    sent = message.as_sent()
    mail.sent_at = now
    mail.sent_sha256 = hashlib.sha256(sent).hexdigest()
    if not kinds.is_private(mail.kind):
        mail.subject = message.subject[:300]
        mail.sent_bytes = sent
