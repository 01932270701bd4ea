"""What comes back after a server has taken a mail: nobody has that address, its owner called it spam, its box is full."""

from datetime import datetime, timedelta
from enum import StrEnum

import structlog
from django.db import transaction

from redreport import audit
from redreport.outbox.erased import is_erased
from redreport.outbox.models import OutgoingMail
from redreport.outbox.wishes import stop_optional_mails
from redreport.transactions import retried

log = structlog.get_logger(__name__)

LONGEST = 200
# A provider that gives mails ids of its own tells us the address alone: then it means the last mail to it, if that is recent.
MEANS_THE_LAST_OF = timedelta(days=7)
CLOCKS_DIFFER = timedelta(minutes=5)


class Returned(StrEnum):
    """What a provider says of a mail; the first three are its last word."""

    BOUNCED = "sent back"
    REJECTED = "not sent on by the provider"
    COMPLAINED = "called spam by its reader"
    PUT_OFF = "put off"


@retried
def note_bounce(
    *, returned: Returned, message_id: str, recipient: str, said: str, happened_at: datetime, now: datetime
) -> OutgoingMail | None:
    """
    Write on a mail what became of it: its state turns to bounced, once, and the address gets no optional mails any more. What is
    only put off stays sent, with a note. `said` is the other server's own reason.

    The mail is the one with this Message-ID; without one, the last that was sent to the address before, if that was within a
    week. Told twice it changes nothing. Returns the mail, or None where we know of none.
    """
    with transaction.atomic():
        # The mail's lock: its worker may be writing down at this moment that it was taken.
        mail = _find(message_id, recipient, happened_at)
        if mail and is_erased(mail.recipient):
            # What the other server says quotes the address that we have forgotten.
            said = ""
        if mail is None:
            log.warning("bounce_of_unknown_mail", returned=returned.name)
        elif returned == Returned.PUT_OFF:
            _note(mail, _words(returned, said), now)
        else:
            _turn_back(mail, _words(returned, said), now)
        if returned != Returned.PUT_OFF and (address := mail.recipient if mail else recipient):
            stop_optional_mails(email=address, now=now)
    return mail


def _find(message_id: str, recipient: str, happened_at: datetime) -> OutgoingMail | None:
    mails = OutgoingMail.objects.select_for_update()
    if message_id:
        return mails.filter(message_id=message_id).first()
    latest = happened_at + CLOCKS_DIFFER
    recent = mails.filter(recipient__in={recipient, recipient.lower()}, sent_at__range=(latest - MEANS_THE_LAST_OF, latest))
    return recent.order_by("-sent_at", "-id").first() if recipient else None


def _note(mail: OutgoingMail, words: str, now: datetime) -> None:
    if mail.bounced_at is None:
        mail.returned, mail.updated_at = words, now
        mail.save(update_fields=["returned", "updated_at"])


def _turn_back(mail: OutgoingMail, words: str, now: datetime) -> None:
    is_out = mail.state == OutgoingMail.State.SENT or mail.state in OutgoingMail.OPEN_STATES
    if mail.bounced_at or not is_out:
        return
    mail.returned, mail.bounced_at, mail.updated_at = words, now, now
    if mail.state == OutgoingMail.State.SENT:
        mail.state, mail.reason = OutgoingMail.State.BOUNCED, words
    mail.save(update_fields=["returned", "bounced_at", "state", "reason", "updated_at"])
    audit.record(actor="mail provider", verb="bounced", target=mail, now=now)
    log.info("mail_bounced", mail_id=mail.pk, kind=mail.kind)


def _words(returned: Returned, said: str) -> str:
    said = " ".join("".join(sign if sign.isprintable() else " " for sign in said).split())
    return (f"{returned}: {said}" if said else str(returned))[:LONGEST]
