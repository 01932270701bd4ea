"""What a person must decide."""

from django.contrib import admin

from redreport.audit.read_only import ReadOnlyAdmin
from subscriptions.models import Case


@admin.register(Case)
class CaseAdmin(ReadOnlyAdmin):
    list_display = ["opened_at", "kind", "summary", "state", "order"]
    list_filter = ["state", "kind"]
    search_fields = ["summary", "order__number", "subscriber__user__email"]
    list_select_related = ["order"]
