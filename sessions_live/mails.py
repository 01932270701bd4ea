"""The mails that come of the schedule alone: reminders before the start."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.urls import reverse

from redreport import clock, policy, wording
from redreport.outbox.kinds import MailKind, RenderedMail, Verdict
from redreport.outbox.kinds import register as register_kind
from redreport.outbox.models import OutgoingMail
from redreport.outbox.render import render_templates
from sessions_live.door import door_url
from sessions_live.models import LiveSession, Seat


@dataclass(frozen=True)
class Reminder:
    """A kind of reminder: how long before the start it is due, how late it still makes sense, and what it begins with."""

    kind: str
    label: str
    before: timedelta
    tolerance: timedelta
    opening: Callable[[datetime, datetime], str]


REMINDERS = (
    Reminder(
        "reminder_24h", "day reminder", policy.LONG_REMINDER_BEFORE, policy.LONG_REMINDER_TOLERANCE, opening=wording.which_day
    ),
    Reminder(
        "reminder_1h", "hour reminder", policy.SHORT_REMINDER_BEFORE, policy.SHORT_REMINDER_TOLERANCE, opening=wording.how_soon
    ),
)


def register() -> None:
    """Make the reminders known to the outbox."""
    for reminder in REMINDERS:
        register_kind(
            MailKind(reminder.kind, reminder.label, guard=_guard_of(reminder), render=_renderer_of(reminder), private=True)
        )


def seat_of(mail: OutgoingMail) -> Seat:
    """The seat a mail speaks of, with its session."""
    return Seat.objects.select_related("live_session", "booked_by").get(pk=mail.context["seat_id"])


def stands(seat: Seat, mail: OutgoingMail) -> Verdict:
    """Whether what a mail says to the attendee still holds: the seat is theirs, and the session takes place as the mail means."""
    if seat.attendee_email != mail.recipient:
        return Verdict.withhold("the seat was handed over")
    return takes_place(seat, mail)


def takes_place(seat: Seat, mail: OutgoingMail) -> Verdict:
    """Whether the seat is still somebody's and its session takes place, at the time the mail means if it means one."""
    live_session = seat.live_session
    if seat.state not in Seat.TAKEN:
        return Verdict.withhold(f"the seat is {seat.state}")
    if live_session.state not in (LiveSession.State.PUBLISHED, LiveSession.State.ENDED):
        return Verdict.withhold(f"the session is {live_session.state}")
    if mail.schedule_version is not None and mail.schedule_version != live_session.schedule_version:
        return Verdict.withhold("the session was moved")
    return Verdict.send()


def seat_mail_context(seat: Seat) -> dict[str, Any]:
    """What every mail to the attendee can say."""
    return {**booking_context(seat), "door_url": door_url(seat)}


def booking_context(seat: Seat) -> dict[str, Any]:
    """What a mail about a seat can say to anybody: all but its door."""
    live_session = seat.live_session
    return {
        "seat": seat,
        "live_session": live_session,
        "session_url": settings.SITE_URL + reverse("sessions:detail", args=[live_session.slug]),
        "cutoff_at": live_session.cancel_cutoff_at,
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


def _renderer_of(reminder: Reminder) -> Callable[[OutgoingMail], RenderedMail]:
    def render(mail: OutgoingMail) -> RenderedMail:
        seat = seat_of(mail)
        # Counted from the moment of sending, which may be hours after the mail was due.
        opening = reminder.opening(seat.live_session.starts_at, clock.now())
        return render_templates("reminder", {**seat_mail_context(seat), "opening": opening})

    return render
