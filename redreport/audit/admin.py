"""The audit trail, to be read."""

import json

from django.apps import apps
from django.contrib import admin
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.text import capfirst

from redreport.audit.models import AuditEntry
from redreport.audit.read_only import ReadOnlyAdmin


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """Who did what to which row, and why; each line leads to the page of what it is about, where that has one."""

    list_display = ("at", "who", "what", "about", "reason")
    list_filter = ("verb", "target_type")
    search_fields = ("verb", "target_id", "reason", "actor__email", "actor__name", "actor_label")
    list_select_related = ("actor",)
    date_hierarchy = "at"
    list_per_page = 50
    # To count a trail of years takes longer than to read a page of it.
    show_full_result_count = False
    fields = ("at", "who", "what", "about", "reason", "told")
    readonly_fields = fields

    @admin.display(description="who", ordering="actor__email")
    def who(self, entry: AuditEntry) -> str:
        return str(entry.actor) if entry.actor else entry.actor_label

    @admin.display(description="what", ordering="verb")
    def what(self, entry: AuditEntry) -> str:
        return entry.verb.replace("_", " ")

    @admin.display(description="about", ordering="target_id")
    def about(self, entry: AuditEntry) -> str:
        address = _page_of(entry)
        words = f"{_name_of(entry.target_type)} {entry.target_id}"
        return format_html('<a href="{}">{}</a>', address, words) if address else words

    @admin.display(description="in detail")
    def told(self, entry: AuditEntry) -> str:
        return format_html("<pre>{}</pre>", json.dumps(entry.detail, indent=2, sort_keys=True, ensure_ascii=False))


def _name_of(target_type: str) -> str:
    """'Live session'; a table that is no more keeps its technical name."""
    try:
        return capfirst(str(apps.get_model(target_type)._meta.verbose_name))
    except LookupError:
        return target_type


def _page_of(entry: AuditEntry) -> str | None:
    """The row's own page, or the one that the desk has for such rows. What was deleted has none."""
    if entry.verb == "deleted":
        return None
    app_label, _, model = entry.target_type.partition(".")
    for name in (f"admin:{app_label}_{model}_change", f"admin:desk_{model}"):
        try:
            return reverse(name, args=[entry.target_id])
        except NoReverseMatch:
            continue
    return None
