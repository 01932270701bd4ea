"""The schedule, as staff make it. Times are entered and shown in the house's zone."""

from typing import Any

from django.contrib import admin, messages
from django.db import models
from django.db.models import Count, Q, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest

from redreport import audit, clock
from redreport.accounts.selectors import signed_in
from redreport.audit.audited_admin import AuditedAdmin
from sessions_live.admin.own_sessions import OwnSessionsAdmin
from sessions_live.errors import NothingToRelease, NotPublishable
from sessions_live.forms import LiveSessionForm
from sessions_live.models import Host, LiveSession, Seat
from sessions_live.operations.materials import release_materials
from sessions_live.operations.schedule import publish_live_session
from sessions_live.operations.seats import offer_freed_seats_soon


@admin.register(Host)
class HostAdmin(AuditedAdmin):
    list_display = ["name", "email", "user"]
    list_select_related = ["user"]
    search_fields = ["name", "email"]
    fields = ["name", "email", "bio", "user"]
    autocomplete_fields = ["user"]

    def has_delete_permission(self, request: HttpRequest, obj: Host | None = None) -> bool:
        """Readers were promised who runs a session: a host of one stays."""
        has_none = obj is None or not obj.live_sessions.exists()
        return has_none and super().has_delete_permission(request, obj)


@admin.register(LiveSession)
class LiveSessionAdmin(OwnSessionsAdmin, AuditedAdmin):
    form = LiveSessionForm
    list_display = ["title", "section", "starts_at", "state", "taken", "held", "capacity"]
    list_filter = ["state", "section"]
    search_fields = ["title", "question"]
    ordering = ["starts_at", "id"]
    date_hierarchy = "starts_at"
    prepopulated_fields = {"slug": ["title"]}
    filter_horizontal = ["hosts"]
    actions = ["publish", "release"]
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}
    fields = [
        *["title", "slug", "section", "question", "description", "hosts"],
        *["starts_at", "duration_minutes", "capacity", "meeting_url", "state"],
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[LiveSession]:
        return (
            super()
            .get_queryset(request)
            .annotate(
                seats_taken=Count("seats", filter=Q(seats__state__in=Seat.TAKEN)),
                seats_held=Count("seats", filter=Q(seats__state__in=[Seat.State.HELD, Seat.State.OFFERED])),
            )
        )

    @admin.display(ordering="seats_taken")
    def taken(self, live_session: Any) -> int:
        return int(live_session.seats_taken)

    @admin.display(ordering="seats_held")
    def held(self, live_session: Any) -> int:
        return int(live_session.seats_held)

    def get_readonly_fields(self, request: HttpRequest, obj: LiveSession | None = None) -> list[str]:
        """Once readers can see it, its time and address are promises: they are not changed in a form."""
        is_draft = obj is None or obj.state == LiveSession.State.DRAFTED
        return ["state"] if is_draft else ["state", "slug", "starts_at", "duration_minutes"]

    def get_prepopulated_fields(self, request: HttpRequest, obj: LiveSession | None = None) -> dict[str, Any]:
        return {} if "slug" in self.get_readonly_fields(request, obj) else {"slug": ["title"]}

    def has_delete_permission(self, request: HttpRequest, obj: LiveSession | None = None) -> bool:
        is_draft = obj is None or obj.state == LiveSession.State.DRAFTED
        return is_draft and super().has_delete_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: LiveSession, form: ModelForm, change: bool) -> None:
        """Only what was changed is written: the form may be older than a publication or a sale made meanwhile."""
        fields = [name for name in form.changed_data if name != "hosts"]
        if change and fields:
            obj.save(update_fields=fields)
            if "capacity" in fields:
                offer_freed_seats_soon(obj.pk)
        elif not change:
            obj.save()
        audit.record(
            actor=signed_in(request),
            verb="changed" if change else "created",
            target=obj,
            detail={"fields": sorted(form.changed_data)},
            now=clock.now(),
        )

    @admin.action(description="Publish: show to readers and open the sale", permissions=["change"])
    def publish(self, request: HttpRequest, queryset: QuerySet[LiveSession]) -> None:
        published = 0
        for live_session in queryset:
            try:
                publish_live_session(live_session_id=live_session.pk, actor=signed_in(request), now=clock.now())
            except NotPublishable as reason:
                self.message_user(request, f"{live_session.title} was not published. {reason}", messages.ERROR)
            else:
                published += 1
        if published:
            self.message_user(request, f"Published: {published}.", messages.SUCCESS)

    @admin.action(description="Release the materials to those who had a seat, and write to them", permissions=["change"])
    def release(self, request: HttpRequest, queryset: QuerySet[LiveSession]) -> None:
        released, told_before = 0, []
        for live_session in queryset:
            if live_session.materials_released_at:
                self.message_user(request, f"{live_session.title} was released before.", messages.INFO)
                continue
            try:
                release_materials(live_session_id=live_session.pk, actor=signed_in(request), now=clock.now())
            except NothingToRelease as reason:
                self.message_user(request, f"{live_session.title} was not released. {reason}", messages.ERROR)
            else:
                released += 1
                told_before += [live_session.title] if live_session.followed_up_at else []
        if released:
            self.message_user(request, f"Released: {released}.", messages.SUCCESS)
        for title in told_before:
            words = f"{title}: its readers were written to before, and get no second mail. They find it by the link they have."
            self.message_user(request, words, messages.WARNING)
