"""An attendee whose seat somebody else booked cannot come, and says so. The seat stays: only its booker can give it up."""

from datetime import datetime

from django.db import transaction

from redreport import audit
from redreport.outbox.models import OutgoingMail
from redreport.outbox.queue import queue_mail
from redreport.transactions import retried
from sessions_live.errors import NotCancelable, SeatNotTaken
from sessions_live.models import LiveSession, Seat
from sessions_live.operations.locks import lock_seat_with_session

# Who changes their mind again and again must not fill their booker's mailbox.
MOST_MAILS = 5


@retried
def decline_seat(*, seat_id: int, door_version: int, now: datetime) -> None:
    """Note that whoever sits in this seat cannot come, and owe its booker the news, once a refusal and `MOST_MAILS` times for
    one attendee. No reminder goes out then.

    Saying it twice changes nothing. `door_version` is that of the link by which it was said: one who has handed the seat on says
    nothing for whoever has it now. Refuses with SeatNotTaken, or with NotCancelable once the session has begun.
    """
    with transaction.atomic():
        seat = _lock_seat_of_attendee(seat_id, door_version, now)
        if seat.declined_at:
            return
        seat.declined_at = now
        seat.save(update_fields=["declined_at"])
        audit.record(actor="attendee", verb="declined", target=seat, now=now)
        said_by_them = f"cant_come:{seat.pk}:{seat.door_version}:"
        if OutgoingMail.objects.filter(key__startswith=said_by_them).count() >= MOST_MAILS:
            return
        queue_mail(
            kind="cant_come",
            key=f"{said_by_them}{now.isoformat()}",
            recipient=seat.booked_by.email,
            context={"seat_id": seat.pk, "declined_at": now.isoformat()},
            now=now,
        )


@retried
def accept_seat_again(*, seat_id: int, door_version: int, now: datetime) -> None:
    """Take back what `decline_seat` noted: the attendee can come after all. Refuses as that does; twice changes nothing."""
    with transaction.atomic():
        seat = _lock_seat_of_attendee(seat_id, door_version, now)
        if seat.declined_at is None:
            return
        seat.declined_at = None
        seat.save(update_fields=["declined_at"])
        audit.record(actor="attendee", verb="accepted_again", target=seat, now=now)


def _lock_seat_of_attendee(seat_id: int, door_version: int, now: datetime) -> Seat:
    # Locks: the session, then the seat. Its booker may be canceling it or handing it over at this moment.
    seat = lock_seat_with_session(seat_id)
    live_session = seat.live_session
    is_theirs = seat.door_version == door_version and seat.is_booked_for_another
    if seat.state not in Seat.TAKEN or not is_theirs or live_session.state == LiveSession.State.CANCELED:
        raise SeatNotTaken
    if live_session.starts_at <= now or seat.state != Seat.State.CONFIRMED:
        raise NotCancelable
    return seat
