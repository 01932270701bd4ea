"""The bytes of a mail."""

from datetime import datetime
from email.message import Message
from email.utils import format_datetime

from django.conf import settings
from django.core.mail import EmailMultiAlternatives

from redreport.outbox.kinds import RenderedMail, Topic
from redreport.outbox.models import OutgoingMail
from redreport.outbox.wishes import unsubscribe_url


class OutgoingMessage(EmailMultiAlternatives):
    """Built once, so that what we keep is what was sent: Django would choose new MIME boundaries each time it is asked."""

    _built: Message | None = None

    def message(self) -> Message:  # type: ignore[override]
        if self._built is None:
            self._built = super().message()
        return self._built

    def as_sent(self) -> bytes:
        """The bytes that Django's SMTP backend hands to the relay."""
        return self.message().as_bytes(linesep="\r\n")  # type: ignore[call-arg]


def build_message(mail: OutgoingMail, rendered: RenderedMail, topic: Topic | None, now: datetime) -> OutgoingMessage:
    """
    Text, HTML and, where there is one, the calendar part as alternatives; the calendar's bytes once more as an attachment. A mail
    with a topic carries the headers by which mail programs unsubscribe.

    Raises ValueError (BadHeaderError) for a recipient or subject that would break out of its header.
    """
    message = OutgoingMessage(
        subject=rendered.subject,
        body=rendered.text,
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[mail.recipient],
        reply_to=[rendered.reply_to or settings.MAIL_REPLY_TO],
        headers={
            "Message-ID": mail.message_id,
            "Date": format_datetime(now),
            "Auto-Submitted": "auto-generated",
            **(_way_out(mail, topic) if topic else {}),
        },
    )
    message.attach_alternative(rendered.html, "text/html")
    if rendered.calendar is not None:
        calendar = rendered.calendar
        message.attach_alternative(calendar.content.decode(), f"text/calendar; method={calendar.method}")
        message.attach(calendar.filename, calendar.content, "application/ics")
    message.message()
    return message


def _way_out(mail: OutgoingMail, topic: Topic) -> dict[str, str]:
    address = unsubscribe_url(email=mail.recipient, topic=topic)
    return {"List-Unsubscribe": f"<{address}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
