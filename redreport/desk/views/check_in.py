"""Checking people in, on a telephone: a list to search, one tap for each who is there."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from redreport import clock
from redreport.accounts.selectors import signed_in
from redreport.desk.models import RosterSeat
from redreport.desk.roster_page import COLUMNS, ROWS_ON_A_PAGE, clean_words, found_by
from redreport.desk.views.common import desk_page, reason_given, render_page
from sessions_live.errors import DoorClosed, NotCheckedIn, SeatNotTaken
from sessions_live.models import LiveSession, Seat
from sessions_live.operations.attendance import check_in_seat, undo_check_in

MAY_CHECK_IN = "sessions_live.change_seat"


@require_safe
@desk_page(MAY_CHECK_IN)
def check_in(request: HttpRequest, pk: int) -> HttpResponse:
    """Everybody who has a seat, by name: who is there, and a button for who is not yet."""
    live_session = get_object_or_404(LiveSession, pk=pk)
    words = clean_words(request.GET)
    seats = found_by(_taken(pk), words).order_by(COLUMNS["name"], "number")
    page = Paginator(seats, ROWS_ON_A_PAGE).get_page(request.GET.get("page"))
    came = _taken(pk).aggregate(arrived=Count("pk", filter=Q(state=Seat.State.ATTENDED)), total=Count("pk"))
    context = {
        "title": "Check in",
        "live_session": live_session,
        "is_open": clock.now() >= live_session.door_opens_at,
        "words": words,
        "page": page,
        **came,
    }
    return render_page(request, "check_in.html", context)


@require_POST
@desk_page(MAY_CHECK_IN)
def check_in_one(request: HttpRequest, pk: int, seat_id: int) -> HttpResponse:
    """Note that somebody is there; a second tap changes nothing."""
    seat = get_object_or_404(Seat, pk=seat_id, live_session=pk)
    try:
        check_in_seat(seat_id=seat.pk, actor=signed_in(request), now=clock.now())
    except DoorClosed:
        messages.error(request, "The door is not open yet: nobody can be checked in before.")
    except SeatNotTaken:
        messages.error(request, f"{seat.attendee_name} has no seat any more.")
    return _back_to_row(request, seat)


@require_POST
@desk_page(MAY_CHECK_IN)
def undo_one(request: HttpRequest, pk: int, seat_id: int) -> HttpResponse:
    """Take back that somebody is there, for a reason."""
    seat = get_object_or_404(Seat, pk=seat_id, live_session=pk)
    reason = reason_given(request)
    if not reason:
        messages.error(request, f"Nothing was taken back: write why {seat.attendee_name} is not there.")
        return _back_to_row(request, seat)
    try:
        undo_check_in(seat_id=seat.pk, actor=signed_in(request), reason=reason, now=clock.now())
    except NotCheckedIn:
        messages.info(request, f"{seat.attendee_name} is not checked in.")
    return _back_to_row(request, seat)


def _taken(live_session_id: int) -> QuerySet[RosterSeat]:
    return RosterSeat.objects.filter(live_session=live_session_id, state__in=Seat.TAKEN)


def _back_to_row(request: HttpRequest, seat: Seat) -> HttpResponse:
    """The list as it was, at the same person."""
    query = QueryDict(mutable=True)
    query.update({name: value for name in ("q", "page") if (value := request.POST.get(name, ""))})
    address = reverse("admin:desk_check_in", args=[seat.live_session_id])
    return HttpResponseRedirect(f"{address}?{query.urlencode()}#seat-{seat.pk}" if query else f"{address}#seat-{seat.pk}")
