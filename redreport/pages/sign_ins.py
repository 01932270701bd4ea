"""The page on which a reader, or a member of staff, sees where they are signed in and ends it."""

from datetime import timedelta

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from redreport.accounts.selectors import signed_in
from redreport.accounts.sign_ins import end_sign_in, end_sign_ins, own_sign_in, sign_ins_of
from redreport.answers import SeeOther
from redreport.wording import counted


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def sign_ins(request: HttpRequest) -> HttpResponse:
    """POST ends the one that is named, or all others. Ending one's own is what 'Sign out' is for."""
    user, own = signed_in(request), own_sign_in(request)
    if request.method == "POST":
        messages.success(request, _end(request))
        return SeeOther(reverse("pages:sign_ins"))
    lifetime = timedelta(seconds=settings.SESSION_COOKIE_AGE)
    return render(request, "pages/sign_ins.html", {"sign_ins": sign_ins_of(user), "own": own, "lifetime": lifetime})


def _end(request: HttpRequest) -> str:
    user, own, named = signed_in(request), own_sign_in(request), request.POST.get("end", "")
    if named == "others":
        ended = end_sign_ins(user=user, but=own)
        return f"Signed out: {counted(ended, 'other browser')}." if ended else "You were signed in nowhere else."
    is_other = named.isdecimal() and len(named) < 19 and int(named) != own
    ended_one = is_other and end_sign_in(user=user, pk=int(named))
    return "That browser is signed out." if ended_one else "That browser was signed out already."
