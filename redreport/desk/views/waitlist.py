"""Who waits for a seat in one session, and in which order; staff change it for a reason."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from redreport import clock
from redreport.accounts.selectors import signed_in
from redreport.desk.views.common import desk_page, reason_given, render_page
from sessions_live.errors import NotWaiting, OfferGone
from sessions_live.models import LiveSession, WaitlistEntry
from sessions_live.operations.waitlist import give_place_in_waitlist, take_off_waitlist

MAY_REORDER = "sessions_live.change_waitlistentry"
# The first of those who wait; who stands below has hardly a chance, and is still counted.
MOST_SHOWN = 300


@require_safe
@desk_page(MAY_REORDER)
def waitlist(request: HttpRequest, pk: int) -> HttpResponse:
    """Who is offered a seat until when, and who waits, in turn."""
    live_session = get_object_or_404(LiveSession, pk=pk)
    still_open = WaitlistEntry.objects.filter(live_session=live_session, state__in=WaitlistEntry.OPEN).select_related("user")
    waiting = still_open.filter(state=WaitlistEntry.State.WAITING)
    context = {
        "title": "Waitlist",
        "live_session": live_session,
        "takes_waitlist": live_session.takes_waitlist(clock.now()),
        "offered": still_open.filter(state=WaitlistEntry.State.OFFERED).order_by("offer_expires_at", "id")[:MOST_SHOWN],
        "waiting": list(waiting.in_turn()[:MOST_SHOWN]),
        "count": waiting.count(),
    }
    return render_page(request, "waitlist.html", context)


@require_POST
@desk_page(MAY_REORDER)
def change_waitlist(request: HttpRequest, pk: int) -> HttpResponse:
    """Give somebody another place ('give=<entry>:<place>'), or take them off ('off=<entry>'), for a reason."""
    reason = reason_given(request)
    entry_id, _, place = request.POST.get("give", request.POST.get("off", "")).partition(":")
    known = entry_id if entry_id.isdecimal() and len(entry_id) < 19 else 0
    entry = get_object_or_404(WaitlistEntry, pk=known, live_session=pk)
    if not reason:
        messages.error(request, "Nothing was changed: write why above the list.")
    elif "give" in request.POST:
        _give_place(request, entry, int(place) if place.isdecimal() and len(place) < 10 else 1, reason)
    else:
        _take_off(request, entry, reason)
    return HttpResponseRedirect(reverse("admin:desk_waitlist", args=[pk]))


def _give_place(request: HttpRequest, entry: WaitlistEntry, place: int, reason: str) -> None:
    try:
        given = give_place_in_waitlist(entry_id=entry.pk, place=place, actor=signed_in(request), reason=reason, now=clock.now())
    except NotWaiting:
        messages.error(request, f"{entry.attendee_name} does not wait any more: nothing was changed.")
    else:
        messages.success(request, f"{entry.attendee_name} is number {given} now.")


def _take_off(request: HttpRequest, entry: WaitlistEntry, reason: str) -> None:
    try:
        was_on_it = take_off_waitlist(entry_id=entry.pk, actor=signed_in(request), reason=reason, now=clock.now())
    except OfferGone:
        messages.error(request, f"{entry.attendee_name} has taken the offer and is paying: nothing was changed.")
    else:
        words = "is off the waitlist." if was_on_it else "was not on the waitlist any more."
        messages.success(request, f"{entry.attendee_name} {words}")
