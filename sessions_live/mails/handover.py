"""The mails about a seat that changed hands: to who sat there, whose calendar lets go of it, and to who sits there now."""

from datetime import datetime

from redreport.addresses import address_of
from redreport.outbox.kinds import CalendarPart, MailKind, RenderedMail, Verdict
from redreport.outbox.kinds import register as register_kind
from redreport.outbox.models import OutgoingMail
from redreport.outbox.queue import queue_mail
from redreport.outbox.render import render_templates
from sessions_live.calendar import seat_withdrawal
from sessions_live.mails.common import booking_context, invitation, seat_mail_context, seat_of, stands_until_over, unless_over
from sessions_live.models import HandOver, LiveSession
from sessions_live.seat_links import CANT_COME

HANDED_AWAY, HANDED_OVER = "seat_handed_away", "seat_handed_over"


def register() -> None:
    """Make the kinds known to the outbox."""
    register_kind(MailKind(HANDED_AWAY, "seat handed away", guard=_seat_is_not_theirs, render=_render_handed_away))
    register_kind(MailKind(HANDED_OVER, "seat handed over", guard=_seat_is_theirs, render=_render_handed_over, private=True))


def queue_handed_over(*, hand_over: HandOver, now: datetime) -> None:
    """Owe both the news, once for a hand-over. Neither is bound to a version of the schedule: each says what is so when it is
    sent, and who never had a mail about this session is not to hear of it first as moved."""
    about = {"seat_id": hand_over.seat_id, "live_session_id": hand_over.seat.live_session_id}
    for kind, recipient in ((HANDED_AWAY, hand_over.from_email), (HANDED_OVER, hand_over.to_email)):
        queue_mail(
            kind=kind,
            key=f"{kind}:{hand_over.pk}",
            recipient=recipient,
            context={**about, "hand_over_id": hand_over.pk},
            now=now,
        )


def _seat_is_not_theirs(mail: OutgoingMail, now: datetime) -> Verdict:
    """Sent also when the seat is canceled or moved, or the session canceled, meanwhile: that mail goes to who sits there now."""
    seat = seat_of(mail)
    if seat.attendee_email == mail.recipient:
        return Verdict.withhold("the seat is theirs again")
    return unless_over(seat, now)


def _seat_is_theirs(mail: OutgoingMail, now: datetime) -> Verdict:
    verdict, last = stands_until_over(mail, now), HandOver.objects.filter(seat=mail.context["seat_id"]).latest("id")
    if verdict.action == "send" and mail.context["hand_over_id"] != last.pk:
        return Verdict.withhold("a later mail tells of it")
    return verdict


def _render_handed_away(mail: OutgoingMail) -> RenderedMail:
    seat, hand_over = seat_of(mail), _hand_over_of(mail)
    # It may have been moved since: they are told of the session that they gave away.
    seat.live_session = LiveSession.objects.get(pk=mail.context.get("live_session_id", seat.live_session_id))
    context = {
        **booking_context(seat),
        "hand_over": hand_over,
        # Who the next one is, is the booker's to know.
        "is_booker": mail.recipient == seat.booked_by.email,
        "sessions_url": address_of("sessions:list"),
    }
    content = seat_withdrawal(hand_over, seat, mail.created_at)
    return render_templates(HANDED_AWAY, context, CalendarPart("CANCEL", content, "cancellation.ics"))


def _render_handed_over(mail: OutgoingMail) -> RenderedMail:
    seat = seat_of(mail)
    context = {
        **seat_mail_context(seat),
        "cant_come_url": CANT_COME.url(seat) if seat.is_booked_for_another else "",
    }
    return render_templates(HANDED_OVER, context, invitation(seat, mail))


def _hand_over_of(mail: OutgoingMail) -> HandOver:
    return HandOver.objects.get(pk=mail.context["hand_over_id"])
