"""A client of somebody who has signed in just now: pages about doors, addresses and erasing ask for that."""

from typing import Any

from allauth.account.internal.flows.login import record_authentication
from django.http import HttpRequest
from django.test import Client

from redreport.accounts.models import User


def signed_in(user: User) -> Client:
    """A browser with a sign-in that is noted as allauth notes one; `force_login` alone leaves no note."""
    client = Client()
    client.force_login(user)
    request: Any = HttpRequest()
    request.session = client.session
    record_authentication(request, user, method="code", email=user.email)
    request.session.save()
    return client
