"""The switch 'book me into every session', and the way out of a seat that it took."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from redreport import clock
from redreport.accounts.selectors import signed_in
from redreport.answers import SeeOther, hide_address
from sessions_live.errors import NotCancelable, SeatNotTaken
from sessions_live.models import Seat
from sessions_live.seat_links import AUTO_OUT
from subscriptions.errors import ConsequenceChanged, EmailNotProven
from subscriptions.operations.auto_booking import switch_off_auto_booking, switch_on_auto_booking
from subscriptions.operations.cancel import cancel_auto_booked_seat, plan_own_cancellation
from subscriptions.problems import show_problem
from subscriptions.selectors import seats_with_coverage
from subscriptions.settlement import what_comes_back
from subscriptions.views.cancel import what_was_done


@login_required
@require_POST
def switch(request: HttpRequest) -> HttpResponse:
    """Turn auto-booking on or off, as the button says that was pressed; pressing it twice is as good as once."""
    try:
        if request.POST.get("wish") == "on":
            switch_on_auto_booking(user=signed_in(request), now=clock.now())
        else:
            switch_off_auto_booking(user=signed_in(request), now=clock.now())
    except EmailNotProven as refusal:
        return show_problem(request, refusal, next_url=reverse("pages:account"))
    return SeeOther(reverse("subscriptions:credits"))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
# Whoever has the mailed address needs no forgery, and from a page without referrer browsers send 'Origin: null'.
@csrf_exempt
def out(request: HttpRequest, token: str) -> HttpResponse:
    """What giving the seat back returns, and the button; once it is canceled, what was returned. Needs no signing in.

    A mail scanner's GET changes nothing. The address dies when the seat is handed over.
    """
    return hide_address(_give_back(request, token) if request.method == "POST" else _out_page(request, token))


def _give_back(request: HttpRequest, token: str) -> HttpResponse:
    seat = _seat_behind(token)
    try:
        if seat and seat.state in Seat.TAKEN:
            cancel_auto_booked_seat(seat=seat, consequence=request.POST.get("consequence", ""), now=clock.now())
    except ConsequenceChanged:
        return _out_page(request, token, has_changed=True)
    except (NotCancelable, SeatNotTaken):
        pass  # The page says why: the session has begun, or the link has died this moment.
    return SeeOther(reverse("subscriptions:auto_out", args=[token]))


def _out_page(request: HttpRequest, token: str, *, has_changed: bool = False) -> HttpResponse:
    seat = _seat_behind(token)
    if seat is None:
        return render(request, "subscriptions/auto_out_dead.html", status=404)
    if seat.state == Seat.State.CANCELED:
        return render(request, "subscriptions/auto_out_done.html", what_was_done(seat))
    try:
        plan = plan_own_cancellation(seat=seat, now=clock.now())
    except NotCancelable as refusal:
        return show_problem(request, refusal, next_url=reverse("pages:account"))
    context = {
        "seat": seat,
        "live_session": seat.live_session,
        "comes_back": what_comes_back(plan, is_done=False),
        "something_comes_back": plan.gives_back,
        "free_until": seat.free_cancel_until,
        "consequence": plan.digest,
        "has_changed": has_changed,
    }
    return render(request, "subscriptions/auto_out.html", context, status=409 if has_changed else 200)


def _seat_behind(token: str) -> Seat | None:
    """The seat of the link, if it was taken automatically: theirs still, or canceled since the link was mailed."""
    found = AUTO_OUT.seat_behind(token) or AUTO_OUT.canceled_seat_behind(token)
    if found is None:
        return None
    return seats_with_coverage().filter(pk=found.pk, coverage__auto_booking_attempt__isnull=False).first()
