"""The personal door."""

from csp.decorators import csp_update
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.encoding import iri_to_uri
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from redreport import clock
from sessions_live.errors import DoorClosed
from sessions_live.models import Seat
from sessions_live.operations.attendance import enter_by_door
from sessions_live.seat_links import DOOR


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
# Whoever has the secret address needs no forgery, and from a page without referrer browsers send 'Origin: null', which the check
# against forgery refuses. It needs no cookies this way, as in a mail program's own browser.
@csrf_exempt
# The meeting's provider sends the browser on to hosts of its own, and browsers hold a form to where its redirects lead, by the
# policy of the page with the form. 'http:' means https as well.
@csp_update({"form-action": ["http:"]})  # type: ignore[arg-type]
def door(request: HttpRequest, token: str) -> HttpResponse:
    """A mail scanner's GET changes nothing; the reader's POST records the entry and leads to the meeting."""
    seat = DOOR.seat_behind(token)
    if seat is None:
        return _without_referrer(render(request, "sessions_live/door_dead.html", status=404))
    if request.method == "POST":
        return _enter(request, seat)
    return _without_referrer(_door_page(request, seat))


def _enter(request: HttpRequest, seat: Seat) -> HttpResponse:
    try:
        meeting_url = enter_by_door(seat_id=seat.pk, live_session_id=seat.live_session_id, now=clock.now())
    except DoorClosed:
        return _without_referrer(_door_page(request, seat, status=409))
    response = HttpResponse(status=303)
    response["Location"] = iri_to_uri(meeting_url)
    return _without_referrer(response)


def _door_page(request: HttpRequest, seat: Seat, status: int = 200) -> HttpResponse:
    live_session = seat.live_session
    now = clock.now()
    context = {
        "seat": seat,
        "live_session": live_session,
        "is_open": live_session.is_door_open(now),
        "is_over": now > live_session.door_closes_at,
        "opens_at": live_session.door_opens_at,
        "closes_at": live_session.door_closes_at,
    }
    return render(request, "sessions_live/door.html", context, status=status)


def _without_referrer(response: HttpResponse) -> HttpResponse:
    # The door's address is a secret: it goes neither to the meeting's provider nor to our own next page.
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response
