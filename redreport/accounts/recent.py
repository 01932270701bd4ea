"""Risky changes are for who has shown a few minutes ago that the account is theirs."""

import time
from collections.abc import Callable
from functools import wraps

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.internal.flows.reauthentication import (
    did_recently_reauthenticate,
    get_reauthentication_flows,
    suspend_request,
)
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME, logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode

from redreport.accounts.selectors import signed_in

View = Callable[..., HttpResponse]


def signed_in_recently(request: HttpRequest) -> bool:
    """Whether this session was signed in to, or its owner asked again, within the last minutes."""
    records = get_authentication_records(request, request.user)
    return bool(records) and time.time() - records[-1]["at"] < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT


def sign_in_once_more(request: HttpRequest, next_url: str) -> HttpResponse:
    """Sign out who has neither password nor second factor to be asked for, and lead them to the mailed code and on."""
    logout(request)
    messages.info(request, "Please sign in once more, since this is important.")
    return HttpResponseRedirect(reverse("account_login") + "?" + urlencode({REDIRECT_FIELD_NAME: next_url}))


def proven_recently(back_to: str = "") -> Callable[[View], View]:
    """
    For views of who is signed in: ask again for the second factor, or else the password; who has neither signs in anew.
    What was posted is carried out afterwards, or after a new sign-in has to be asked for once more at the page `back_to`,
    where the address itself shows nothing.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, **arguments: str) -> HttpResponse:
            user = signed_in(request)
            if get_reauthentication_flows(user):
                if did_recently_reauthenticate(request):
                    return view(request, **arguments)
                answer: HttpResponse = suspend_request(request, get_adapter().get_reauthentication_methods(user)[0]["url"])
                return answer
            if signed_in_recently(request):
                return view(request, **arguments)
            return sign_in_once_more(request, reverse(back_to) if back_to else request.get_full_path())

        return guarded

    return decorate
