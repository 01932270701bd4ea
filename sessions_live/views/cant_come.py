"""Where an attendee without an account says that they cannot come."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from redreport import clock
from redreport.answers import SeeOther, hide_address
from sessions_live.errors import NotCancelable, SeatNotTaken
from sessions_live.models import Seat
from sessions_live.operations.declining import accept_seat_again, decline_seat
from sessions_live.seat_links import CANT_COME

ANSWERS = {"cannot": decline_seat, "can": accept_seat_again}


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
# As at the door: whoever has the secret address needs no forgery, and from a page without referrer browsers send 'Origin: null'.
@csrf_exempt
def cant_come(request: HttpRequest, token: str) -> HttpResponse:
    """A mail scanner's GET changes nothing. A POST says 'cannot' or, after that, 'can': sending either twice is once."""
    status = _answer(request, token) if request.method == "POST" else 200
    if status == 303:
        return hide_address(SeeOther(request.path))
    return hide_address(_page(request, _seat_of_attendee(token), status))


def _answer(request: HttpRequest, token: str) -> int:
    """Does what was answered; returns the status of the page that follows."""
    seat, answer = _seat_of_attendee(token), ANSWERS.get(request.POST.get("answer", ""))
    if seat is None or answer is None:
        return 400
    try:
        answer(seat_id=seat.pk, door_version=seat.door_version, now=clock.now())
    except (NotCancelable, SeatNotTaken):
        # Begun, canceled or handed over since: the page says which.
        return 409
    return 303


def _seat_of_attendee(token: str) -> Seat | None:
    seat = CANT_COME.seat_behind(token)
    return seat if seat and seat.is_booked_for_another else None


def _page(request: HttpRequest, seat: Seat | None, status: int) -> HttpResponse:
    if seat is None:
        return render(request, "sessions_live/cant_come_dead.html", status=404)
    now, live_session = clock.now(), seat.live_session
    context = {
        "seat": seat,
        "live_session": live_session,
        "has_begun": live_session.starts_at <= now,
        "has_come_in": seat.state != Seat.State.CONFIRMED,
        "is_free_to_cancel": now < seat.free_cancel_until,
    }
    return render(request, "sessions_live/cant_come.html", context, status=status)
