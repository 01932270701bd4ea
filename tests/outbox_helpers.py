"""Mails for tests of the outbox: a plain kind, a private one, and a worker that is called instead of waited for."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from redreport.outbox import kinds
from redreport.outbox.deliver import deliver_mail
from redreport.outbox.kinds import CalendarPart, MailKind, RenderedMail, Topic, Verdict
from redreport.outbox.models import OutgoingMail
from redreport.outbox.queue import queue_mail

CALENDAR = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nSUMMARY:Café and 中南海\r\nEND:VCALENDAR\r\n".encode()


def send_it(mail: OutgoingMail, now: datetime) -> Verdict:
    return Verdict.send()


def render_it(mail: OutgoingMail) -> RenderedMail:
    calendar = CalendarPart("REQUEST", CALENDAR, "invite.ics") if mail.context.get("calendar") else None
    return RenderedMail("Café on Wednesday", "Your seat: 北京\n", "<p>Your seat: 北京</p>\n", calendar)


def register_test_kind(
    name: str,
    *,
    guard: Callable[[OutgoingMail, datetime], Verdict] = send_it,
    render: Callable[[OutgoingMail], RenderedMail] = render_it,
    private: bool = False,
    topic: Topic | None = None,
) -> None:
    kinds.register(MailKind(name, name, guard=guard, render=render, private=private, topic=topic))


def owe_mail(kind: str = "test_plain", key: str = "test_plain:1", **options: Any) -> OutgoingMail:
    now = options.pop("now", None) or timezone.now()
    return queue_mail(
        kind=kind,
        key=key,
        recipient=options.pop("recipient", "reader@example.com"),
        context=options.pop("context", {}),
        now=now,
        **options,
    )


def deliver_until_quiet(start: datetime, *, hours: float) -> OutgoingMail:
    """Try every open mail each minute, as the sweep would, for so long. Returns the first mail afterwards."""
    now = start
    while now <= start + timedelta(hours=hours):
        for mail_id in OutgoingMail.objects.filter(state__in=OutgoingMail.OPEN_STATES).values_list("pk", flat=True):
            deliver_mail(mail_id, now)
        now += timedelta(minutes=1)
    return OutgoingMail.objects.earliest("pk")


def kinds_owed_to(email: str) -> list[str]:
    """The kinds of all mails that are owed, or were sent, to an address, in the order in which they were owed."""
    return list(OutgoingMail.objects.filter(recipient=email).order_by("id").values_list("kind", flat=True))


def mails_owed(since: int = 0) -> list[tuple[str, str]]:
    """Kind and recipient of each mail after the one with this id."""
    return list(OutgoingMail.objects.filter(pk__gt=since).order_by("id").values_list("kind", "recipient"))


def last_mail_id() -> int:
    """The id of the last mail that is owed so far."""
    return OutgoingMail.objects.order_by("-id").values_list("id", flat=True).first() or 0


def rendered_mail(kind: str) -> RenderedMail:
    """The one mail of this kind, as it would go out now."""
    return kinds.find(kind).render(OutgoingMail.objects.get(kind=kind))
