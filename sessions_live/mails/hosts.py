"""The mails to a session's hosts: their reminders, a new time, a cancellation. All lead to the host's own door but the last."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from redreport import clock, wording
from redreport.addresses import address_of
from redreport.outbox.kinds import MailKind, RenderedMail, Verdict
from redreport.outbox.kinds import register as register_kind
from redreport.outbox.models import OutgoingMail
from redreport.outbox.queue import OwedMail, queue_mail
from redreport.outbox.render import render_templates
from sessions_live.host_links import host_door_url
from sessions_live.mails.common import stands_as_told, told_before
from sessions_live.mails.reminders import REMINDERS, Reminder
from sessions_live.models import Host, LiveSession, Question, ScheduleChange, Seat

HOST_MOVED, HOST_CANCELED = "host_moved", "host_canceled"
# Their door once more, because staff asked for it.
HOST_DOOR = "host_door"
HOST_REMINDERS = tuple(replace(each, kind=f"host_{each.kind}", label=f"{each.label}, host") for each in REMINDERS)
# A mail stays short; all of them are behind the host's door.
MOST_QUESTIONS_MAILED = 20


def register() -> None:
    """Make the kinds known to the outbox."""
    for reminder in HOST_REMINDERS:
        guard, render = _guard_of(reminder), _renderer_of(reminder.opening)
        register_kind(MailKind(reminder.kind, reminder.label, guard=guard, render=render, private=True))
    render = _renderer_of(wording.which_day)
    register_kind(MailKind(HOST_DOOR, "door again, host", guard=_still_to_host_then, render=render, private=True))
    register_kind(MailKind(HOST_MOVED, "new time, host", guard=_still_to_host_then, render=_render_change, private=True))
    register_kind(MailKind(HOST_CANCELED, "cancellation, host", guard=_was_to_host, render=_render_change))


def owed_to_hosts(kind: str, change: ScheduleChange) -> list[OwedMail]:
    """The news of a change to each host who has an address, once for a version of the schedule."""
    hosts = change.live_session.hosts.exclude(email="").order_by("id")
    return [
        OwedMail(
            kind=kind,
            key=f"{kind}:{change.pk}:{host.pk}",
            recipient=host.email,
            context={"live_session_id": change.live_session_id, "host_id": host.pk, "change_id": change.pk},
            schedule_version=change.version,
        )
        for host in hosts
    ]


def queue_host_door(*, live_session: LiveSession, host: Host, request_id: UUID, now: datetime) -> None:
    """Owe a host their door once more, in the caller's transaction; the same `request_id` again is the same mail."""
    queue_mail(
        kind=HOST_DOOR,
        key=f"{HOST_DOOR}:{request_id}",
        recipient=host.email,
        context={"live_session_id": live_session.pk, "host_id": host.pk},
        schedule_version=live_session.schedule_version,
        now=now,
    )


def _guard_of(reminder: Reminder) -> Callable[[OutgoingMail, datetime], Verdict]:
    def guard(mail: OutgoingMail, now: datetime) -> Verdict:
        verdict = _still_to_host(mail, now)
        is_late = reminder.is_late(_live_session_of(mail), now)
        return Verdict.miss("too late to be of use") if verdict.action == "send" and is_late else verdict

    return guard


def _still_to_host(mail: OutgoingMail, now: datetime) -> Verdict:
    verdict = stands_as_told(_live_session_of(mail), mail)
    return _was_to_host(mail, now) if verdict.action == "send" else verdict


def _still_to_host_then(mail: OutgoingMail, now: datetime) -> Verdict:
    verdict = _still_to_host(mail, now)
    is_over = now > _live_session_of(mail).door_closes_at
    return Verdict.miss("the session is over") if verdict.action == "send" and is_over else verdict


def _was_to_host(mail: OutgoingMail, now: datetime) -> Verdict:
    hosts = _live_session_of(mail).hosts.filter(pk=mail.context["host_id"], email=mail.recipient)
    return Verdict.send() if hosts.exists() else Verdict.withhold("they do not host it any more")


def _renderer_of(opening: Callable[[datetime, datetime], str]) -> Callable[[OutgoingMail], RenderedMail]:
    def render(mail: OutgoingMail) -> RenderedMail:
        live_session = _live_session_of(mail)
        # Without names: a mail is passed on more easily than a door is. They stand behind the door.
        asked = Question.objects.filter(seat__live_session=live_session, seat__state__in=Seat.TAKEN)
        context = {
            **_context(mail, live_session),
            "opening": opening(live_session.starts_at, clock.now()),
            "attendees": Seat.objects.filter(live_session=live_session, state__in=Seat.TAKEN).count(),
            "not_coming": Seat.objects.filter(live_session=live_session, state__in=Seat.TAKEN, declined_at__isnull=False).count(),
            "asked": asked.count(),
            "questions": list(asked.values_list("text", flat=True)[:MOST_QUESTIONS_MAILED]),
        }
        return render_templates("host_reminder", context)

    return render


def _render_change(mail: OutgoingMail) -> RenderedMail:
    change = ScheduleChange.objects.get(pk=mail.context["change_id"])
    context = {**_context(mail, _live_session_of(mail)), "change": change, "was_starting_at": told_before(mail, change)}
    return render_templates(mail.kind, context)


def _context(mail: OutgoingMail, live_session: LiveSession) -> dict[str, Any]:
    host = Host.objects.get(pk=mail.context["host_id"])
    return {
        "live_session": live_session,
        "host_door_url": host_door_url(live_session, host),
        "session_url": address_of("sessions:detail", live_session.slug),
    }


def _live_session_of(mail: OutgoingMail) -> LiveSession:
    return LiveSession.objects.get(pk=mail.context["live_session_id"])
