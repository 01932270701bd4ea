"""A host's own door: how many come, what they ask, the way into the meeting; afterwards what they thought."""

from csp.decorators import csp_update
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from redreport import clock
from redreport.limits import rules
from redreport.limits.answers import refusal
from sessions_live.errors import DoorClosed, MeetingUnavailable
from sessions_live.host_links import host_behind
from sessions_live.host_page import host_context
from sessions_live.operations.attendance import enter_as_host
from sessions_live.views.common import to_the_meeting, without_referrer


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
# As at an attendee's door: the address is the secret.
@csrf_exempt
@csp_update({"form-action": ["http:"]})  # type: ignore[arg-type]
def host(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows the brief and changes nothing; POST leads to the meeting while the host's door is open."""
    found = host_behind(token)
    if found is None:
        return without_referrer(render(request, "sessions_live/door_dead.html", {"is_host": True}, status=404))
    live_session, person = found
    context = host_context(live_session=live_session, host=person, now=clock.now())
    if request.method != "POST":
        return without_referrer(render(request, "sessions_live/host.html", context))
    answer = refusal(request, rules.DOOR_ENTRY, link=f"host {person.pk} of {live_session.pk}")
    if answer is not None:
        return answer
    try:
        address = enter_as_host(live_session=live_session, host=person, now=clock.now())
    except DoorClosed:
        return without_referrer(render(request, "sessions_live/host.html", {**context, "is_refused": True}, status=409))
    except MeetingUnavailable:
        return without_referrer(render(request, "sessions_live/host.html", {**context, "is_refused": True}, status=503))
    return to_the_meeting(address)
