"""Who came in, and who did not."""

import uuid
from datetime import datetime

from django.db import transaction

from redreport import audit
from redreport.accounts.models import User
from redreport.transactions import retried
from sessions_live.errors import DoorClosed, NotCheckedIn, SeatNotTaken, SeatTakenOver
from sessions_live.meetings import provider
from sessions_live.models import DoorEntry, Host, LiveSession, Seat
from sessions_live.operations.locks import lock_live_session, lock_seat_with_session


def enter_by_door(*, seat: Seat, device: uuid.UUID, takes_over: bool, now: datetime) -> str:
    """Record that the attendee came in from this device; returns where they take part. `seat` is as its link found it, with its
    session. Not inside a transaction: the meeting's provider may be asked over HTTP, before anything is recorded.

    Entering again from the device that came in last is free and keeps the first time. From another device it must be asked for:
    one seat, one participant. Refuses with SeatTakenOver then, with DoorClosed outside the door's hours, when the seat is gone or
    has changed hands, or when the session has nowhere to meet, and with MeetingUnavailable.
    """
    if not _leads_somewhere(seat.live_session, now):
        raise DoorClosed
    # Nobody counts as present in a meeting that they could not be led to.
    address = provider().attendee_url(seat)
    _record_entry(seat=seat, device=device, takes_over=takes_over, now=now)
    return address


@retried
def _record_entry(*, seat: Seat, device: uuid.UUID, takes_over: bool, now: datetime) -> None:
    with transaction.atomic():
        # Locks: the session's and the seat's. It may be canceled, moved or handed over in this very moment.
        locked = lock_seat_with_session(seat.pk)
        if locked.door_version != seat.door_version or locked.state not in Seat.TAKEN:
            raise DoorClosed
        if not _leads_somewhere(locked.live_session, now):
            raise DoorClosed
        last = last_entry(locked)
        if last and last.device != device and not takes_over:
            raise SeatTakenOver
        if last is None or last.device != device:
            DoorEntry.objects.create(seat=locked, device=device, entered_at=now)
        if locked.entered_at is None:
            locked.entered_at = now
            locked.state = Seat.State.ATTENDED
            locked.save(update_fields=["entered_at", "state"])


def enter_as_host(*, live_session: LiveSession, host: Host, now: datetime) -> str:
    """Record that a host came in, each time; returns where they run the meeting. Not inside a transaction, as above.

    Refuses with DoorClosed outside the hosts' hours, when they do not host it any more, or when it has nowhere to meet, and with
    MeetingUnavailable.
    """
    if not _leads_hosts_somewhere(live_session, now):
        raise DoorClosed
    address = provider().host_url(live_session)
    with transaction.atomic():
        # The session's lock: it may be canceled or moved in this very moment.
        locked = lock_live_session(live_session.pk)
        if not _leads_hosts_somewhere(locked, now) or not locked.hosts.filter(pk=host.pk).exists():
            raise DoorClosed
        audit.record(actor="host", verb="entered", target=locked, detail={"host_id": host.pk}, now=now)
    return address


def last_entry(seat: Seat) -> DoorEntry | None:
    """Who came in last to this hour. What was before a move or a hand-over does not count."""
    since = max(moment for moment in (seat.live_session.door_opens_at, seat.handed_over_at) if moment)
    return DoorEntry.objects.filter(seat=seat, entered_at__gte=since).order_by("-id").first()


@retried
def check_in_seat(*, seat_id: int, actor: User, reason: str = "", now: datetime) -> Seat:
    """Note by a member of staff that the attendee is there, or was; twice changes nothing. From the door's opening on. `reason`
    says how they know, where it is not by having looked.

    Noted after the door has closed, the time they came stays unknown: a bank may be shown it as evidence. Refuses with
    SeatNotTaken, or with DoorClosed before the door opens.
    """
    with transaction.atomic():
        # Locks as at the door: the attendee may be coming in by it.
        seat = lock_seat_with_session(seat_id)
        live_session = seat.live_session
        if seat.state not in Seat.TAKEN:
            raise SeatNotTaken
        if now < live_session.door_opens_at:
            raise DoorClosed
        if seat.state != Seat.State.ATTENDED:
            audit.record(actor=actor, verb="checked_in", target=seat, reason=reason, detail={"was": seat.state}, now=now)
            seat.state, seat.entered_at = Seat.State.ATTENDED, now if live_session.is_door_open(now) else None
            seat.save(update_fields=["state", "entered_at"])
        return seat


@retried
def undo_check_in(*, seat_id: int, actor: User, reason: str, now: datetime) -> Seat:
    """Take back that the attendee was there, for a written reason. Refuses with NotCheckedIn."""
    with transaction.atomic():
        # Locks as at the door.
        seat = lock_seat_with_session(seat_id)
        live_session = seat.live_session
        if seat.state != Seat.State.ATTENDED:
            raise NotCheckedIn
        is_over = live_session.state == LiveSession.State.ENDED
        detail = {"entered_at": seat.entered_at.isoformat() if seat.entered_at else None}
        audit.record(actor=actor, verb="check_in_undone", target=seat, reason=reason, detail=detail, now=now)
        seat.state, seat.entered_at = Seat.State.NO_SHOW if is_over else Seat.State.CONFIRMED, None
        seat.save(update_fields=["state", "entered_at"])
        return seat


def mark_no_shows(live_session: LiveSession) -> int:
    """Who has not come in by the end did not come; returns how many. The caller has locked the session."""
    confirmed = Seat.objects.filter(live_session=live_session, state=Seat.State.CONFIRMED)
    return confirmed.update(state=Seat.State.NO_SHOW)


def _leads_somewhere(live_session: LiveSession, now: datetime) -> bool:
    return live_session.is_door_open(now) and _has_a_meeting(live_session)


def _leads_hosts_somewhere(live_session: LiveSession, now: datetime) -> bool:
    return live_session.is_host_door_open(now) and _has_a_meeting(live_session)


def _has_a_meeting(live_session: LiveSession) -> bool:
    is_held = live_session.state in (LiveSession.State.PUBLISHED, LiveSession.State.ENDED)
    return is_held and provider().is_ready(live_session)
