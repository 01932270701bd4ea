"""Handing a seat to somebody else: what it does first, then whose it is to be; afterwards whose it is."""

import uuid

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from redreport import clock
from redreport.accounts.selectors import signed_in
from redreport.answers import SeeOther
from redreport.limits import rules
from redreport.limits.answers import limited
from sessions_live.errors import AlreadyEntered, AlreadySeated, NotCancelable, SeatNotTaken, TooManyHandOvers
from sessions_live.models import Seat
from sessions_live.operations.handover import check_hand_over, hand_over_seat
from subscriptions.handover_form import HandOverForm
from subscriptions.models import SeatCoverage
from subscriptions.problems import show_problem
from subscriptions.selectors import seats_with_coverage


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@limited(rules.HAND_OVER)
def hand_over(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """What handing this seat over does, and the form. The booker's alone; sending it twice is once."""
    seat = get_object_or_404(seats_with_coverage().filter(booked_by=signed_in(request)), public_id=public_id)
    if seat.state == Seat.State.CANCELED:
        return SeeOther(reverse("subscriptions:cancel", args=[public_id]))
    form = HandOverForm(request.POST if request.method == "POST" else None)
    try:
        if request.method == "POST" and form.is_valid():
            hand_over_seat(user=signed_in(request), seat_public_id=public_id, attendee=form.attendee, now=clock.now())
            return SeeOther(reverse("subscriptions:hand_over", args=[public_id]))
        check_hand_over(seat=seat, now=clock.now())
    except AlreadySeated as refusal:
        form.refuse_attendee(refusal.email)
    except (AlreadyEntered, NotCancelable, SeatNotTaken, TooManyHandOvers) as refusal:
        return show_problem(request, refusal, next_url=reverse("pages:account"))
    return _page(request, seat, form)


def _page(request: HttpRequest, seat: Seat, form: HandOverForm) -> HttpResponse:
    context = {
        "form": form,
        "seat": seat,
        "live_session": seat.live_session,
        "free_until": seat.free_cancel_until,
        "is_complimentary": seat.coverage.kind == SeatCoverage.Kind.COMP,
    }
    return render(request, "subscriptions/hand_over.html", context, status=400 if form.errors else 200)
