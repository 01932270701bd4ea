"""
A browser in which somebody was signed in before is known again: tries for their address from there count by themselves.

Else whoever knows an address could try it until its limit is full, and so keep its reader from coming in. All browsers of one
address count together: who signs in again and again collects no more tries.
"""

from datetime import timedelta

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare, salted_hmac

KNOWN_BROWSER_COOKIE = "known_browser"
# As long as browsers keep any cookie.
KNOWN_BROWSER_LIFETIME = timedelta(days=400)
_SALT = "accounts.known_browser"


def remember_browser(response: HttpResponse, *, email: str) -> None:
    """This browser is known as one of the address from now on."""
    response.set_cookie(
        KNOWN_BROWSER_COOKIE,
        signing.dumps(_hashed(email), salt=_SALT),
        max_age=KNOWN_BROWSER_LIFETIME,
        secure=settings.HTTPS,
        httponly=True,
        samesite="Lax",
    )


def is_known(request: HttpRequest, email: str) -> bool:
    """Whether somebody of this address has signed in before in the browser that asks."""
    try:
        known = signing.loads(request.COOKIES.get(KNOWN_BROWSER_COOKIE, ""), salt=_SALT, max_age=KNOWN_BROWSER_LIFETIME)
    except signing.BadSignature:
        return False
    return constant_time_compare(known, _hashed(email))


def counted_as(request: HttpRequest, email: str) -> str:
    """By what a try for this address is counted: by the browsers that are known, or by everybody else."""
    return f"{_plain(email)} in a known browser" if is_known(request, email) else email


def _hashed(email: str) -> str:
    """The cookie names nobody."""
    return salted_hmac(_SALT, _plain(email), algorithm="sha256").hexdigest()


def _plain(email: str) -> str:
    return email.strip().lower()
