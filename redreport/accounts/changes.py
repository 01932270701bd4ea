"""What follows a change of the account's address or password: wishes go along, both addresses are told, other sign-ins end."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from allauth.account.signals import email_changed, password_changed, password_reset, password_set
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest

from redreport import clock
from redreport.accounts.models import User
from redreport.accounts.sign_ins import end_sign_ins, own_sign_in
from redreport.outbox.wishes import carry_wishes


def take_wishes_along(from_email_address: EmailAddress | None, to_email_address: EmailAddress, **kwargs: Any) -> None:
    """The old address keeps its wishes: seats booked with it are still written to there."""
    if from_email_address is not None:
        carry_wishes(from_email=from_email_address.email, to_email=to_email_address.email, now=clock.now())


def tell_new_address(
    request: HttpRequest, user: User, from_email_address: EmailAddress | None, to_email_address: EmailAddress, **kwargs: Any
) -> None:
    """allauth tells the old address alone."""
    if from_email_address is not None:
        told = {"from_email": from_email_address.email, "to_email": to_email_address.email}
        get_adapter().send_notification_mail("account/email/email_changed", user, context=told, email=to_email_address.email)


def stay_signed_in_here_alone(request: HttpRequest, user: User, **kwargs: Any) -> None:
    """Every session is tied to address and password, so the others are signed out already; here it goes on, and theirs go."""
    if request.user == user:
        update_session_auth_hash(request, user)
    end_sign_ins(user=user, but=own_sign_in(request) if request.user == user else 0)


def watch_changes() -> None:
    email_changed.connect(tell_new_address, dispatch_uid="tell_new_address")
    for changed in (email_changed, password_changed, password_set, password_reset):
        changed.connect(stay_signed_in_here_alone, dispatch_uid="stay_signed_in_here_alone")
    email_changed.connect(take_wishes_along, dispatch_uid="take_wishes_along")
