"""Working through the inbox: each stored event is acted on until it succeeds, is none of ours, or needs a person."""

from datetime import datetime, timedelta

import structlog
from celery.exceptions import SoftTimeLimitExceeded
from django.db import transaction

from subscriptions.errors import GatewayNotFound, GatewayUnavailable, ObjectBusy
from subscriptions.models import StripeEvent
from subscriptions.webhooks.handlers import HANDLERS

log = structlog.get_logger(__name__)

# Longer than a worker may take for one event: whoever claims it has it to itself.
CLAIM = timedelta(minutes=2)
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(minutes=30)
MOST_ATTEMPTS = 60
MOST_FAULTS = 8


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
    wait = min(FIRST_WAIT * 2 ** (event.attempts - 1), LONGEST_WAIT)
    StripeEvent.objects.filter(pk=event.pk).update(due_at=now + wait, error=error)
