"""What stays of an hour, as staff add it, and what attendees thought of it."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse

from redreport import clock
from redreport.accounts.selectors import signed_in
from redreport.audit.read_only import ReadOnlyAdmin
from sessions_live.admin.own_sessions import OwnSessionsAdmin
from sessions_live.forms import MaterialForm
from sessions_live.models import Feedback, Material
from sessions_live.operations.materials import add_material, change_material, remove_material


@admin.register(Material)
class MaterialAdmin(admin.ModelAdmin):
    form = MaterialForm
    list_display = ["title", "kind", "live_session", "file_name", "added_at"]
    list_filter = ["kind"]
    list_select_related = ["live_session"]
    search_fields = ["title", "live_session__title"]
    autocomplete_fields = ["live_session"]

    def get_fields(self, request: HttpRequest, obj: Material | None = None) -> list[Any]:
        """What was added keeps its file and its session: another file is another material."""
        if obj is None:
            return ["live_session", "kind", "title", "file", "url", "position"]
        return ["live_session", "kind", "title", "file_name" if obj.file else "url", "position"]

    def get_readonly_fields(self, request: HttpRequest, obj: Material | None = None) -> list[str]:
        return [] if obj is None else ["live_session", "file_name"]

    @admin.display(description="file")
    def file_name(self, material: Material) -> str:
        return (material.file.name or "").rsplit("/", 1)[-1] or "–"

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Django's own opens a transaction around it, in which a large file would be sent to a store far away."""
        view: HttpResponse = self._changeform_view(request, object_id, form_url, extra_context)  # type: ignore[attr-defined]
        return view

    def save_model(self, request: HttpRequest, obj: Material, form: ModelForm, change: bool) -> None:
        actor, now = signed_in(request), clock.now()
        if not change:
            add_material(material=obj, actor=actor, now=now)
        elif form.changed_data:
            change_material(material=obj, fields=form.changed_data, actor=actor, now=now)

    def delete_model(self, request: HttpRequest, obj: Material) -> None:
        remove_material(material_id=obj.pk, actor=signed_in(request), now=clock.now())

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions


@admin.register(Feedback)
class FeedbackAdmin(OwnSessionsAdmin, ReadOnlyAdmin):
    """To read: ratings and comments, without the name of who gave them."""

    path_to_session = "seat__live_session"
    list_display = ["live_session", "rating", "comment", "given_at"]
    list_filter = ["rating"]
    search_fields = ["seat__live_session__title", "comment"]
    fields = ["live_session", "rating", "comment", "given_at"]
    ordering = ["-given_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Feedback]:
        return super().get_queryset(request).select_related("seat__live_session")

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Not by seat: the questions of that seat have a name beside them."""
        return not lookup.startswith("seat") and super().lookup_allowed(lookup, value, request)

    @admin.display(ordering="seat__live_session__starts_at")
    def live_session(self, feedback: Feedback) -> str:
        return feedback.seat.live_session.title
