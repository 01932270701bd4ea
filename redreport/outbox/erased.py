"""Addresses of people who are not known any more: nothing is ever sent to one."""

from django.db.models import QuerySet

from redreport.outbox.models import OutgoingMail

# Reserved for names that lead nowhere (RFC 2606).
DOMAIN = "erased.invalid"


def erased_address(number: int) -> str:
    """What stands in place of the address of the account with this number."""
    return f"erased-{number}@{DOMAIN}"


def is_erased(email: str) -> bool:
    """Whether somebody's address stood here once."""
    return email.lower().endswith(f"@{DOMAIN}")


def forget_recipient(mails: QuerySet[OutgoingMail], pseudonym: str) -> None:
    """Put this in place of the address, and take out what other servers said of it: they quote it."""
    mails.filter(state=OutgoingMail.State.BOUNCED).update(reason="sent back")
    mails.update(recipient=pseudonym, returned="")
