"""What readers did around a session, to be read."""

from django.contrib import admin
from django.http import HttpRequest

from redreport.accounts.selectors import signed_in
from redreport.audit.exporting import ExportableAdmin
from redreport.audit.read_only import ReadOnlyAdmin
from sessions_live.admin.exports import WaitlistExport
from sessions_live.admin.own_sessions import OwnSessionsAdmin, sees_every_session
from sessions_live.models import DoorEntry, Question, WaitlistEntry


@admin.register(WaitlistEntry)
class WaitlistEntryAdmin(ExportableAdmin, ReadOnlyAdmin):
    export = WaitlistExport
    list_display = ["live_session", "user", "attendee_firm", "state", "pay_by", "position", "joined_at", "offer_expires_at"]
    list_filter = ["state"]
    search_fields = ["live_session__title", "user__email", "attendee_name", "attendee_firm"]
    list_select_related = ["live_session", "user"]
    ordering = ["-live_session__starts_at", "position", "joined_at", "id"]


@admin.register(Question)
class QuestionAdmin(OwnSessionsAdmin, ReadOnlyAdmin):
    path_to_session = "seat__live_session"
    list_display = ["text", "seat__live_session", "seat__attendee_name", "asked_at"]
    list_select_related = ["seat__live_session"]
    search_fields = ["text", "seat__attendee_name", "seat__attendee_email", "seat__live_session__title"]
    date_hierarchy = "asked_at"

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        """Hosts see no addresses: nor may they try letter by letter which one is found."""
        everything = sees_every_session(signed_in(request))
        return [field for field in self.search_fields if everything or field != "seat__attendee_email"]


@admin.register(DoorEntry)
class DoorEntryAdmin(ReadOnlyAdmin):
    """Several of one seat: its link was used on several devices, or passed on."""

    list_display = ["seat__attendee_name", "seat__attendee_email", "seat__live_session", "entered_at"]
    list_select_related = ["seat__live_session"]
    search_fields = ["seat__attendee_name", "seat__attendee_email", "seat__live_session__title"]
    date_hierarchy = "entered_at"
    fields = ["seat", "entered_at"]
