"""Stripe's inbox."""

from django.contrib import admin

from redreport.audit.read_only import ReadOnlyAdmin
from subscriptions.models import StripeEvent


@admin.register(StripeEvent)
class StripeEventAdmin(ReadOnlyAdmin):
    list_display = ["received_at", "type", "object_id", "state", "attempts", "error", "due_at"]
    list_filter = ["state", "type"]
    search_fields = ["stripe_event_id", "object_id", "type"]
    date_hierarchy = "received_at"
