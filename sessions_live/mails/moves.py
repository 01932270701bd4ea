"""The mails about a session that was moved: to who sits in it, and to who waits for a seat; with those to its hosts."""

from datetime import datetime
from typing import Any

from redreport.addresses import address_of
from redreport.outbox.kinds import MailKind, RenderedMail, Verdict
from redreport.outbox.kinds import register as register_kind
from redreport.outbox.models import OutgoingMail
from redreport.outbox.queue import OwedMail, queue_mails
from redreport.outbox.render import render_templates
from sessions_live.mails.common import invitation, seat_mail_context, seat_of, stands_as_told, stands_until_over, told_before
from sessions_live.mails.hosts import HOST_MOVED, owed_to_hosts
from sessions_live.models import ScheduleChange, Seat, WaitlistEntry
from sessions_live.seat_links import CANT_COME

SESSION_MOVED, WAITLIST_MOVED = "session_moved", "waitlist_moved"


def register() -> None:
    """Make the kinds known to the outbox."""
    register_kind(MailKind(SESSION_MOVED, "new time", guard=stands_until_over, render=_render_session_moved, private=True))
    register_kind(MailKind(WAITLIST_MOVED, "new time, waitlist", guard=_still_waits, render=_render_waitlist_moved))


def queue_session_moved(*, change: ScheduleChange, now: datetime) -> None:
    """Owe the news of a move: to each attendee with a new invitation, to each reader who waits, to each host with an
    address; each once for a version of the schedule. Runs in the caller's transaction, which has locked the session."""
    queue_mails(owed_after_move(change), now=now)


def owed_after_move(change: ScheduleChange) -> list[OwedMail]:
    """The news of a move, to each attendee, each reader who waits and each host."""
    return [*_owed_to_attendees(change), *_owed_to_who_waits(change), *owed_to_hosts(HOST_MOVED, change)]


def _owed_to_attendees(change: ScheduleChange) -> list[OwedMail]:
    taken = Seat.objects.filter(live_session=change.live_session, state__in=Seat.TAKEN)
    return [
        OwedMail(
            kind=SESSION_MOVED,
            key=f"{SESSION_MOVED}:{change.pk}:{seat_id}",
            recipient=email,
            context={"seat_id": seat_id, "live_session_id": change.live_session_id, "change_id": change.pk},
            schedule_version=change.version,
        )
        for seat_id, email in taken.order_by("id").values_list("pk", "attendee_email")
    ]


def _owed_to_who_waits(change: ScheduleChange) -> list[OwedMail]:
    waiting = WaitlistEntry.objects.filter(live_session=change.live_session, state__in=WaitlistEntry.OPEN)
    return [
        OwedMail(
            kind=WAITLIST_MOVED,
            key=f"{WAITLIST_MOVED}:{change.pk}:{entry_id}",
            recipient=email,
            context={"entry_id": entry_id, "change_id": change.pk},
            schedule_version=change.version,
        )
        for entry_id, email in waiting.in_turn().values_list("pk", "user__email")
    ]


def _still_waits(mail: OutgoingMail, now: datetime) -> Verdict:
    entry = _entry_of(mail)
    if entry.state not in WaitlistEntry.OPEN:
        return Verdict.withhold(f"the reader does not wait any more: {entry.state}")
    if entry.state == WaitlistEntry.State.OFFERED and not (entry.accepted_at or entry.is_offered_at(now)):
        return Verdict.withhold("what was offered has run out")
    if entry.live_session.starts_at <= now:
        return Verdict.miss("the session has begun")
    return stands_as_told(entry.live_session, mail)


def _render_session_moved(mail: OutgoingMail) -> RenderedMail:
    return render_session_moved(mail=mail, seat=seat_of(mail), change=_change_of(mail))


def render_session_moved(*, mail: OutgoingMail, seat: Seat, change: ScheduleChange) -> RenderedMail:
    """The news of a move to an attendee. `seat` knows its session as it stands after it; none of the three need be saved."""
    context = {
        **seat_mail_context(seat),
        **move_context(mail, change),
        "cant_come_url": CANT_COME.url(seat),
    }
    return render_templates(SESSION_MOVED, context, invitation(seat, mail))


def _render_waitlist_moved(mail: OutgoingMail) -> RenderedMail:
    entry, change = _entry_of(mail), _change_of(mail)
    live_session = entry.live_session
    context = {
        **move_context(mail, change),
        "live_session": live_session,
        "entry": entry,
        "time_zone": entry.user.time_zone,
        "session_url": address_of("sessions:detail", live_session.slug),
    }
    return render_templates(WAITLIST_MOVED, context)


def move_context(mail: OutgoingMail, change: ScheduleChange) -> dict[str, Any]:
    """What every mail about a move says to a reader: the start they knew of, and the length where that is another."""
    return {
        "message": change.message,
        "was_starting_at": told_before(mail, change),
        "minutes": change.new_duration_minutes if change.new_duration_minutes != change.old_duration_minutes else None,
    }


def _change_of(mail: OutgoingMail) -> ScheduleChange:
    return ScheduleChange.objects.get(pk=mail.context["change_id"])


def _entry_of(mail: OutgoingMail) -> WaitlistEntry:
    return WaitlistEntry.objects.select_related("live_session", "user").get(pk=mail.context["entry_id"])
