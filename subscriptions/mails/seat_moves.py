"""The mails about a seat that staff moved to another session: to its attendee, whose calendar follows, and to who booked it."""

from datetime import datetime
from typing import Any

from redreport.addresses import address_of
from redreport.outbox.kinds import MailKind, RenderedMail, Verdict
from redreport.outbox.kinds import register as register_kind
from redreport.outbox.models import OutgoingMail
from redreport.outbox.queue import OwedMail, queue_mails
from redreport.outbox.render import render_templates
from sessions_live.mails.common import booking_context, invitation, seat_mail_context, seat_of, stands_until_over, takes_place
from sessions_live.models import LiveSession, Seat
from sessions_live.seat_links import CANT_COME
from subscriptions.models import SeatCoverage

SEAT_MOVED, BOOKED_SEAT_MOVED = "seat_moved", "booked_seat_moved"


def register() -> None:
    """Make the kinds known to the outbox."""
    register_kind(MailKind(SEAT_MOVED, "seat moved", guard=stands_until_over, render=_render_seat_moved, private=True))
    register_kind(MailKind(BOOKED_SEAT_MOVED, "seat moved, for the booker", guard=_still_booked, render=_render_booked))


def mails_of_seat_move(seat: Seat, coverage: SeatCoverage) -> dict[str, str]:
    """Who is written to when this seat is moved, by the kind of mail; the house needs none about what it gave."""
    owed = {SEAT_MOVED: seat.attendee_email}
    if seat.is_booked_for_another and not coverage.is_by_house:
        owed[BOOKED_SEAT_MOVED] = seat.booked_by.email
    return owed


def queue_seat_moved(*, seat: Seat, coverage: SeatCoverage, left: LiveSession, now: datetime) -> None:
    """Owe the news of a move out of the session `left`, once for each move. Not bound to a version of the schedule: it says what
    is so when it is sent, and who never had a mail about this session is not to hear of it first as moved."""
    context = {"seat_id": seat.pk, "live_session_id": seat.live_session_id, "left_id": left.pk}
    owed = [
        OwedMail(kind, f"{kind}:{seat.pk}:{seat.calendar_sequence}", recipient, context)
        for kind, recipient in mails_of_seat_move(seat, coverage).items()
    ]
    queue_mails(owed, now=now)


def _still_booked(mail: OutgoingMail, now: datetime) -> Verdict:
    seat = seat_of(mail)
    verdict = takes_place(seat, mail)
    if verdict.action == "send" and seat.live_session.starts_at <= now:
        return Verdict.miss("the session has begun")
    return verdict


def _render_seat_moved(mail: OutgoingMail) -> RenderedMail:
    seat = seat_of(mail)
    is_booker = not seat.is_booked_for_another
    context = {
        **seat_mail_context(seat),
        **_context(mail, seat),
        "cancel_url": address_of("subscriptions:cancel", str(seat.public_id)) if is_booker else "",
        "cant_come_url": "" if is_booker else CANT_COME.url(seat),
    }
    return render_templates(SEAT_MOVED, context, invitation(seat, mail))


def _render_booked(mail: OutgoingMail) -> RenderedMail:
    seat = seat_of(mail)
    cancel_url = address_of("subscriptions:cancel", str(seat.public_id))
    context = {**booking_context(seat), **_context(mail, seat), "cancel_url": cancel_url}
    return render_templates(BOOKED_SEAT_MOVED, context)


def _context(mail: OutgoingMail, seat: Seat) -> dict[str, Any]:
    coverage = SeatCoverage.objects.select_related("seat").get(seat=seat)
    return {"session_left": _known_session(mail), "is_by_house": coverage.is_by_house}


def _known_session(mail: OutgoingMail) -> LiveSession:
    """The session that the recipient knows of: news of the move before this one may never have gone out."""
    earlier = OutgoingMail.objects.filter(
        kind=mail.kind, recipient=mail.recipient, context__seat_id=mail.context["seat_id"], pk__lt=mail.pk
    )
    left_id = mail.context["left_id"]
    for before in earlier.order_by("-id"):
        if before.sent_at or before.context["live_session_id"] != left_id:
            break
        left_id = before.context["left_id"]
    return LiveSession.objects.get(pk=left_id)
