"""Admin pages in which staff change rows by hand: each change leaves its trace, in the transaction that makes it."""

from typing import Any

from django.contrib import admin
from django.db import transaction
from django.db.models import Model
from django.forms import ModelForm
from django.http import HttpRequest

from redreport import audit, clock


class AuditedAdmin(admin.ModelAdmin):
    """Adds, changes and deletes one row at a time, and writes down who did, and which fields were changed."""

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm, change: bool) -> None:
        with transaction.atomic():
            super().save_model(request, obj, form, change)
            if not change or form.changed_data:
                self.write_down(request, obj, "changed" if change else "created", {"fields": sorted(form.changed_data)})

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        with transaction.atomic():
            self.write_down(request, obj, "deleted", {"was": str(obj)})
            super().delete_model(request, obj)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Django's own way to delete many at once asks none of the above."""
        actions: dict[str, Any] = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def write_down(self, request: HttpRequest, obj: Model, verb: str, detail: dict[str, Any]) -> None:
        audit.record(actor=request.user, verb=verb, target=obj, detail=detail, now=clock.now())
