"""Which reminders are due. The schedule lives in the database alone: a sweep each minute, no task set for a later time."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import BigIntegerField, Exists, F, OuterRef, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast, Concat, Extract, Floor, Greatest

from redreport import policy
from redreport.dispatch import hand_to_worker
from redreport.outbox.models import OutgoingMail
from redreport.outbox.queue import OwedMail, queue_mails
from sessions_live.mails.hosts import HOST_REMINDERS
from sessions_live.mails.reminders import REMINDERS, Reminder
from sessions_live.models import LiveSession, Seat

QUEUE_REMINDERS = "sessions_live.queue_reminders"
# A reminder whose moment passed while nobody swept is still written down for a day, as missed.
LOOK_BACK = timedelta(days=1)
BATCH = 500


def queue_due_reminders(*, now: datetime) -> int:
    """Queue each reminder whose moment has come, to attendees and to hosts, at most one of a kind for a start and whoever sits in
    the seat; returns how many are new. After a full batch the sweep is asked for again.

    Who was told all there is to know at the moment, or shortly before or after it, gets none: by the confirmation, a hand-over, a
    move. Nor does who came in already, or who said that they cannot come.
    """
    owed = [
        *(_owed_to_attendees(reminder, now) for reminder in REMINDERS),
        *(_owed_to_hosts(reminder, now) for reminder in HOST_REMINDERS),
    ]
    return sum(_queue(batch, now) for batch in owed)


def _queue(owed: list[OwedMail], now: datetime) -> int:
    with transaction.atomic():
        # The race: the session is moved after it was read here. The mails name the version they mean, and are withheld.
        queued = queue_mails(owed, now=now)
        if len(owed) == BATCH:
            transaction.on_commit(partial(hand_to_worker, QUEUE_REMINDERS))
        return queued


def _owed_to_attendees(reminder: Reminder, now: datetime) -> list[OwedMail]:
    seats = Seat.objects.filter(
        _is_due("live_session__", reminder, now), state=Seat.State.CONFIRMED, declined_at__isnull=True
    ).annotate(
        informed=Greatest("held_at", "confirmed_at", "handed_over_at", "live_session__moved_at"),
        key=_key(reminder, "pk", "live_session__starts_at", "door_version"),
    )
    told_before = Q(informed__lte=F("live_session__starts_at") - reminder.before - policy.TOLD_SHORTLY_BEFORE)
    due = _not_queued(seats.filter(told_before)).order_by("live_session__starts_at", "id")
    fields = ("pk", "live_session_id", "key", "attendee_email", "live_session__schedule_version")
    return [
        OwedMail(reminder.kind, key, email, {"seat_id": seat_id, "live_session_id": live_session_id}, version)
        for seat_id, live_session_id, key, email, version in due.values_list(*fields)[:BATCH]
    ]


def _owed_to_hosts(reminder: Reminder, now: datetime) -> list[OwedMail]:
    hosting: QuerySet[Any] = LiveSession.hosts.through.objects.filter(_is_due("livesession__", reminder, now))
    hosting = hosting.exclude(host__email="").annotate(key=_key(reminder, "livesession_id", "livesession__starts_at", "host_id"))
    moved_before = Q(livesession__moved_at__lte=F("livesession__starts_at") - reminder.before - policy.TOLD_SHORTLY_BEFORE)
    told_before = hosting.filter(Q(livesession__moved_at__isnull=True) | moved_before)
    due = _not_queued(told_before).order_by("livesession__starts_at", "id")
    fields = ("livesession_id", "host_id", "key", "host__email", "livesession__schedule_version")
    return [
        OwedMail(reminder.kind, key, email, {"live_session_id": live_session_id, "host_id": host_id}, version)
        for live_session_id, host_id, key, email, version in due.values_list(*fields)[:BATCH]
    ]


def _is_due(live_session: str, reminder: Reminder, now: datetime) -> Q:
    """The moment has come for a session that is reached by this prefix."""
    return Q(
        **{
            f"{live_session}state": LiveSession.State.PUBLISHED,
            f"{live_session}starts_at__gt": now - LOOK_BACK,
            f"{live_session}starts_at__lte": now + reminder.before,
        }
    )


def _key(reminder: Reminder, *fields: str) -> Concat:
    """The mail's key as the database makes it, so that it finds those that are queued already; a moment in whole seconds."""
    parts = [_as_text(Floor(Extract(name, "epoch"))) if name.endswith("_at") else _as_text(F(name)) for name in fields]
    return Concat(Value(reminder.kind), *_each_after_a_colon(parts), output_field=TextField())


def _as_text(number: Any) -> Cast:
    return Cast(Cast(number, BigIntegerField()), TextField())


def _each_after_a_colon(parts: Iterable[Cast]) -> list[Any]:
    return [said for part in parts for said in (Value(":"), part)]


def _not_queued(rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows.filter(~Exists(OutgoingMail.objects.filter(key=OuterRef("key"))))
