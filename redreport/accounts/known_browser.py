"""
A browser in which somebody was signed in before is known again, and its tries for that address count by themselves.

Else whoever knows an address could try it until its limit is full, and so keep its reader from coming in.
"""

from datetime import timedelta

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import get_random_string, salted_hmac

KNOWN_BROWSER_COOKIE = "known_browser"
# As long as browsers keep any cookie.
KNOWN_BROWSER_LIFETIME = timedelta(days=400)
_SALT = "accounts.known_browser"


def remember_browser(response: HttpResponse, *, email: str) -> None:
    """This browser is known as one of the address from now on."""
    response.set_cookie(
        KNOWN_BROWSER_COOKIE,
        signing.dumps([_hashed(email), get_random_string(16)], salt=_SALT),
        max_age=KNOWN_BROWSER_LIFETIME,
        secure=settings.HTTPS,
        httponly=True,
        samesite="Lax",
    )


def counted_as(request: HttpRequest, email: str) -> str:
    """By what a try for this address is counted: by the browser that is known as one of the address, else by the address."""
    try:
        known, browser = signing.loads(request.COOKIES.get(KNOWN_BROWSER_COOKIE, ""), salt=_SALT, max_age=KNOWN_BROWSER_LIFETIME)
    except signing.BadSignature:
        return email
    return f"{email} in {browser}" if known == _hashed(email) else email


def _hashed(email: str) -> str:
    """The cookie names nobody."""
    return salted_hmac(_SALT, email.strip().lower(), algorithm="sha256").hexdigest()
