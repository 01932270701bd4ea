"""Rosters in Django admin, and the way to each from its session."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from redreport import clock
from redreport.accounts.selectors import signed_in
from redreport.audit.read_only import ReadOnlyAdmin
from redreport.desk.models import RosterSeat
from redreport.desk.roster import paid_with, roster_seats, words_of_mail
from redreport.desk.views.common import LONGEST_REASON, reason_given
from sessions_live.admin import LiveSessionAdmin
from sessions_live.errors import DoorClosed, NotCheckedIn, SeatNotTaken
from sessions_live.models import LiveSession, Seat
from sessions_live.operations.attendance import check_in_seat, undo_check_in

SESSION_FILTER = "live_session__id__exact"


class RosterStateFilter(admin.SimpleListFilter):
    """The states that a roster can show."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(state.value, state.label) for state in Seat.ACTIVE]

    def queryset(self, request: HttpRequest, queryset: QuerySet[RosterSeat]) -> QuerySet[RosterSeat]:
        return queryset.filter(state=self.value()) if self.value() else queryset


class RosterActionForm(ActionForm):
    """What is done with the ticked seats, and why."""

    reason = forms.CharField(
        required=False, max_length=LONGEST_REASON, widget=forms.TextInput(attrs={"placeholder": "Why, to take back"})
    )


@admin.register(RosterSeat)
class RosterSeatAdmin(ReadOnlyAdmin):
    action_form = RosterActionForm
    actions = ["check_in", "take_back_check_in"]
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
        live_session = LiveSession.objects.filter(pk=chosen).first() if chosen.isdecimal() and len(chosen) < 19 else None
        title = f"Roster: {live_session}" if live_session else "Rosters of all sessions"
        return super().changelist_view(request, {"title": title, "live_session": live_session, **(extra_context or {})})

    def has_check_in_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("sessions_live.change_seat")

    @admin.action(description="Check in: they are there, or were", permissions=["check_in"])
    def check_in(self, request: HttpRequest, queryset: QuerySet[RosterSeat]) -> None:
        checked_in = 0
        for seat in queryset:
            try:
                check_in_seat(seat_id=seat.pk, actor=signed_in(request), now=clock.now())
            except DoorClosed:
                self.message_user(request, f"{seat.attendee_name}: the door is not open yet.", messages.ERROR)
            except SeatNotTaken:
                self.message_user(request, f"{seat.attendee_name}: the seat is not theirs.", messages.ERROR)
            else:
                checked_in += 1
        if checked_in:
            self.message_user(request, f"Checked in: {checked_in}.", messages.SUCCESS)

    @admin.action(description="Take back a check-in: say why", permissions=["check_in"])
    def take_back_check_in(self, request: HttpRequest, queryset: QuerySet[RosterSeat]) -> None:
        reason, taken_back = reason_given(request), 0
        if not reason:
            self.message_user(request, "Nothing was taken back: write why beside the action.", messages.ERROR)
            return
        for seat in queryset:
            try:
                undo_check_in(seat_id=seat.pk, actor=signed_in(request), reason=reason, now=clock.now())
            except NotCheckedIn:
                self.message_user(request, f"{seat.attendee_name} is not checked in.", messages.ERROR)
            else:
                taken_back += 1
        if taken_back:
            self.message_user(request, f"Taken back: {taken_back}.", messages.SUCCESS)

    @admin.display
    def paid_with(self, seat: RosterSeat) -> str:
        return paid_with(seat)

    @admin.display
    def last_mail(self, seat: Any) -> str:
        return words_of_mail(seat.last_mail_kind, seat.last_mail_state)

    @admin.display(ordering="live_session__starts_at")
    def session(self, seat: RosterSeat) -> str:
        return seat.live_session.title


# The desk's pages for a session in each state, with the words of their links.
WHAT_IS_DONE: dict[str, tuple[tuple[str, str], ...]] = {
    LiveSession.State.DRAFTED: (("desk_preview_session", "Preview"),),
    LiveSession.State.PUBLISHED: (
        ("desk_move_session", "Move"),
        ("desk_cancel_session", "Cancel"),
        ("desk_announce", "Announce"),
    ),
}


admin.site.unregister(LiveSession)


@admin.register(LiveSession)
class DeskLiveSessionAdmin(LiveSessionAdmin):
    """The session's admin with a link to its roster, which spans more than the schedule knows."""

    list_display = [*LiveSessionAdmin.list_display, "roster", "do"]

    class Media:
        css = {"all": ["desk.css"]}

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Nobody is led to what they may not see or do."""
        may = {
            "roster": signed_in(request).has_perm("desk.view_rosterseat"),
            "do": self.has_change_permission(request),
        }
        return [column for column in super().get_list_display(request) if may.get(str(column), True)]

    @admin.display
    def do(self, live_session: LiveSession) -> str:
        """Links to what is done with it as it stands."""
        acts = WHAT_IS_DONE.get(live_session.state, ())
        links = ((reverse(f"admin:{page}", args=[live_session.pk]), label) for page, label in acts)
        return format_html_join(" · ", '<a href="{}">{}</a>', links)

    @admin.display
    def roster(self, live_session: LiveSession) -> str:
        return format_html('<a href="{}">Roster</a>', reverse("admin:desk_roster", args=[live_session.pk]))
