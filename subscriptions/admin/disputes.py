"""Disputes, to be looked at and answered in Stripe; the evidence for that is downloaded here."""

from django.contrib import admin

from redreport.audit.read_only import ReadOnlyAdmin
from redreport.money import format_money
from subscriptions.admin.evidence import EvidenceDownload
from subscriptions.models import Dispute, Payment


@admin.register(Dispute)
class DisputeAdmin(EvidenceDownload, ReadOnlyAdmin):
    list_display = ["opened_at", "payment", "amount", "reason", "status", "evidence_due_at", "closed_at"]
    list_filter = ["status", "reason"]
    search_fields = ["stripe_dispute_id", "payment__stripe_payment_intent_id", "payment__order__number"]
    list_select_related = ["payment"]
    readonly_fields = ["evidence"]

    def payments_of(self, row: Dispute) -> list[Payment]:
        return [row.payment]

    @admin.display(ordering="amount_minor")
    def amount(self, dispute: Dispute) -> str:
        return format_money(dispute.amount_minor, dispute.currency)
