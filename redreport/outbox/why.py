"""Why a mail was not sent, or not yet, in words for staff."""

from redreport.outbox.models import OutgoingMail

State = OutgoingMail.State

WITHHELD = {
    "not wanted": "Its reader does not want mails of this kind, or mails to this address came back.",
    "no postal address is set": "Optional mails must name our postal address, and none is set: tell whoever runs the program.",
    "code_expired": "Its code had run out. They can ask for a new one.",
    "no_such_user": "The account is gone, or was switched off.",
}
MISSED = {
    "too_late": "It could not be sent for days, and would only puzzle its reader.",
    "too late to be of use": "It could not be sent in time.",
}
CODES = {
    421: "the mail server is busy or closing",
    450: "the mailbox is busy or not there for now",
    451: "their server had a fault, or wants us to come again later",
    452: "their server or mailbox is full",
    550: "there is no such address, or their server refuses us",
    551: "the address is not theirs to take",
    552: "the mailbox is full, or the mail is too large",
    553: "the address is not written as their server wants it",
    554: "their server refuses it, perhaps as unwanted",
}


def why_not_sent(mail: OutgoingMail) -> str:
    """One sentence for what stands in the way; empty for a mail that was sent or that only waits for its turn."""
    reason = mail.reason
    if mail.state == State.WITHHELD:
        return WITHHELD.get(reason) or f"It was no longer true: {reason}."
    if mail.state == State.MISSED:
        return MISSED.get(reason) or f"Its moment had gone: {reason}."
    if mail.state == State.BOUNCED:
        return f"A server took it, and it came to nothing: {reason}."
    if mail.state == State.FAILED:
        return _why_failed(mail)
    if mail.state in OutgoingMail.OPEN_STATES and reason:
        return f"It is tried again by itself: {_what_stands_in_the_way(mail)}."
    return f"Sent, but {mail.returned}." if mail.returned else ""


def meaning_of(code: int | None) -> str:
    """'550: there is no such address, or their server refuses us'."""
    if code is None:
        return ""
    kind = "for now" if code < 500 else "for good"
    return f"{code}: {CODES.get(code, f'their server refuses it {kind}')}"


def _why_failed(mail: OutgoingMail) -> str:
    if mail.reason == "never_finished":
        return "Each try broke off: a fault of the program. Tell whoever runs it."
    if mail.reason.startswith("fault"):
        return f"It could not be made ({mail.reason}): a fault of the program. Tell whoever runs it."
    told = meaning_of(mail.smtp_code) or mail.reason
    return f"It was put off for four days ({told})." if mail.reason == "refused for now" else f"Refused for good ({told})."


def _what_stands_in_the_way(mail: OutgoingMail) -> str:
    if mail.reason.startswith("relay"):
        return f"our own mail server cannot be reached or refuses us ({mail.reason.removeprefix('relay: ')})"
    if mail.reason.startswith("fault"):
        return f"it could not be made ({mail.reason})"
    return meaning_of(mail.smtp_code) or mail.reason
