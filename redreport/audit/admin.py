"""The audit trail, to be read."""

from django.contrib import admin

from redreport.audit.models import AuditEntry
from redreport.audit.read_only import ReadOnlyAdmin


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ("at", "who", "verb", "target_type", "target_id", "reason")
    list_filter = ("verb", "target_type")
    search_fields = ("target_id", "reason", "actor__email")
    list_select_related = ("actor",)
    date_hierarchy = "at"

    @admin.display(description="who", ordering="actor__email")
    def who(self, entry: AuditEntry) -> str:
        return str(entry.actor) if entry.actor else entry.actor_label
