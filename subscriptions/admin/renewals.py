"""What Stripe bills, and what readers were told before it did, to be looked at."""

from django.contrib import admin

from redreport.audit.read_only import ReadOnlyAdmin
from redreport.money import format_money
from subscriptions.models import Invoice, RenewalNotice


@admin.register(Invoice)
class InvoiceAdmin(ReadOnlyAdmin):
    list_display = ["__str__", "subscriber", "status", "total", "attempt_count", "next_payment_attempt_at", "created_at"]
    list_filter = ["status", "billing_reason"]
    search_fields = ["number", "stripe_invoice_id", "subscriber__user__email"]
    list_select_related = ["subscriber"]

    @admin.display(ordering="total_minor")
    def total(self, invoice: Invoice) -> str:
        return format_money(invoice.total_minor, invoice.currency)


@admin.register(RenewalNotice)
class RenewalNoticeAdmin(ReadOnlyAdmin):
    list_display = ["renews_at", "subscriber", "mail_state", "attempts", "next_attempt_at", "given_up_at"]
    search_fields = ["subscription__stripe_subscription_id", "subscription__subscriber__user__email"]
    list_select_related = ["subscription__subscriber", "mail"]

    @admin.display(ordering="subscription__subscriber")
    def subscriber(self, notice: RenewalNotice) -> str:
        return str(notice.subscription.subscriber)

    @admin.display(ordering="mail__state", description="mail")
    def mail_state(self, notice: RenewalNotice) -> str:
        return notice.mail.state if notice.mail else ""
