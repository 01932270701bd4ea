"""Rows locked in the house's order, the session's first; docs/architecture.md states it."""

from redreport.transactions import Overtaken
from sessions_live.models import LiveSession, Seat


def lock_live_session(live_session_id: int) -> LiveSession:
    """The session's row, locked until the transaction ends. Without it two buyers both see the last seat free.

    Locks here and elsewhere leave the key alone: rows that merely refer to a locked one can be inserted meanwhile.
    """
    return LiveSession.objects.select_for_update(no_key=True).get(pk=live_session_id)


def lock_seat(seat_id: int) -> Seat:
    """The seat's row, locked after its session's."""
    return Seat.objects.select_for_update(no_key=True).get(pk=seat_id)


def lock_seat_with_session(seat_id: int) -> Seat:
    """The seat with its session, both rows locked, the session's first. Raises Overtaken, which `retried` repeats."""
    return _lock_seat_in(lock_live_session(_session_of(seat_id)), seat_id)


def lock_seat_with_both_sessions(seat_id: int, to_live_session_id: int) -> tuple[Seat, LiveSession]:
    """The seat with its session, and the one it is to be moved to: the sessions locked by id, then the seat. Raises Overtaken."""
    from_id = _session_of(seat_id)
    locked = {pk: lock_live_session(pk) for pk in sorted({from_id, to_live_session_id})}
    return _lock_seat_in(locked[from_id], seat_id), locked[to_live_session_id]


def _session_of(seat_id: int) -> int:
    return Seat.objects.values_list("live_session_id", flat=True).get(pk=seat_id)


def _lock_seat_in(live_session: LiveSession, seat_id: int) -> Seat:
    """The seat's row, locked if it sits in this locked session, which nobody then moves it out of.

    The race: it was moved to another session between the look and the session's lock. To lock that one now, or the seat, would
    break the order of locks.
    """
    seat = Seat.objects.select_for_update(no_key=True).filter(pk=seat_id, live_session=live_session).first()
    if seat is None:
        raise Overtaken
    seat.live_session = live_session
    return seat
