"""Who must be signed in for a page, and where they go on afterwards."""

from collections.abc import Callable
from functools import wraps

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

View = Callable[..., HttpResponse]


def signed_in_or_back_to(page: str) -> Callable[[View], View]:
    """
    For addresses that answer to POST alone: who must sign in first is then led to `page`, with this address's arguments, where
    the button is. `login_required` would lead to this address, which shows nothing.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, **arguments: str) -> HttpResponse:
            if request.user.is_authenticated:
                return view(request, **arguments)
            return redirect_to_login(reverse(page, kwargs=arguments))

        return guarded

    return decorate
