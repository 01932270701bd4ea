"""Canceling a seat: the consequence first, then a button; afterwards what was done."""

import uuid
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from redreport import clock
from redreport.accounts.selectors import signed_in
from redreport.answers import SeeOther
from sessions_live.errors import NotCancelable, SeatNotTaken
from sessions_live.models import Seat
from subscriptions.errors import ConsequenceChanged
from subscriptions.operations.cancel import cancel_own_seat, plan_own_cancellation
from subscriptions.operations.settle import plan_settlement
from subscriptions.problems import show_problem
from subscriptions.selectors import seats_with_coverage
from subscriptions.settlement import settlement_made, what_comes_back


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """What canceling this seat gives back, and the button; once it is canceled, what was given back. The booker's alone."""
    seat = get_object_or_404(seats_with_coverage().filter(booked_by=signed_in(request)), public_id=public_id)
    has_changed = False
    if request.method == "POST":
        try:
            cancel_own_seat(
                user=signed_in(request),
                seat_public_id=public_id,
                consequence=request.POST.get("consequence", ""),
                now=clock.now(),
            )
        except (NotCancelable, SeatNotTaken) as refusal:
            return show_problem(request, refusal, next_url=reverse("pages:account"))
        except ConsequenceChanged:
            has_changed = True
        else:
            return SeeOther(reverse("subscriptions:cancel", args=[public_id]))
    return _page(request, seat, has_changed)


def _page(request: HttpRequest, seat: Seat, has_changed: bool) -> HttpResponse:
    if seat.state == Seat.State.CANCELED:
        return render(request, "subscriptions/canceled.html", what_was_done(seat))
    try:
        if seat.state not in Seat.TAKEN:
            raise SeatNotTaken
        plan = plan_own_cancellation(seat=seat, now=clock.now())
    except (NotCancelable, SeatNotTaken) as refusal:
        return show_problem(request, refusal, next_url=reverse("pages:account"))
    context = {
        "seat": seat,
        "live_session": seat.live_session,
        "order": seat.coverage.order,
        "comes_back": what_comes_back(plan, is_done=False),
        "something_comes_back": plan.gives_back,
        "consequence": plan.digest,
        "has_changed": has_changed,
        "hand_over_url": reverse("subscriptions:hand_over", args=[seat.public_id]) if seat.state == Seat.State.CONFIRMED else "",
    }
    return render(request, "subscriptions/cancel.html", context, status=409 if has_changed else 200)


def what_was_done(seat: Seat) -> dict[str, Any]:
    """What was given back; what is about to be, where the sweep has not come by yet."""
    plan = settlement_made(seat.coverage) or plan_settlement(
        coverage=seat.coverage,
        by=Seat.CanceledBy(seat.canceled_by),
        restitution=Seat.Restitution(seat.restitution),
        now=clock.now(),
    )
    return {
        "seat": seat,
        "live_session": seat.live_session,
        "order": seat.coverage.order,
        "comes_back": what_comes_back(plan, is_done=True),
        "something_comes_back": plan.gives_back,
        "is_on_sale": seat.live_session.is_on_sale(clock.now()),
        "by_house": seat.canceled_by == Seat.CanceledBy.HOUSE,
    }
