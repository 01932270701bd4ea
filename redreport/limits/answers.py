"""What who tries too often is answered: 429, with the time to wait in words and in Retry-After."""

import math
from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from redreport import clock, wording
from redreport.limits.counting import Refused, take
from redreport.limits.rules import Limit
from redreport.limits.visitors import ip_of

View = Callable[..., HttpResponse]


def user_of(request: HttpRequest) -> str:
    """The account that is signed in, or else where the request comes from."""
    return str(request.user.pk) if request.user.is_authenticated else ip_of(request)


def too_many(request: HttpRequest, refused: Refused) -> HttpResponse:
    """The page that says how long to wait."""
    seconds = max(1, math.ceil(refused.wait.total_seconds()))
    response = render(request, "429.html", {"wait": wording.wait_in_words(refused.wait)}, status=429)
    response["Retry-After"] = str(seconds)
    response["Cache-Control"] = "no-store"
    return response


def refusal(request: HttpRequest, limit: Limit, **values: str) -> HttpResponse | None:
    """Count this request; the answer when it is one too many. `ip` and `user` are read from the request."""
    known = {"ip": ip_of, "user": user_of}
    read = {by: known[by](request) for by in limit.rates if by in known}
    refused = take(limit, now=clock.now(), **read, **values)
    return too_many(request, refused) if refused else None


def limited(limit: Limit) -> Callable[[View], View]:
    """
    For views: POST is counted by who asks and, beyond the limit, answered 429. What stands in the address is counted by the view,
    once it knows that it leads to something: else whoever makes up addresses fills the table.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def counted(request: HttpRequest, *args: str, **arguments: str) -> HttpResponse:
            answer = refusal(request, limit) if request.method == "POST" else None
            return answer or view(request, *args, **arguments)

        return counted

    return decorate
