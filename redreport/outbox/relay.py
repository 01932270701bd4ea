"""The SMTP relay: one message in, a classified answer out, and a short memory of the relay being out of reach."""

import smtplib
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.core.cache import cache
from django.core.mail import get_connection
from django.core.mail.backends.base import BaseEmailBackend

from redreport.outbox.message import OutgoingMessage

# While the relay is out of reach one mail in so long finds that out; the others stay queued and keep no worker waiting.
REST = timedelta(seconds=45)
_RESTING_UNTIL = "outbox:relay_resting_until"
# Answers to the login or the sender, whatever the recipient: our settings or the relay's are wrong, not the mail.
_ABOUT_US = {421, 454, 530, 534, 535, 538}


@dataclass(frozen=True)
class Reply:
    """
    `final`: this recipient or message will never be accepted. `ours`: the trouble is with the relay or with our settings.
    `unknown`: the conversation broke off, and the relay may have taken the message.
    """

    accepted: bool = False
    final: bool = False
    ours: bool = False
    unknown: bool = False
    reason: str = ""
    code: int | None = None


def send(message: OutgoingMessage, now: datetime) -> Reply:
    """Hand the message to the configured backend and classify the answer. Never raises for what a server or the network does."""
    connection = get_connection()
    try:
        connection.open()
    except (smtplib.SMTPException, OSError) as error:
        return _out_of_reach(error, now)
    try:
        connection.send_messages([message])
    except smtplib.SMTPRecipientsRefused as refused:
        return _refused(next(iter(refused.recipients.values()))[0])
    except smtplib.SMTPSenderRefused as refused:
        # Our From or our standing with the relay; 552 alone is about this message: its size.
        return _refused(refused.smtp_code) if refused.smtp_code == 552 else _out_of_reach(refused, now)
    except smtplib.SMTPResponseException as refused:
        return _refused(refused.smtp_code)
    except (smtplib.SMTPException, OSError) as error:
        return replace(_out_of_reach(error, now), unknown=True)
    finally:
        _hang_up(connection)
    cache.delete(_RESTING_UNTIL)
    return Reply(accepted=True, code=250)


def _hang_up(connection: BaseEmailBackend) -> None:
    # The answer is in: whatever goes wrong with QUIT must not make a sent mail look unsent.
    with suppress(smtplib.SMTPException, OSError):
        connection.close()


def is_resting(now: datetime) -> bool:
    """True while the relay was out of reach a moment ago and nobody should try yet."""
    until: datetime | None = cache.get(_RESTING_UNTIL)
    return until is not None and now < until <= now + REST


def _refused(code: int) -> Reply:
    if code in _ABOUT_US:
        return Reply(ours=True, reason=f"relay: {code}", code=code)
    final = 500 <= code < 600
    return Reply(
        final=final,
        reason="refused for good" if final else "refused for now",
        code=code,
    )


def _out_of_reach(error: Exception, now: datetime) -> Reply:
    cache.set(_RESTING_UNTIL, now + REST, timeout=REST.total_seconds())
    code = getattr(error, "smtp_code", -1)
    return Reply(ours=True, reason=f"relay: {type(error).__name__}", code=code if code > 0 else None)
