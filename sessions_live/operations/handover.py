"""A seat changes hands, by the wish of whoever booked it, or by the desk."""

import uuid
from datetime import datetime

from django.db import transaction

from redreport import audit, policy
from redreport.accounts.models import User
from redreport.transactions import retried
from sessions_live.errors import AlreadyEntered, NotCancelable, NotTheBooker, SeatNotTaken, TooManyHandOvers
from sessions_live.mails.handover import mails_of_hand_over, queue_handed_over
from sessions_live.models import HandOver, LiveSession, Seat
from sessions_live.operations.locks import lock_seat_with_session
from sessions_live.operations.seats import Attendee, refuse_if_seated


@retried
def hand_over_seat(*, user: User, seat_public_id: uuid.UUID, attendee: Attendee, now: datetime) -> Seat:
    """Give a booked seat to another attendee, at once. What paid for it stays, and so does its booker's right to cancel it.

    The door and every other link of who sat there die; what they asked the hosts stays theirs. Both are owed a mail. Giving it
    to who sits there already changes nothing. Refuses with NotTheBooker, SeatNotTaken, NotCancelable once the session has begun,
    AlreadyEntered, AlreadySeated or TooManyHandOvers.
    """
    found = Seat.objects.get(public_id=seat_public_id)
    if found.booked_by_id != user.pk:
        raise NotTheBooker
    with transaction.atomic():
        # Locks: the session, then the seat. It may be canceled, moved, declined or entered at this moment.
        seat = lock_seat_with_session(found.pk)
        if plan_hand_over(seat=seat, attendee=attendee, by=user, now=now) is None:
            return seat
        if HandOver.objects.filter(seat=seat).count() >= policy.MOST_HAND_OVERS:
            raise TooManyHandOvers
        _hand_over_locked(seat, attendee, user, "", now)
        return seat


@retried
def hand_over_seat_by_staff(*, seat_id: int, attendee: Attendee, actor: User, reason: str, now: datetime) -> Seat:
    """As `hand_over_seat`, by a named member of staff for a written reason, however often the seat has changed hands; whoever
    booked it is told as well. Refuses with SeatNotTaken, NotCancelable, AlreadyEntered or AlreadySeated."""
    with transaction.atomic():
        # Locks as for the booker, who may be doing the same.
        seat = lock_seat_with_session(seat_id)
        if plan_hand_over(seat=seat, attendee=attendee, by=actor, now=now) is not None:
            _hand_over_locked(seat, attendee, actor, reason, now)
        return seat


def plan_hand_over(*, seat: Seat, attendee: Attendee, by: User, now: datetime) -> dict[str, str] | None:
    """Who would be written to, by the kind of mail, if `by` gave the seat to this attendee now; None where it is theirs already.
    Only reads. Refuses as `check_hand_over`, and with AlreadySeated. `seat` has its session."""
    check_hand_over(seat=seat, now=now)
    if seat.attendee_email == attendee.email.lower():
        return None
    refuse_if_seated(live_session=seat.live_session, attendee=attendee)
    return mails_of_hand_over(seat=seat, to_email=attendee.email, by=by)


def check_hand_over(*, seat: Seat, now: datetime) -> None:
    """Refuses what `hand_over_seat` would, whoever is to have the seat: SeatNotTaken, NotCancelable or AlreadyEntered. `seat` has
    its session."""
    live_session = seat.live_session
    if seat.state not in Seat.TAKEN or live_session.state == LiveSession.State.CANCELED:
        raise SeatNotTaken
    if live_session.state != LiveSession.State.PUBLISHED or live_session.starts_at <= now:
        raise NotCancelable
    if seat.state != Seat.State.CONFIRMED:
        raise AlreadyEntered


def _hand_over_locked(seat: Seat, attendee: Attendee, actor: User, reason: str, now: datetime) -> None:
    owed = mails_of_hand_over(seat=seat, to_email=attendee.email, by=actor)
    hand_over = HandOver.objects.create(
        seat=seat,
        from_name=seat.attendee_name,
        from_email=seat.attendee_email,
        to_name=attendee.name,
        to_email=attendee.email.lower(),
        cancel_sequence=seat.calendar_sequence + 1,
        made_by=actor,
        made_at=now,
    )
    audit.record(actor=actor, verb="handed_over", target=seat, reason=reason, detail={"hand_over": hand_over.pk}, now=now)
    _seat_the_next(seat, attendee, now)
    queue_handed_over(hand_over=hand_over, owed=owed, now=now)


def _seat_the_next(seat: Seat, attendee: Attendee, now: datetime) -> None:
    seat.attendee_name, seat.attendee_firm = attendee.name, attendee.firm
    seat.attendee_email = attendee.email.lower()
    seat.handed_over_at, seat.declined_at = now, None
    seat.calendar_sequence += 2
    seat.door_version += 1
    seat.save(
        update_fields=[
            *["attendee_name", "attendee_firm", "attendee_email"],
            *["handed_over_at", "declined_at", "calendar_sequence", "door_version"],
        ]
    )
