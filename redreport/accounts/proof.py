"""Who proves an address has the last word on the name of its account: anybody may have typed another one before."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.account.signals import email_confirmed, password_reset
from django.db import transaction
from django.http import HttpRequest

from redreport import clock
from redreport.accounts.known_browser import counted_as
from redreport.accounts.mails import queue_welcome
from redreport.accounts.models import User
from redreport.limits import rules
from redreport.limits.counting import forget

_SESSION_KEY = "names_at_sign_up"


def remember_names(request: HttpRequest, user: User, *, name: str, firm: str) -> None:
    """Keep what this browser signed up with for an account that another one may have made."""
    request.session[_SESSION_KEY] = {"user": user.pk, "name": name, "firm": firm}


def take_names(request: HttpRequest, email_address: EmailAddress, **kwargs: Any) -> None:
    """The address is proven in this browser: the account takes the name and the firm that were typed here, if any were."""
    names = request.session.pop(_SESSION_KEY, None)
    if names and names["user"] == email_address.user_id:
        User.objects.filter(pk=names["user"]).update(name=names["name"], firm=names["firm"])


def welcome(email_address: EmailAddress, **kwargs: Any) -> None:
    """Who has just proven the address of a new account is told where things are."""
    with transaction.atomic():
        queue_welcome(user=User.objects.get(pk=email_address.user_id), now=clock.now())


def begin_passwords_anew(request: HttpRequest, user: User, **kwargs: Any) -> None:
    """Who has reset the password was mailed a code: what they guessed before keeps them out no longer."""
    for tried in {user.email, counted_as(request, user.email)}:
        forget(rules.PASSWORD_TRIED, by="email", value=tried)


def watch_proofs() -> None:
    password_reset.connect(begin_passwords_anew, dispatch_uid="begin_passwords_anew")
    email_confirmed.connect(take_names, dispatch_uid="take_names")
    email_confirmed.connect(welcome, dispatch_uid="welcome")
