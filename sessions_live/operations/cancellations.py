"""Canceling seats and sessions. What is owed for it is only noted here: who paid, and how, this app does not know."""

from datetime import datetime

from django.db import transaction

from redreport import audit
from redreport.accounts.models import User
from sessions_live.errors import NotCancelable, SeatNotTaken
from sessions_live.models import LiveSession, Seat
from sessions_live.operations.seats import lock_live_session


def restitution_due(*, seat: Seat, by: Seat.CanceledBy, now: datetime) -> Seat.Restitution:
    """What is owed for a seat canceled now: always everything by the house. By the buyer until the cut-off, and until the start
    if the house moved the session after they had taken the seat: they did not choose that time. `seat` has its session."""
    if by == Seat.CanceledBy.HOUSE or now < free_cancel_until(seat):
        return Seat.Restitution.FULL
    return Seat.Restitution.NONE


def free_cancel_until(seat: Seat) -> datetime:
    """Until then its buyer gets restitution for giving it back. `seat` has its session."""
    return seat.free_cancel_until


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


def cancel_live_session(*, live_session_id: int, actor: User, reason: str, now: datetime) -> LiveSession:
    """Cancel a session that has not begun, and every taken seat in it with full restitution. Canceling twice changes nothing.

    Seats that are only held stay held until Stripe takes no payment for them any more. Refuses with NotCancelable.
    """
    with transaction.atomic():
        # Locks: the session, its seats by id. A payment may be confirming one right now, or somebody may be booking.
        live_session = lock_live_session(live_session_id)
        if live_session.state == LiveSession.State.CANCELED:
            return live_session
        if live_session.state == LiveSession.State.ENDED or live_session.starts_at <= now:
            raise NotCancelable
        live_session.state = LiveSession.State.CANCELED
        live_session.save(update_fields=["state"])
        audit.record(actor=actor, verb="canceled", target=live_session, reason=reason, now=now)
        taken = Seat.objects.filter(live_session=live_session, state__in=Seat.TAKEN).order_by("id")
        for seat in taken.select_for_update(no_key=True):
            cancel_seat(
                live_session=live_session,
                seat=seat,
                by=Seat.CanceledBy.HOUSE,
                restitution=Seat.Restitution.FULL,
                actor=actor,
                reason=reason,
                now=now,
            )
        return live_session
