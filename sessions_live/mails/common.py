"""What mails about a seat have in common: whose it is, whether it still stands, and what can be said of it."""

from datetime import datetime
from typing import Any

from redreport import clock, wording
from redreport.addresses import address_of
from redreport.outbox.kinds import CalendarPart, Verdict
from redreport.outbox.models import OutgoingMail
from sessions_live.calendar import seat_request
from sessions_live.models import LiveSession, ScheduleChange, Seat
from sessions_live.reservations import reservation
from sessions_live.seat_links import DOOR


def seat_of(mail: OutgoingMail) -> Seat:
    """The seat a mail speaks of, with its session."""
    return Seat.objects.select_related("live_session", "booked_by").get(pk=mail.context["seat_id"])


def stands(seat: Seat, mail: OutgoingMail) -> Verdict:
    """Whether what a mail says to the attendee still holds: the seat is theirs, and the session takes place as the mail means."""
    if seat.attendee_email != mail.recipient:
        return Verdict.withhold("the seat was handed over")
    return takes_place(seat, mail)


def stands_until_over(mail: OutgoingMail, now: datetime) -> Verdict:
    """The guard of a mail with an invitation: it holds as `stands` says, and is of use until the door has closed."""
    seat = seat_of(mail)
    verdict = stands(seat, mail)
    return unless_over(seat, now) if verdict.action == "send" else verdict


def unless_over(seat: Seat, now: datetime) -> Verdict:
    """Sent until the session's door has closed."""
    return Verdict.miss("the session is over") if now > seat.live_session.door_closes_at else Verdict.send()


def takes_place(seat: Seat, mail: OutgoingMail) -> Verdict:
    """Whether the seat is still somebody's, in the session the mail means if it means one, and that takes place as the mail
    says."""
    if seat.state not in Seat.TAKEN:
        return Verdict.withhold(f"the seat is {seat.state}")
    if mail.context.get("live_session_id", seat.live_session_id) != seat.live_session_id:
        return Verdict.withhold("the seat was moved to another session")
    return stands_as_told(seat.live_session, mail)


def stands_as_told(live_session: LiveSession, mail: OutgoingMail) -> Verdict:
    """Whether a session takes place, at the time the mail means if it means one."""
    if live_session.state not in (LiveSession.State.PUBLISHED, LiveSession.State.ENDED):
        return Verdict.withhold(f"the session is {live_session.state}")
    if mail.schedule_version is not None and mail.schedule_version != live_session.schedule_version:
        return Verdict.withhold("the session was moved")
    return Verdict.send()


def told_before(mail: OutgoingMail, change: ScheduleChange) -> datetime:
    """The start that the recipient of a mail about a move knows of: news of moves before this one may never have gone out, being
    superseded. Mails of one kind about the moves of a session differ in their key by the change they name."""
    earlier = list(ScheduleChange.objects.filter(live_session=change.live_session_id, version__lt=change.version))
    whose = mail.key.rpartition(":")[2]
    keys = {f"{mail.kind}:{move.pk}:{whose}": move.pk for move in earlier}
    owed = OutgoingMail.objects.filter(key__in=keys, recipient=mail.recipient, sent_at__isnull=True)
    untold = {keys[key] for key in owed.values_list("key", flat=True)}
    known = change.old_starts_at
    for move in sorted(earlier, key=lambda move: move.version, reverse=True):
        if move.pk not in untold:
            break
        known = move.old_starts_at
    return known


def seat_mail_context(seat: Seat) -> dict[str, Any]:
    """What every mail to the attendee can say."""
    return {
        **booking_context(seat),
        "door_url": DOOR.url(seat),
        "reservation": reservation(seat),
        "is_booker": not seat.is_booked_for_another,
        "clock_change": _clock_change(seat, "" if seat.is_booked_for_another else seat.booked_by.time_zone),
    }


def invitation(seat: Seat, mail: OutgoingMail) -> CalendarPart:
    """What puts the seat into its attendee's calendar, or moves it there."""
    return CalendarPart("REQUEST", seat_request(seat, mail.created_at), "invitation.ics")


def booking_context(seat: Seat) -> dict[str, Any]:
    """What a mail about a seat can say to anybody: all but its door."""
    live_session = seat.live_session
    return {
        "seat": seat,
        "live_session": live_session,
        "session_url": address_of("sessions:detail", live_session.slug),
        "cutoff_at": seat.free_cancel_until,
        # In the booker's zone; a mail to an attendee who is another one is not to name it.
        "clock_change": _clock_change(seat, seat.booked_by.time_zone),
    }


def _clock_change(seat: Seat, zone_name: str) -> str:
    return wording.clock_change(seat.live_session.starts_at, clock.now(), zone_name)
