"""Canceling seats and sessions. What is owed for it is only noted here: who paid, and how, this app does not know."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Count, F, Q

from redreport import audit
from redreport.accounts.models import User
from redreport.transactions import retried
from sessions_live.errors import NotCancelable, SeatNotTaken
from sessions_live.mails.cancellations import queue_session_canceled
from sessions_live.models import LiveSession, ScheduleChange, Seat, WaitlistEntry
from sessions_live.models.waitlist import WaitlistEntryQuerySet
from sessions_live.operations.locks import lock_live_session
from sessions_live.operations.schedule import note_change
from sessions_live.operations.seats import offer_freed_seats_soon


def restitution_due(*, seat: Seat, by: Seat.CanceledBy, now: datetime) -> Seat.Restitution:
    """What is owed for a seat canceled now: always everything by the house. By the buyer until the cut-off, and until the start
    if the house moved the session after they had taken the seat: they did not choose that time. Nothing once its attendee has
    come in: they were led to the meeting. `seat` has its session."""
    if by == Seat.CanceledBy.HOUSE:
        return Seat.Restitution.FULL
    is_free = seat.state != Seat.State.ATTENDED and now < seat.free_cancel_until
    return Seat.Restitution.FULL if is_free else Seat.Restitution.NONE


def cancel_seat(
    *,
    live_session: LiveSession,
    seat: Seat,
    by: Seat.CanceledBy,
    restitution: Seat.Restitution,
    actor: User | str | None,
    reason: str,
    now: datetime,
) -> None:
    """Cancel a taken seat and note the restitution that is due for it. `live_session` and `seat` are locked by the caller.

    Its door and its number are free from then on; its calendar entry's sequence rises, so that a cancellation follows it.
    Refuses with SeatNotTaken.
    """
    if seat.state not in Seat.TAKEN:
        raise SeatNotTaken
    seat.state = Seat.State.CANCELED
    seat.canceled_at = now
    seat.canceled_by = by
    seat.canceled_reason = reason
    seat.restitution = restitution
    seat.calendar_sequence += 1
    seat.door_version += 1
    seat.save()
    audit.record(actor=actor, verb="canceled", target=seat, reason=reason, detail={"restitution": restitution}, now=now)
    offer_freed_seats_soon(live_session.pk)


@dataclass(frozen=True)
class CancelPreview:
    """To how many canceling a session would do something. Seats that are only held are let go once Stripe takes no payment."""

    seats_taken: int
    seats_held: int
    waiting: int
    hosts: int


def preview_cancel(*, live_session: LiveSession, now: datetime) -> CancelPreview:
    """What `cancel_live_session` would do now. Only reads. Refuses with NotCancelable where it would."""
    _refuse_if_not_cancelable(live_session, now)
    seats = Seat.objects.filter(live_session=live_session).aggregate(
        taken=Count("pk", filter=Q(state__in=Seat.TAKEN)), held=Count("pk", filter=Q(state=Seat.State.HELD))
    )
    return CancelPreview(
        seats_taken=seats["taken"],
        seats_held=seats["held"],
        waiting=who_waits(live_session).count(),
        hosts=live_session.hosts.exclude(email="").count(),
    )


@retried
def cancel_live_session(*, live_session_id: int, actor: User, reason: str, message: str = "", now: datetime) -> LiveSession:
    """Cancel a session that has not begun, and every taken seat in it with full restitution. Canceling twice changes nothing.

    Its waitlist is closed, and who waited is told. `message` is told to readers, `reason` to staff. Seats that are only held stay
    held until Stripe takes no payment for them any more. A constant number of statements, however many seats there are. Refuses
    with NotCancelable.
    """
    with transaction.atomic():
        # The session's lock: a payment may be confirming a seat right now, or somebody may be booking. Nobody changes its seats
        # meanwhile, so they need no locks of their own.
        live_session = lock_live_session(live_session_id)
        if live_session.state == LiveSession.State.CANCELED:
            return live_session
        _refuse_if_not_cancelable(live_session, now)
        was_published = live_session.state == LiveSession.State.PUBLISHED
        live_session.state = LiveSession.State.CANCELED
        change = _note_cancellation(live_session, actor=actor, reason=reason, message=message, now=now) if was_published else None
        live_session.save(update_fields=["state", "schedule_version"])
        audit.record(actor=actor, verb="canceled", target=live_session, reason=reason, now=now)
        waited = _close_waitlist(live_session, now)
        _cancel_taken_seats(live_session, actor=actor, reason=reason, now=now)
        if change:
            queue_session_canceled(change=change, waited=waited, now=now)
        return live_session


def _refuse_if_not_cancelable(live_session: LiveSession, now: datetime) -> None:
    ended = (LiveSession.State.CANCELED, LiveSession.State.ENDED)
    if live_session.state in ended or live_session.starts_at <= now:
        raise NotCancelable


def _cancel_taken_seats(live_session: LiveSession, *, actor: User, reason: str, now: datetime) -> None:
    """As `cancel_seat` does with one."""
    taken = list(Seat.objects.filter(live_session=live_session, state__in=Seat.TAKEN).order_by("id"))
    Seat.objects.filter(pk__in=[seat.pk for seat in taken]).update(
        state=Seat.State.CANCELED,
        canceled_at=now,
        canceled_by=Seat.CanceledBy.HOUSE,
        canceled_reason=reason,
        restitution=Seat.Restitution.FULL,
        calendar_sequence=F("calendar_sequence") + 1,
        door_version=F("door_version") + 1,
    )
    detail = {"restitution": Seat.Restitution.FULL}
    audit.record_all(actor=actor, verb="canceled", targets=taken, reason=reason, detail=detail, now=now)


def _close_waitlist(live_session: LiveSession, now: datetime) -> list[WaitlistEntry]:
    """Nobody waits any more, and what was offered is offered no longer; returns who waited."""
    waited = list(who_waits(live_session).in_turn().select_related("user"))
    WaitlistEntry.objects.filter(pk__in=[entry.pk for entry in waited]).update(state=WaitlistEntry.State.CLOSED, closed_at=now)
    offered = Seat.objects.filter(live_session=live_session, state=Seat.State.OFFERED)
    offered.update(state=Seat.State.EXPIRED, hold_expires_at=None)
    return waited


def _note_cancellation(live_session: LiveSession, *, actor: User, reason: str, message: str, now: datetime) -> ScheduleChange:
    return note_change(
        live_session=live_session,
        kind=ScheduleChange.Kind.CANCELED,
        starts_at=live_session.starts_at,
        duration_minutes=live_session.duration_minutes,
        message=message,
        reason=reason,
        actor=actor,
        now=now,
    )


def who_waits(live_session: LiveSession) -> WaitlistEntryQuerySet:
    """Who waits. Who has accepted an offer and is paying counts among the held seats, and is told when that seat is let go."""
    still_open = WaitlistEntry.objects.filter(live_session=live_session, state__in=WaitlistEntry.OPEN)
    return still_open.exclude(state=WaitlistEntry.State.OFFERED, seat__state=Seat.State.HELD)
