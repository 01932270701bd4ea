"""Announcements: a mail in staff's own words to everybody on a session's roster, each once."""

import re
import uuid
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from redreport import audit
from redreport.accounts.models import User
from redreport.addresses import address_of
from redreport.desk.models import Announcement
from redreport.outbox.kinds import MailKind, RenderedMail, Verdict
from redreport.outbox.kinds import register as register_kind
from redreport.outbox.models import OutgoingMail
from redreport.outbox.queue import OwedMail, queue_mails
from redreport.outbox.render import render_templates
from redreport.text import validate_one_line
from redreport.transactions import retried
from sessions_live.models import LiveSession, Seat, WaitlistEntry
from sessions_live.operations.locks import lock_live_session

ANNOUNCEMENT = "announcement"

# What may follow an address in a sentence, and is none of it.
_LINK = re.compile(r"https?://[^\s<>\"]*[^\s<>\".,;:!?'’”)\]]")


class NotAnnounceable(Exception):
    """There is nobody to tell, or the session does not take place; the message says which."""


def register() -> None:
    """Make the kind known to the outbox."""
    register_kind(MailKind(ANNOUNCEMENT, "announcement", guard=_still_for_them, render=_render))


@retried
def announce(
    *,
    live_session_id: int,
    request_id: uuid.UUID,
    subject: str,
    body: str,
    to_waiting: bool,
    actor: User,
    now: datetime,
) -> Announcement:
    """Owe everybody who sits in a session, and who waits for a seat if so wished, one mail in these words.

    The same `request_id` again is the same announcement: nothing new. A constant number of statements, however many there are.
    Refuses with NotAnnounceable.
    """
    validate_one_line(subject)
    with transaction.atomic():
        # The session's lock: nobody takes or gives up a seat meanwhile, and of two clicks the second finds the announcement.
        live_session = lock_live_session(live_session_id)
        known = Announcement.objects.filter(public_id=request_id).first()
        if known:
            return known
        refuse_to_announce(live_session)
        announcement = Announcement.objects.create(
            public_id=request_id, live_session=live_session, subject=subject, body=body, made_by=actor, made_at=now
        )
        owed = owed_after_announcement(announcement, to_waiting=to_waiting)
        if not owed:
            raise NotAnnounceable("Nobody has a seat in it, so there is nobody to write to.")
        queue_mails(owed, now=now)
        detail = {"mails": len(owed), "to_waiting": to_waiting}
        audit.record(actor=actor, verb="announced", target=announcement, reason=subject, detail=detail, now=now)
        return announcement


def refuse_to_announce(live_session: LiveSession) -> None:
    """Refuses with NotAnnounceable a session of which nobody can be told anything."""
    if live_session.state == LiveSession.State.CANCELED:
        raise NotAnnounceable("It is canceled: everybody was told so.")
    if live_session.state == LiveSession.State.DRAFTED:
        raise NotAnnounceable("Readers do not see it yet, so there is nobody to write to.")


def owed_after_announcement(announcement: Announcement, *, to_waiting: bool) -> list[OwedMail]:
    """The mail to each attendee and, if so wished, to each reader who waits and is not among them."""
    seats = Seat.objects.filter(live_session=announcement.live_session, state__in=Seat.TAKEN).order_by("id")
    owed = [
        _owed(announcement, str(seat_id), email, {"seat_id": seat_id})
        for seat_id, email in seats.values_list("pk", "attendee_email")
    ]
    if not to_waiting:
        return owed
    told = {mail.recipient.lower() for mail in owed}
    waiting = WaitlistEntry.objects.filter(live_session=announcement.live_session, state__in=WaitlistEntry.OPEN)
    entries = waiting.order_by("joined_at", "id").values_list("pk", "user__email")
    return owed + [
        _owed(announcement, f"waiting-{entry_id}", email, {"entry_id": entry_id})
        for entry_id, email in entries
        if email.lower() not in told
    ]


def mails_of_announcement(announcement: Announcement) -> QuerySet[OutgoingMail]:
    """The mails that were owed of it."""
    return OutgoingMail.objects.filter(key__startswith=f"{ANNOUNCEMENT}:{announcement.pk}:")


def render_announcement(announcement: Announcement, *, is_waiting: bool = False) -> RenderedMail:
    """The mail, which is the same for everybody who goes, and for everybody who waits. The announcement need not be saved."""
    live_session = announcement.live_session
    context = {
        "announcement": announcement,
        "live_session": live_session,
        "body_html": paragraphs_with_links(announcement.body),
        "is_waiting": is_waiting,
        "session_url": address_of("sessions:detail", live_session.slug),
    }
    return render_templates(ANNOUNCEMENT, context)


def paragraphs_with_links(body: str) -> SafeString:
    """Plain text as HTML: everything is escaped, an empty line begins a paragraph, and what begins with http:// or https:// can
    be clicked."""
    paragraphs = [paragraph.strip("\n") for paragraph in re.split(r"\n[ \t]*\n", body) if paragraph.strip()]
    return format_html_join("\n", "<p>{}</p>", ((_lines(paragraph),) for paragraph in paragraphs))


def _lines(paragraph: str) -> SafeString:
    return format_html_join(SafeString("<br>"), "{}", ((_with_links(line),) for line in paragraph.split("\n")))


def _with_links(line: str) -> SafeString:
    pieces, end = [], 0
    for link in _LINK.finditer(line):
        pieces += [
            format_html("{}", line[end : link.start()]),
            format_html('<a class="ink" href="{}" style="color:#1a1614;">{}</a>', link[0], link[0]),
        ]
        end = link.end()
    return format_html_join("", "{}", ((piece,) for piece in [*pieces, line[end:]]))


def _owed(announcement: Announcement, whose: str, email: str, context: dict[str, int]) -> OwedMail:
    return OwedMail(
        kind=ANNOUNCEMENT,
        key=f"{ANNOUNCEMENT}:{announcement.pk}:{whose}",
        recipient=email,
        context={"announcement_id": announcement.pk, **context},
    )


def _still_for_them(mail: OutgoingMail, now: datetime) -> Verdict:
    announcement = _announcement_of(mail)
    live_session = announcement.live_session
    if live_session.state == LiveSession.State.CANCELED:
        return Verdict.withhold("the session is canceled")
    if announcement.made_at <= live_session.door_closes_at < now:
        return Verdict.miss("the session is over")
    if "entry_id" in mail.context:
        entry = WaitlistEntry.objects.get(pk=mail.context["entry_id"])
        waits = entry.state in WaitlistEntry.OPEN
        return Verdict.send() if waits else Verdict.withhold(f"the reader does not wait any more: {entry.state}")
    seat = Seat.objects.get(pk=mail.context["seat_id"])
    if seat.attendee_email != mail.recipient:
        return Verdict.withhold("the seat was handed over")
    if seat.live_session_id != live_session.pk:
        return Verdict.withhold("the seat was moved to another session")
    return Verdict.send() if seat.state in Seat.TAKEN else Verdict.withhold(f"the seat is {seat.state}")


def _render(mail: OutgoingMail) -> RenderedMail:
    return render_announcement(_announcement_of(mail), is_waiting="entry_id" in mail.context)


def _announcement_of(mail: OutgoingMail) -> Announcement:
    return Announcement.objects.select_related("live_session").get(pk=mail.context["announcement_id"])
