"""The mails that come of a canceled seat: to the attendee, whose calendar lets go of it, and to whoever booked it."""

from datetime import datetime
from typing import Any

from redreport.addresses import address_of
from redreport.outbox.kinds import CalendarPart, MailKind, RenderedMail, Verdict
from redreport.outbox.kinds import register as register_kind
from redreport.outbox.models import OutgoingMail
from redreport.outbox.queue import queue_mail
from redreport.outbox.render import render_templates
from sessions_live.calendar import seat_cancellation
from sessions_live.mails.common import seat_of
from sessions_live.models import LiveSession, ScheduleChange, Seat
from sessions_live.reservations import reservation
from subscriptions.models import SeatCoverage
from subscriptions.settlement import settlement_made, what_comes_back

SEAT_CANCELED, CANCELLATION_RECEIPT = "seat_canceled", "cancellation_receipt"


def register() -> None:
    """Make the kinds known to the outbox."""
    register_kind(MailKind(SEAT_CANCELED, "cancellation", guard=_still_canceled, render=_render_seat_canceled))
    register_kind(MailKind(CANCELLATION_RECEIPT, "cancellation for the booker", guard=_still_canceled, render=_render_receipt))


def queue_seat_canceled(*, seat: Seat, coverage: SeatCoverage, now: datetime) -> None:
    """Owe the attendee the news that the seat is canceled, once for a seat; the money part is the booker's alone.

    Whoever booked it for somebody else is owed a mail of their own; not the house, which gave it.
    """
    for kind, recipient in mails_of_cancellation(seat, coverage).items():
        queue_mail(kind=kind, key=f"{kind}:{seat.pk}", recipient=recipient, context={"seat_id": seat.pk}, now=now)


def mails_of_cancellation(seat: Seat, coverage: SeatCoverage) -> dict[str, str]:
    """Who is written to when this seat is canceled, by the kind of mail."""
    owed = {SEAT_CANCELED: seat.attendee_email}
    if seat.is_booked_for_another and not coverage.is_by_house:
        owed[CANCELLATION_RECEIPT] = seat.booked_by.email
    return owed


def _still_canceled(mail: OutgoingMail, now: datetime) -> Verdict:
    seat = seat_of(mail)
    return Verdict.send() if seat.state == Seat.State.CANCELED else Verdict.withhold(f"the seat is {seat.state}")


def _render_seat_canceled(mail: OutgoingMail) -> RenderedMail:
    seat = seat_of(mail)
    comes_back = "" if seat.is_booked_for_another else _what_came_back(seat)
    return render_seat_canceled(mail=mail, seat=seat, change=_cancellation_of_session(seat), comes_back=comes_back)


def render_seat_canceled(*, mail: OutgoingMail, seat: Seat, change: ScheduleChange | None, comes_back: str) -> RenderedMail:
    """The news of a canceled seat to its attendee; `change` canceled its whole session. None of the rows need be saved."""
    content = seat_cancellation(seat, mail.created_at)
    context = {
        **_context(seat, change),
        "is_booker": not seat.is_booked_for_another,
        "comes_back": comes_back,
        "reservation": reservation(seat, is_withdrawn=True),
    }
    return render_templates(SEAT_CANCELED, context, CalendarPart("CANCEL", content, "cancellation.ics"))


def _render_receipt(mail: OutgoingMail) -> RenderedMail:
    seat = seat_of(mail)
    context = {**_context(seat, _cancellation_of_session(seat)), "comes_back": _what_came_back(seat)}
    return render_templates(CANCELLATION_RECEIPT, context)


def _cancellation_of_session(seat: Seat) -> ScheduleChange | None:
    """The cancellation of the whole session in which the house canceled this seat."""
    if not _was_in_canceled_session(seat):
        return None
    return seat.live_session.schedule_changes.filter(kind=ScheduleChange.Kind.CANCELED).first()


def _was_in_canceled_session(seat: Seat) -> bool:
    return seat.canceled_by == Seat.CanceledBy.HOUSE and seat.live_session.state == LiveSession.State.CANCELED


def _context(seat: Seat, change: ScheduleChange | None) -> dict[str, Any]:
    return {
        "seat": seat,
        "live_session": seat.live_session,
        "message": change.message if change else "",
        "session_is_canceled": _was_in_canceled_session(seat),
        "by_house": seat.canceled_by == Seat.CanceledBy.HOUSE,
        "sessions_url": address_of("sessions:list"),
    }


def _what_came_back(seat: Seat) -> str:
    """Nothing for a seat that the house gave for nothing: there is nothing to say."""
    coverage = SeatCoverage.objects.select_related("order", "refund", "seat__live_session").get(seat=seat)
    made = settlement_made(coverage)
    return what_comes_back(made, is_done=True) if made and coverage.kind != SeatCoverage.Kind.COMP else ""
