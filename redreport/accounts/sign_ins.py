"""
Where somebody is signed in, as a list of their own browsers.

allauth has such a list. It keeps the IP address and all that a browser says of itself, writes on every request, and ends none
alone; this one keeps words, is written when a sign-in begins and then once an hour, and ends each.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.models import Session
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse

from redreport import clock
from redreport.accounts.devices import device_of
from redreport.accounts.known_browser import remember_browser
from redreport.accounts.models import SignIn, User

# In the browser's session: which row is its own, and when that was last written.
_OWN, _NOTED_AT = "sign_in", "sign_in_noted_at"
# On the request, for the middleware: whose sign-in ends with this response.
_BEGUN_BY = "sign_in_begun_by"
NOTED_EVERY = timedelta(hours=1)


class SignInsMiddleware:
    """
    Keeps the list as requests come: a sign-in keeps its row when its session changes its key (as it does with every change of the
    password), and loses it when it signs out. Pages that never look who is there are left alone.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        before = request.session.session_key
        response = self.get_response(request)
        if request.session.accessed:
            _keep(request, before)
            if begun_by := getattr(request, _BEGUN_BY, ""):
                remember_browser(response, email=begun_by)
        return response


def sign_ins_of(user: User) -> QuerySet[SignIn]:
    """Those that still stand, the latest seen first."""
    return SignIn.objects.filter(_lives(clock.now()), user=user)


def own_sign_in(request: HttpRequest) -> int:
    """The row of the browser that asks; 0 where it has none yet."""
    own: int = request.session.get(_OWN, 0)
    return own


def end_sign_in(*, user: User, pk: int) -> bool:
    """Sign one browser out: its next request finds nobody signed in. Returns whether there was one."""
    return _end(SignIn.objects.filter(user=user, pk=pk)) > 0


def end_sign_ins(*, user: User, but: int = 0) -> int:
    """Sign out every browser, or every one but the row named; returns how many."""
    return _end(SignIn.objects.filter(user=user).exclude(pk=but))


def sweep_sign_ins(*, now: datetime) -> None:
    """Delete sessions that have run out, and the rows of those that are gone."""
    Session.objects.filter(expire_date__lte=now).delete()
    SignIn.objects.exclude(_lives(now)).delete()


def _lives(now: datetime) -> Exists:
    return Exists(Session.objects.filter(session_key=OuterRef("session_key"), expire_date__gt=now))


def _end(sign_ins: QuerySet[SignIn]) -> int:
    keys = list(sign_ins.values_list("session_key", flat=True))
    # The session first: what dies in between leaves a row of nothing, not a sign-in without a row. A request that is under way
    # cannot bring the session back, since Django saves none that is gone.
    Session.objects.filter(session_key__in=keys).delete()
    SignIn.objects.filter(session_key__in=keys).delete()
    return len(keys)


def watch_sign_ins() -> None:
    user_logged_in.connect(_begin, dispatch_uid="begin_sign_in")


def _begin(request: HttpRequest, user: User, **kwargs: Any) -> None:
    """A sign-in gets its row at once: no page that follows has to ask for it."""
    if request.session.session_key is None:
        request.session.save()
    setattr(request, _BEGUN_BY, user.email)
    _note(request)


def _keep(request: HttpRequest, before: str | None) -> None:
    session = request.session
    is_signed_in = SESSION_KEY in session
    has_moved = before is not None and session.session_key != before
    if not is_signed_in:
        if has_moved:
            SignIn.objects.filter(session_key=before).delete()
        return
    if not has_moved and time.time() - session.get(_NOTED_AT, 0) < NOTED_EVERY.total_seconds():
        return
    _note(request)


def _note(request: HttpRequest) -> None:
    request.session[_NOTED_AT] = int(time.time())
    now, key, user_id = clock.now(), str(request.session.session_key), int(request.session[SESSION_KEY])
    own = own_sign_in(request)
    if SignIn.objects.filter(pk=own, user_id=user_id).update(session_key=key, seen_at=now):
        return
    if own:
        # The race: it was ended while its session changed its key, so the one that was deleted was the old one.
        request.session.flush()
        return
    known = {"user_id": user_id, "device": device_of(request.headers.get("User-Agent", ""))}
    row, _ = SignIn.objects.get_or_create(session_key=key, defaults={**known, "signed_in_at": now, "seen_at": now})
    request.session[_OWN] = row.pk
