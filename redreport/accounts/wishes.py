"""Who changes the address of the account takes along what was said about optional mails."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.account.signals import email_changed

from redreport import clock
from redreport.outbox.wishes import carry_wishes


def take_wishes_along(from_email_address: EmailAddress | None, to_email_address: EmailAddress, **kwargs: Any) -> None:
    """The old address keeps its wishes: seats booked with it are still written to there."""
    if from_email_address is not None:
        carry_wishes(from_email=from_email_address.email, to_email=to_email_address.email, now=clock.now())


def watch_changes() -> None:
    email_changed.connect(take_wishes_along, dispatch_uid="take_wishes_along")
