"""The mails that come of 'book me into every session': you are in, with one click out of it; or not, and why."""

from datetime import datetime

from redreport import clock
from redreport.addresses import address_of
from redreport.outbox.kinds import MailKind, RenderedMail, Verdict
from redreport.outbox.kinds import register as register_kind
from redreport.outbox.models import OutgoingMail
from redreport.outbox.queue import queue_mail
from redreport.outbox.render import render_templates
from sessions_live.mails.common import invitation, seat_mail_context, seat_of, stands_until_over
from sessions_live.models import LiveSession, Seat
from sessions_live.seat_links import AUTO_OUT
from sessions_live.selectors import own_seat
from subscriptions.models import AutoBooking, AutoBookingAttempt
from subscriptions.selectors import credit_balance


def register() -> None:
    """Make the kinds known to the outbox."""
    register_kind(
        MailKind("auto_booked", "booked automatically", guard=stands_until_over, render=_render_auto_booked, private=True)
    )
    register_kind(MailKind("not_booked", "not booked automatically", guard=_still_not_booked, render=_render_not_booked))


def queue_auto_booked(*, seat: Seat, now: datetime) -> None:
    """Owe the subscriber the confirmation of a seat taken automatically: invitation, door, and the way out; once for a seat."""
    queue_mail(
        kind="auto_booked",
        key=f"auto_booked:{seat.pk}:{seat.calendar_sequence}",
        recipient=seat.attendee_email,
        context={"seat_id": seat.pk, "live_session_id": seat.live_session_id},
        schedule_version=seat.live_session.schedule_version,
        now=now,
    )


def queue_not_booked(*, attempt: AutoBookingAttempt, recipient: str, now: datetime) -> None:
    """Owe the subscriber the news that a session could not be booked automatically, and why; once for a session."""
    queue_mail(
        kind="not_booked",
        key=f"not_booked:{attempt.subscriber_id}:{attempt.live_session_id}",
        recipient=recipient,
        context={"subscriber_id": attempt.subscriber_id, "live_session_id": attempt.live_session_id},
        now=now,
    )


def _still_not_booked(mail: OutgoingMail, now: datetime) -> Verdict:
    attempt = _attempt_of(mail)
    if attempt is None or attempt.outcome == AutoBookingAttempt.Outcome.BOOKED:
        return Verdict.withhold("it is tried again, or booked")
    if not AutoBooking.objects.filter(subscriber=attempt.subscriber_id).exists():
        return Verdict.withhold("auto-booking is switched off")
    live_session = attempt.live_session
    if live_session.state == LiveSession.State.CANCELED:
        return Verdict.withhold("the session is canceled")
    if not live_session.is_on_sale(now):
        return Verdict.miss("the session has begun")
    if own_seat(user=attempt.subscriber.user, live_session=live_session):
        return Verdict.withhold("there is a seat by now")
    return Verdict.send()


def _attempt_of(mail: OutgoingMail) -> AutoBookingAttempt | None:
    attempts = AutoBookingAttempt.objects.select_related("live_session", "subscriber__user")
    return attempts.filter(subscriber=mail.context["subscriber_id"], live_session=mail.context["live_session_id"]).first()


def _render_auto_booked(mail: OutgoingMail) -> RenderedMail:
    seat = seat_of(mail)
    context = {
        **seat_mail_context(seat),
        "out_url": AUTO_OUT.url(seat),
        "credits_left": credit_balance(user=seat.booked_by, now=clock.now()).total,
        "switch_url": address_of("subscriptions:credits"),
    }
    return render_templates("auto_booked", context, invitation(seat, mail))


def _render_not_booked(mail: OutgoingMail) -> RenderedMail:
    attempt = _attempt_of(mail)
    assert attempt is not None
    context = {
        "live_session": attempt.live_session,
        "outcome": attempt.outcome,
        "user": attempt.subscriber.user,
        "session_url": address_of("sessions:detail", attempt.live_session.slug),
        "switch_url": address_of("subscriptions:credits"),
    }
    return render_templates("not_booked", context)
