"""Invoices and the mails before a renewal, to be looked at."""

from django.contrib import admin

from redreport.audit.read_only import ReadOnlyAdmin
from redreport.money import format_money
from subscriptions.models import Invoice, RenewalNotice


@admin.register(Invoice)
class InvoiceAdmin(ReadOnlyAdmin):
    list_display = ["created_at", "number", "owner", "status", "total", "billing_reason", "attempt_count", "paid_at"]
    list_filter = ["status", "billing_reason"]
    search_fields = ["number", "stripe_invoice_id", "subscriber__user__email", "subscriber__firm", "order__number"]
    list_select_related = ["subscriber__user"]
    date_hierarchy = "created_at"

    @admin.display(ordering="subscriber__user__email")
    def owner(self, invoice: Invoice) -> str:
        return invoice.subscriber.user.email

    @admin.display(ordering="total_minor")
    def total(self, invoice: Invoice) -> str:
        return format_money(invoice.total_minor, invoice.currency)


@admin.register(RenewalNotice)
class RenewalNoticeAdmin(ReadOnlyAdmin):
    list_display = ["renews_at", "owner", "mail", "attempts", "next_attempt_at", "given_up_at"]
    search_fields = ["subscription__subscriber__user__email", "subscription__stripe_subscription_id"]
    list_select_related = ["subscription__subscriber__user", "mail"]
    date_hierarchy = "renews_at"

    @admin.display(ordering="subscription__subscriber__user__email")
    def owner(self, notice: RenewalNotice) -> str:
        return notice.subscription.subscriber.user.email
