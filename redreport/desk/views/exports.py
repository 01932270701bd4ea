"""A session's roster as a file."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from redreport import clock
from redreport.accounts.selectors import signed_in
from redreport.audit.exporting import ask_for_format, chosen_format, export_file
from redreport.desk.roster_export import RosterExport, seats_to_export
from redreport.desk.views.common import desk_page
from sessions_live.models import LiveSession


@require_http_methods(["GET", "HEAD", "POST"])
@desk_page("desk.export_rosterseat")
def roster(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The page with a button for each format, and the file."""
    live_session = get_object_or_404(LiveSession, pk=pk)
    seats, extension = seats_to_export(live_session), chosen_format(request)
    if not extension:
        context = {
            **admin.site.each_context(request),
            "title": f"Export the roster of {live_session}",
            "count": seats.count(),
            "columns": RosterExport().get_export_headers(),
            "back_to": reverse("admin:sessions_live_livesession_change", args=[pk]),
        }
        return ask_for_format(request, context)
    return export_file(
        export=RosterExport(),
        queryset=seats,
        name=f"roster-{live_session.slug}",
        extension=extension,
        actor=signed_in(request),
        target=live_session,
        what="Roster",
        now=clock.now(),
    )
