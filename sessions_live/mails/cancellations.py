"""The mails about a session that was canceled to those who have no seat in it: who waited for one; with
those to its hosts.

The attendees' own mail says what comes back, and so is the business of who knows what was paid.
"""

from collections.abc import Iterable
from datetime import datetime

from redreport.addresses import address_of
from redreport.outbox.kinds import MailKind, RenderedMail, always
from redreport.outbox.kinds import register as register_kind
from redreport.outbox.models import OutgoingMail
from redreport.outbox.queue import OwedMail, queue_mails
from redreport.outbox.render import render_templates
from sessions_live.mails.hosts import HOST_CANCELED, owed_to_hosts
from sessions_live.models import ScheduleChange, WaitlistEntry

WAITLIST_CANCELED = "waitlist_canceled"


def register() -> None:
    """Make the kind known to the outbox."""
    register_kind(MailKind(WAITLIST_CANCELED, "cancellation, waitlist", guard=always, render=_render_waitlist_canceled))


def queue_session_canceled(*, change: ScheduleChange, waited: Iterable[WaitlistEntry], now: datetime) -> None:
    """Owe the news to each reader who waited and to the hosts, once, in the caller's transaction. The entries have users."""
    queue_mails(owed_after_cancellation(change, waited), now=now)


def owed_after_cancellation(change: ScheduleChange, waited: Iterable[WaitlistEntry]) -> list[OwedMail]:
    """The news of a cancellation, to each reader who waited and to each host."""
    owed = [
        OwedMail(
            kind=WAITLIST_CANCELED,
            key=f"{WAITLIST_CANCELED}:{change.pk}:{entry.pk}",
            recipient=entry.user.email,
            context={"change_id": change.pk},
        )
        for entry in waited
    ]
    return [*owed, *owed_to_hosts(HOST_CANCELED, change)]


def _render_waitlist_canceled(mail: OutgoingMail) -> RenderedMail:
    change = ScheduleChange.objects.select_related("live_session").get(pk=mail.context["change_id"])
    context = {
        "live_session": change.live_session,
        "message": change.message,
        "sessions_url": address_of("sessions:list"),
    }
    return render_templates(WAITLIST_CANCELED, context)
