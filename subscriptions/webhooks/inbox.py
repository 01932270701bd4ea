"""The inbox: each event is stored once, and acted on until it succeeds, is none of ours, or needs a person."""

from datetime import datetime, timedelta

import structlog
from celery.exceptions import SoftTimeLimitExceeded
from django.db import transaction

from redreport import audit
from redreport.accounts.models import User
from subscriptions.errors import EventNotActedOn, GatewayNotFound, GatewayUnavailable, ObjectBusy
from subscriptions.models import StripeEvent
from subscriptions.stripe_objects import EventHint
from subscriptions.webhooks.handlers import HANDLERS
from subscriptions.webhooks.scrub import scrub

log = structlog.get_logger(__name__)

# Longer than a worker may take for one event: whoever claims it has it to itself.
CLAIM = timedelta(minutes=2)
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(minutes=30)
MOST_ATTEMPTS = 60
MOST_FAULTS = 8


def store_event(*, event: EventHint, now: datetime) -> tuple[StripeEvent, bool]:
    """The event's row, inserted once, without personal data; and whether it is new. Due at once if it is of a type we act on."""
    concerns_us = event.type in HANDLERS and bool(event.object_id)
    return StripeEvent.objects.get_or_create(
        stripe_event_id=event.id,
        defaults={
            "type": event.type,
            "object_id": event.object_id,
            "api_version": event.api_version,
            "livemode": event.livemode,
            "payload": scrub(event.object),
            "occurred_at": event.occurred_at,
            "received_at": now,
            "state": StripeEvent.State.RECEIVED if concerns_us else StripeEvent.State.IGNORED,
            "due_at": now if concerns_us else None,
        },
    )


def replay_event(*, event_id: int, actor: User | None, reason: str, now: datetime) -> StripeEvent:
    """Have an event acted on anew, whatever became of it: due now, with all its tries before it. One that was processed already
    changes nothing more, since its object is fetched as it is now.

    Refuses with EventNotActedOn an event of a type on which nothing is done.
    """
    with transaction.atomic():
        # The event's lock: a worker may be claiming it.
        event = StripeEvent.objects.select_for_update(no_key=True).get(pk=event_id)
        if event.type not in HANDLERS or not event.object_id:
            raise EventNotActedOn(event.type)
        audit.record(actor=actor, verb="replayed", target=event, reason=reason, detail={"was": event.state}, now=now)
        event.state = StripeEvent.State.RECEIVED
        event.attempts = 0
        event.error = ""
        event.due_at = now
        event.save(update_fields=["state", "attempts", "error", "due_at"])
        return event


def process_event(*, event_id: int, now: datetime) -> bool:
    """
    Act on one stored event. Doing it twice, or by two workers at once, changes nothing more. Returns False when Stripe was out
    of reach, and the event waits for a later try.
    """
    event = _claim(event_id, now)
    if event is None:
        return True
    try:
        HANDLERS[event.type](event.object_id, now)
    except GatewayNotFound:
        _close(event, StripeEvent.State.FAILED, now, "Stripe has no such object")
    except (GatewayUnavailable, ObjectBusy) as reason:
        _put_off(event, now, type(reason).__name__, most=MOST_ATTEMPTS)
        return isinstance(reason, ObjectBusy)
    except SoftTimeLimitExceeded:
        raise  # The task's time is over, which is not this event's fault: its claim runs out, and it is due again.
    except Exception as fault:
        log.exception("stripe_event_failed", stripe_event=event.stripe_event_id, type=event.type)
        _put_off(event, now, f"{type(fault).__name__}", most=MOST_FAULTS)
    else:
        _close(event, StripeEvent.State.PROCESSED, now, "")
    return True


def _claim(event_id: int, now: datetime) -> StripeEvent | None:
    with transaction.atomic():
        # The event's lock: the webhook's own task and the sweep may reach for it at once.
        event = StripeEvent.objects.select_for_update(no_key=True).get(pk=event_id)
        if event.due_at is None or event.due_at > now:
            return None
        event.attempts += 1
        event.due_at = now + CLAIM
        event.save(update_fields=["attempts", "due_at"])
        return event


def _close(event: StripeEvent, state: StripeEvent.State, now: datetime, error: str) -> None:
    StripeEvent.objects.filter(pk=event.pk).update(state=state, due_at=None, processed_at=now, error=error)


def _put_off(event: StripeEvent, now: datetime, error: str, *, most: int) -> None:
    if event.attempts >= most:
        _close(event, StripeEvent.State.FAILED, now, error)
        return
    wait = min(FIRST_WAIT * 2 ** min(event.attempts - 1, 10), LONGEST_WAIT)
    StripeEvent.objects.filter(pk=event.pk).update(due_at=now + wait, error=error)
