"""The mail to whoever booked a seat for somebody who cannot come."""

from datetime import datetime

from redreport.addresses import address_of
from redreport.outbox.kinds import MailKind, RenderedMail, Verdict
from redreport.outbox.kinds import register as register_kind
from redreport.outbox.models import OutgoingMail
from redreport.outbox.render import render_templates
from sessions_live.mails.common import booking_context, seat_of, takes_place
from subscriptions.models import SeatCoverage


def register() -> None:
    """Make the kind known to the outbox."""
    register_kind(MailKind("cant_come", "attendee can't come", guard=_they_still_cannot, render=_render_cant_come))


def _they_still_cannot(mail: OutgoingMail, now: datetime) -> Verdict:
    seat = seat_of(mail)
    if seat.declined_at is None or seat.declined_at.isoformat() != mail.context["declined_at"]:
        return Verdict.withhold("the attendee can come after all, or another one sits there now")
    verdict = takes_place(seat, mail)
    if verdict.action == "send" and seat.live_session.starts_at <= now:
        return Verdict.miss("the session has begun")
    return verdict


def _render_cant_come(mail: OutgoingMail) -> RenderedMail:
    seat = seat_of(mail)
    context = {
        **booking_context(seat),
        "is_by_house": SeatCoverage.objects.select_related("seat").get(seat=seat).is_by_house,
        "hand_over_url": address_of("subscriptions:hand_over", seat.public_id),
        "cancel_url": address_of("subscriptions:cancel", str(seat.public_id)),
    }
    return render_templates("cant_come", context)
