"""One seat: what is so now, and its whole story."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from redreport.accounts.selectors import signed_in
from redreport.desk.addresses import row_address, ways
from redreport.desk.models import RosterSeat
from redreport.desk.roster import paid_with
from redreport.desk.seat_story import story_of
from redreport.desk.views.common import desk_page, render_page
from redreport.desk.views.roster import WITH_SEATS


@require_safe
@desk_page("desk.view_rosterseat")
def seat_story(request: HttpRequest, pk: int) -> HttpResponse:
    """Everything that happened to a seat, the oldest first, and what may be done with it."""
    with_all = RosterSeat.objects.select_related("live_session", "booked_by", "coverage__order", "coverage__approved_by")
    seat, user = get_object_or_404(with_all, pk=pk), signed_in(request)
    story = story_of(seat)
    context = {
        "title": f"Seat {seat.number}: {seat.attendee_name}",
        "live_session": seat.live_session,
        "seat": seat,
        "source": paid_with(seat),
        "story": story,
        "events": [(event, row_address(user, event.model, event.pk)) for event in story.events],
        "with_seats": ways(WITH_SEATS, user=user, arguments=[seat.live_session_id]),
    }
    return render_page(request, "seat.html", context)
