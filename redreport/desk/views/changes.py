"""Pages on which staff watch what a move, a cancellation or an announcement set off. They only read: whatever dies meanwhile is
taken up by the sweeps, and the page shows it."""

import uuid

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from redreport.desk.announcements import mails_of_announcement
from redreport.desk.models import Announcement
from redreport.desk.views.common import desk_page, render_page
from sessions_live.models import LiveSession, ScheduleChange, Seat
from subscriptions.change_progress import (
    FAILED_STATES,
    change_progress,
    failed_mails,
    failed_refunds,
    mail_progress,
    settled_so_far,
)

# So many of what failed are listed by name; the rest is counted.
MOST_LISTED = 50
PER_PAGE = 50


@require_safe
@desk_page("desk.view_rosterseat")
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """How far the work has come that a move or a cancellation set off; the page asks for itself again until all is done."""
    found = get_object_or_404(ScheduleChange.objects.select_related("live_session", "made_by"), pk=pk)
    progress = change_progress(found)
    is_cancellation = found.kind == ScheduleChange.Kind.CANCELED
    verb = "Canceled" if is_cancellation else "Moved"
    context = {
        "title": f"{verb}: {found.live_session}",
        "change": found,
        "live_session": found.live_session,
        "is_cancellation": is_cancellation,
        "progress": progress,
        "settled": settled_so_far(found) if is_cancellation else [],
        "still_held": _still_held(found) if is_cancellation else 0,
        "failed_mails": failed_mails(found)[:MOST_LISTED] if progress.mails_failed else [],
        "failed_refunds": failed_refunds(found)[:MOST_LISTED] if progress.refunds_failed else [],
    }
    return render_page(request, "change.html", context)


@require_safe
@desk_page("desk.view_rosterseat")
def announcement(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """How many of an announcement's mails have gone out."""
    found = get_object_or_404(Announcement.objects.select_related("live_session", "made_by"), public_id=public_id)
    mails = mails_of_announcement(found)
    progress = mail_progress(mails)
    failed = mails.filter(state__in=FAILED_STATES).order_by("id")
    context = {
        "title": f"Announcement: {found.live_session}",
        "announcement": found,
        "live_session": found.live_session,
        "progress": progress,
        "failed_mails": failed[:MOST_LISTED] if progress.mails_failed else [],
    }
    return render_page(request, "announcement.html", context)


@require_safe
@desk_page("desk.view_rosterseat")
def changes(request: HttpRequest, pk: int) -> HttpResponse:
    """All moves, the cancellation and the announcements of a session, the last first."""
    live_session = get_object_or_404(LiveSession, pk=pk)
    announcements = live_session.announcements.select_related("made_by")
    context = {
        "title": f"What became of {live_session}",
        "live_session": live_session,
        "changes": live_session.schedule_changes.select_related("made_by").order_by("-version"),
        "announcements": Paginator(announcements, PER_PAGE).get_page(request.GET.get("page")),
    }
    return render_page(request, "session_changes.html", context)


def _still_held(change: ScheduleChange) -> int:
    """Seats of a canceled session for which somebody may still be paying."""
    return Seat.objects.filter(live_session=change.live_session_id, state=Seat.State.HELD).count()
