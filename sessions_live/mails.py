"""The mails that come of the schedule alone: reminders before the start."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.urls import reverse

from redreport import policy
from redreport.outbox.kinds import MailKind, RenderedMail, Verdict
from redreport.outbox.kinds import register as register_kind
from redreport.outbox.models import OutgoingMail
from redreport.outbox.render import render_templates
from sessions_live.door import door_url
from sessions_live.models import LiveSession, Seat


@dataclass(frozen=True)
class Reminder:
    """A kind of reminder: how long before the start it is due, and how late it still makes sense."""

    kind: str
    before: timedelta
    tolerance: timedelta


REMINDERS = (
    Reminder("reminder_24h", policy.LONG_REMINDER_BEFORE, policy.LONG_REMINDER_TOLERANCE),
    Reminder("reminder_1h", policy.SHORT_REMINDER_BEFORE, policy.SHORT_REMINDER_TOLERANCE),
)


def register() -> None:
    """Make the reminders known to the outbox."""
    for reminder in REMINDERS:
        register_kind(MailKind(reminder.kind, guard=_guard_of(reminder), render=_render_reminder, private=True))


def seat_of(mail: OutgoingMail) -> Seat:
    """The seat a mail speaks of, with its session."""
    return Seat.objects.select_related("live_session", "booked_by").get(pk=mail.context["seat_id"])


def stands(seat: Seat, mail: OutgoingMail) -> Verdict:
    """Whether what a mail says still holds: the seat is this person's, the session takes place, at the time the mail means."""
    live_session = seat.live_session
    if seat.state not in Seat.TAKEN:
        return Verdict.withhold(f"the seat is {seat.state}")
    if live_session.state not in (LiveSession.State.PUBLISHED, LiveSession.State.ENDED):
        return Verdict.withhold(f"the session is {live_session.state}")
    if mail.schedule_version is not None and mail.schedule_version != live_session.schedule_version:
        return Verdict.withhold("the session was moved")
    if seat.attendee_email != mail.recipient:
        return Verdict.withhold("the seat was handed over")
    return Verdict.send()


def seat_mail_context(seat: Seat) -> dict[str, Any]:
    """What every mail about a seat can say."""
    live_session = seat.live_session
    return {
        "seat": seat,
        "live_session": live_session,
        "door_url": door_url(seat),
        "session_url": settings.SITE_URL + reverse("sessions:detail", args=[live_session.slug]),
        "cutoff_at": live_session.cancel_cutoff_at,
        "door_opens_before_minutes": int(policy.DOOR_OPENS_BEFORE.total_seconds() // 60),
    }


def _guard_of(reminder: Reminder) -> Callable[[OutgoingMail, datetime], Verdict]:
    def guard(mail: OutgoingMail, now: datetime) -> Verdict:
        seat = seat_of(mail)
        verdict = stands(seat, mail)
        if verdict.action != "send":
            return verdict
        if now > seat.live_session.starts_at - reminder.before + reminder.tolerance:
            return Verdict.miss("too late to be of use")
        return verdict

    return guard


def _render_reminder(mail: OutgoingMail) -> RenderedMail:
    seat = seat_of(mail)
    day = _day_word(seat.live_session, mail.due_at)
    return render_templates(mail.kind, {**seat_mail_context(seat), "day": day})


def _day_word(live_session: LiveSession, at: datetime) -> str:
    """'Tomorrow' or 'Today', by the calendar of the house."""
    days = (live_session.starts_at.astimezone(policy.HOUSE_ZONE).date() - at.astimezone(policy.HOUSE_ZONE).date()).days
    return "Tomorrow" if days == 1 else "Today"
