"""The reminders before the start."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from redreport import clock, policy, wording
from redreport.outbox.kinds import MailKind, RenderedMail, Verdict
from redreport.outbox.kinds import register as register_kind
from redreport.outbox.models import OutgoingMail
from redreport.outbox.render import render_templates
from sessions_live.mails.common import seat_mail_context, seat_of, stands
from sessions_live.models import LiveSession, Seat


@dataclass(frozen=True)
class Reminder:
    """A kind of reminder: how long before the start it is due, how late it still makes sense, and what it begins with."""

    kind: str
    label: str
    before: timedelta
    tolerance: timedelta
    opening: Callable[[datetime, datetime], str]

    def is_late(self, live_session: LiveSession, now: datetime) -> bool:
        """Whether it would be of no use any more."""
        return now > live_session.starts_at - self.before + self.tolerance


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


def _guard_of(reminder: Reminder) -> Callable[[OutgoingMail, datetime], Verdict]:
    def guard(mail: OutgoingMail, now: datetime) -> Verdict:
        seat = seat_of(mail)
        verdict = stands(seat, mail)
        if verdict.action != "send":
            return verdict
        if seat.declined_at:
            return Verdict.withhold("the attendee said that they cannot come")
        if seat.state == Seat.State.ATTENDED:
            return Verdict.withhold("the attendee is in already")
        return Verdict.miss("too late to be of use") if reminder.is_late(seat.live_session, now) else verdict

    return guard


def _renderer_of(reminder: Reminder) -> Callable[[OutgoingMail], RenderedMail]:
    def render(mail: OutgoingMail) -> RenderedMail:
        seat = seat_of(mail)
        # Counted from the moment of sending, which may be hours after the mail was due.
        opening = reminder.opening(seat.live_session.starts_at, clock.now())
        return render_templates("reminder", {**seat_mail_context(seat), "opening": opening})

    return render
