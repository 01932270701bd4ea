"""Rosters in Django admin, and the way to each from its session."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html

from redreport.audit.read_only import ReadOnlyAdmin
from redreport.desk.models import RosterSeat
from redreport.desk.roster import paid_with, roster_seats, words_of_mail
from sessions_live.admin import LiveSessionAdmin
from sessions_live.models import LiveSession, Seat

SESSION_FILTER = "live_session__id__exact"


class RosterStateFilter(admin.SimpleListFilter):
    """The states that a roster can show."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(state.value, state.label) for state in Seat.ACTIVE]

    def queryset(self, request: HttpRequest, queryset: QuerySet[RosterSeat]) -> QuerySet[RosterSeat]:
        return queryset.filter(state=self.value()) if self.value() else queryset


@admin.register(RosterSeat)
class RosterSeatAdmin(ReadOnlyAdmin):
    one_session = ("attendee_name", "attendee_firm", "attendee_email", "paid_with", "state", "last_mail", "entered_at")
    list_display = (*one_session, "session")
    list_filter = [("live_session", admin.RelatedOnlyFieldListFilter), RosterStateFilter]
    search_fields = ["attendee_name", "attendee_firm", "attendee_email", "coverage__order__number", "live_session__title"]
    list_per_page = 200

    def get_queryset(self, request: HttpRequest) -> QuerySet[RosterSeat]:
        return roster_seats()

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        """The roster of one session does not repeat its title in each row."""
        return self.one_session if SESSION_FILTER in request.GET else self.list_display

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        chosen = request.GET.get(SESSION_FILTER, "")
        live_session = LiveSession.objects.filter(pk=chosen).first() if chosen.isdecimal() else None
        title = f"Roster: {live_session}" if live_session else "Rosters of all sessions"
        return super().changelist_view(request, {"title": title, **(extra_context or {})})

    @admin.display
    def paid_with(self, seat: RosterSeat) -> str:
        return paid_with(seat)

    @admin.display
    def last_mail(self, seat: Any) -> str:
        return words_of_mail(seat.last_mail_kind, seat.last_mail_state)

    @admin.display(ordering="live_session__starts_at")
    def session(self, seat: RosterSeat) -> str:
        return seat.live_session.title


admin.site.site_header = admin.site.site_title = f"{settings.SITE_NAME}: the desk"
admin.site.index_title = "What staff run"

admin.site.unregister(LiveSession)


@admin.register(LiveSession)
class DeskLiveSessionAdmin(LiveSessionAdmin):
    """The session's admin with a link to its roster, which spans more than the schedule knows."""

    list_display = [*LiveSessionAdmin.list_display, "roster"]

    @admin.display
    def roster(self, live_session: LiveSession) -> str:
        address = reverse("admin:desk_rosterseat_changelist")
        return format_html('<a href="{}?{}={}">Roster</a>', address, SESSION_FILTER, live_session.pk)
