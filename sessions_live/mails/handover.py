"""The mails about a seat that changed hands: to who sat there, whose calendar lets go of it, and to who sits there now."""

from datetime import datetime

from redreport.accounts.models import User
from redreport.addresses import address_of
from redreport.outbox.kinds import CalendarPart, MailKind, RenderedMail, Verdict
from redreport.outbox.kinds import register as register_kind
from redreport.outbox.models import OutgoingMail
from redreport.outbox.queue import queue_mail
from redreport.outbox.render import render_templates
from sessions_live.calendar import seat_withdrawal
from sessions_live.mails.common import (
    booking_context,
    invitation,
    seat_mail_context,
    seat_of,
    stands_until_over,
    takes_place,
    unless_over,
)
from sessions_live.models import HandOver, LiveSession, Seat
from sessions_live.reservations import reservation
from sessions_live.seat_links import CANT_COME

HANDED_AWAY, HANDED_OVER, BOOKED_HANDED_OVER = "seat_handed_away", "seat_handed_over", "booked_seat_handed_over"


def register() -> None:
    """Make the kinds known to the outbox."""
    register_kind(MailKind(HANDED_AWAY, "seat handed away", guard=_seat_is_not_theirs, render=_render_handed_away))
    register_kind(
        MailKind(BOOKED_HANDED_OVER, "seat handed over, for the booker", guard=_is_last, render=_render_booked_handed_over)
    )
    register_kind(MailKind(HANDED_OVER, "seat handed over", guard=_seat_is_theirs, render=_render_handed_over, private=True))


def mails_of_hand_over(*, seat: Seat, to_email: str, by: User) -> dict[str, str]:
    """Who is written to when `by` gives this seat to that address, by the kind of mail: both of them; and whoever booked it,
    where the desk does it to a seat that is neither's."""
    owed = {HANDED_AWAY: seat.attendee_email, HANDED_OVER: to_email.lower()}
    booker = seat.booked_by
    if booker != by and not booker.is_staff and booker.email not in owed.values():
        owed[BOOKED_HANDED_OVER] = booker.email
    return owed


def queue_handed_over(*, hand_over: HandOver, owed: dict[str, str], now: datetime) -> None:
    """Owe the news to those whom `mails_of_hand_over` named before, once for a hand-over. None is bound to a version of the
    schedule: each says what is so when it is sent, and who never had a mail about this session is not to hear of it first as
    moved."""
    about = {"seat_id": hand_over.seat_id, "live_session_id": hand_over.seat.live_session_id}
    for kind, recipient in owed.items():
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
    verdict = stands_until_over(mail, now)
    return _unless_later(mail) if verdict.action == "send" else verdict


def _is_last(mail: OutgoingMail, now: datetime) -> Verdict:
    seat = seat_of(mail)
    verdict = takes_place(seat, mail)
    if verdict.action == "send" and seat.live_session.starts_at <= now:
        return Verdict.miss("the session has begun")
    return _unless_later(mail) if verdict.action == "send" else verdict


def _unless_later(mail: OutgoingMail) -> Verdict:
    last = HandOver.objects.filter(seat=mail.context["seat_id"]).latest("id")
    return Verdict.send() if mail.context["hand_over_id"] == last.pk else Verdict.withhold("a later mail tells of it")


def _render_handed_away(mail: OutgoingMail) -> RenderedMail:
    seat, hand_over = seat_of(mail), _hand_over_of(mail)
    # It may have been moved since: they are told of the session that they gave away.
    seat.live_session = LiveSession.objects.get(pk=mail.context.get("live_session_id", seat.live_session_id))
    context = {
        **booking_context(seat),
        "hand_over": hand_over,
        # Who the next one is, is the booker's to know.
        "is_booker": mail.recipient == seat.booked_by.email,
        "is_by_desk": hand_over.made_by.is_staff,
        "reservation": reservation(seat, holder=hand_over.from_name, is_withdrawn=True),
        "sessions_url": address_of("sessions:list"),
    }
    content = seat_withdrawal(hand_over, seat, mail.created_at)
    return render_templates(HANDED_AWAY, context, CalendarPart("CANCEL", content, "cancellation.ics"))


def _render_handed_over(mail: OutgoingMail) -> RenderedMail:
    seat = seat_of(mail)
    context = {
        **seat_mail_context(seat),
        "is_by_desk": _hand_over_of(mail).made_by.is_staff,
        "cant_come_url": CANT_COME.url(seat) if seat.is_booked_for_another else "",
    }
    return render_templates(HANDED_OVER, context, invitation(seat, mail))


def _render_booked_handed_over(mail: OutgoingMail) -> RenderedMail:
    seat = seat_of(mail)
    cancel_url = address_of("subscriptions:cancel", str(seat.public_id))
    context = {**booking_context(seat), "hand_over": _hand_over_of(mail), "cancel_url": cancel_url}
    return render_templates(BOOKED_HANDED_OVER, context)


def _hand_over_of(mail: OutgoingMail) -> HandOver:
    return HandOver.objects.select_related("made_by").get(pk=mail.context["hand_over_id"])
