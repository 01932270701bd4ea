"""Credits, to be looked at."""

from django.contrib import admin

from redreport.audit.exporting import ExportableAdmin
from redreport.audit.read_only import ReadOnlyAdmin
from subscriptions.admin.exports import CreditEntryExport
from subscriptions.models import CreditEntry, CreditGrant


@admin.register(CreditGrant)
class CreditGrantAdmin(ReadOnlyAdmin):
    list_display = ["owner", "credits", "balance", "valid_from", "expires_at", "stripe_invoice_line_id"]
    search_fields = ["subscriber__user__email", "subscriber__firm", "stripe_invoice_line_id"]
    list_select_related = ["subscriber__user"]

    @admin.display(ordering="subscriber__user__email")
    def owner(self, grant: CreditGrant) -> str:
        return grant.subscriber.user.email


@admin.register(CreditEntry)
class CreditEntryAdmin(ExportableAdmin, ReadOnlyAdmin):
    export = CreditEntryExport
    list_display = ["at", "owner", "kind", "delta", "balance_after", "session", "reason"]
    list_filter = ["kind"]
    search_fields = ["grant__subscriber__user__email", "grant__subscriber__firm", "reason"]
    list_select_related = ["grant__subscriber__user", "seat__live_session"]
    date_hierarchy = "at"

    @admin.display(ordering="grant__subscriber__user__email")
    def owner(self, entry: CreditEntry) -> str:
        return entry.grant.subscriber.user.email

    @admin.display
    def session(self, entry: CreditEntry) -> str:
        return entry.seat.live_session.title if entry.seat else ""
