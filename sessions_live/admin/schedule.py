"""The schedule, as staff make it. Times are entered and shown in the house's zone."""

from typing import Any

from django.contrib import admin, messages
from django.db import models
from django.db.models import F, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest

from redreport import audit, clock
from redreport.accounts.selectors import signed_in
from redreport.audit.audited_admin import AuditedAdmin
from sessions_live.admin.own_sessions import OwnSessionsAdmin
from sessions_live.errors import NothingToRelease, NotPublishable
from sessions_live.models import Host, LiveSession
from sessions_live.operations.drafts import give_address
from sessions_live.operations.materials import release_materials
from sessions_live.operations.schedule import change_live_session, publish_live_session
from sessions_live.selectors import offers_that_follow, seat_counts, with_seat_counts
from sessions_live.session_form import LiveSessionForm, words_after_capacity


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


class ComingFilter(admin.SimpleListFilter):
    """What lies ahead, and what is over."""

    title = "time"
    parameter_name = "time"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("coming", "To come"), ("past", "Begun or over")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[LiveSession]) -> QuerySet[LiveSession]:
        if self.value() == "coming":
            return queryset.filter(starts_at__gt=clock.now())
        return queryset.filter(starts_at__lte=clock.now()) if self.value() == "past" else queryset


class SeatsFilter(admin.SimpleListFilter):
    """How full they are."""

    title = "seats"
    parameter_name = "seats"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("left", "Seats left"), ("full", "Full"), ("over", "More taken than there are"), ("waited_for", "Readers wait")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[LiveSession]) -> QuerySet[LiveSession]:
        counted = queryset.alias(seats_active=F("seats_taken") + F("seats_held"), readers_wait=F("waiting"))
        chosen = {
            "left": counted.filter(seats_active__lt=F("capacity")),
            "full": counted.filter(seats_active__gte=F("capacity")),
            "over": counted.filter(seats_active__gt=F("capacity")),
            "waited_for": counted.filter(readers_wait__gt=0),
        }
        return chosen.get(self.value() or "", queryset)


@admin.register(LiveSession)
class LiveSessionAdmin(OwnSessionsAdmin, AuditedAdmin):
    form = LiveSessionForm
    list_display = ["title", "section", "starts_at", "state", "taken", "held", "waiting", "capacity"]
    list_filter = ["state", ComingFilter, SeatsFilter, "section"]
    search_fields = ["title", "question"]
    ordering = ["starts_at", "id"]
    date_hierarchy = "starts_at"
    filter_horizontal = ["hosts"]
    actions = ["publish", "release"]
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}
    fieldsets = [
        ("What readers read", {"fields": ["title", "section", "question", "description", "hosts"]}),
        ("When, and for how many", {"fields": ["starts_at", "duration_minutes", "capacity"]}),
        ("Where it meets", {"fields": ["meeting_url"]}),
    ]
    standing = ("How it stands", {"fields": ["state", "slug"]})

    def get_queryset(self, request: HttpRequest) -> QuerySet[LiveSession]:
        return with_seat_counts(super().get_queryset(request))

    def get_fieldsets(self, request: HttpRequest, obj: LiveSession | None = None) -> Any:
        """Of a new one only what is to be filled in: its state and its address make themselves."""
        return self.fieldsets if obj is None else [*self.fieldsets, self.standing]

    @admin.display(ordering="seats_taken")
    def taken(self, live_session: Any) -> int:
        return int(live_session.seats_taken)

    @admin.display(ordering="seats_held")
    def held(self, live_session: Any) -> int:
        return int(live_session.seats_held)

    @admin.display(ordering="waiting")
    def waiting(self, live_session: Any) -> int:
        return int(live_session.waiting)

    def get_readonly_fields(self, request: HttpRequest, obj: LiveSession | None = None) -> list[str]:
        """Once readers can see it, its time is a promise: it is not changed in a form."""
        is_draft = obj is None or obj.state == LiveSession.State.DRAFTED
        return ["state", "slug"] if is_draft else ["state", "slug", "starts_at", "duration_minutes"]

    def has_delete_permission(self, request: HttpRequest, obj: LiveSession | None = None) -> bool:
        is_draft = obj is None or obj.state == LiveSession.State.DRAFTED
        return is_draft and super().has_delete_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: LiveSession, form: ModelForm, change: bool) -> None:
        """Inside the transaction that Django opens for its form. Says what a changed capacity comes to."""
        actor, now = signed_in(request), clock.now()
        if not change:
            give_address(obj)
            obj.save()
            audit.record(actor=actor, verb="created", target=obj, detail={"fields": sorted(form.changed_data)}, now=now)
            return
        change_live_session(live_session=obj, changed=form.changed_data, actor=actor, now=now)
        if "capacity" in form.changed_data and obj.state == LiveSession.State.PUBLISHED:
            counts = seat_counts(obj)
            words = words_after_capacity(obj, counts, offers_that_follow(obj, counts, now))
            if words:
                self.message_user(request, words, messages.WARNING)

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
