"""Who is booked into every session, and what came of it, to be looked at."""

from django.contrib import admin

from redreport.audit.read_only import ReadOnlyAdmin
from subscriptions.models import AutoBooking, AutoBookingAttempt


@admin.register(AutoBooking)
class AutoBookingAdmin(ReadOnlyAdmin):
    list_display = ["owner", "since"]
    search_fields = ["subscriber__user__email", "subscriber__firm"]
    list_select_related = ["subscriber__user"]

    @admin.display(ordering="subscriber__user__email")
    def owner(self, auto_booking: AutoBooking) -> str:
        return auto_booking.subscriber.user.email


@admin.register(AutoBookingAttempt)
class AutoBookingAttemptAdmin(ReadOnlyAdmin):
    list_display = ["at", "owner", "live_session", "outcome"]
    list_filter = ["outcome"]
    search_fields = ["subscriber__user__email", "subscriber__firm", "live_session__title"]
    list_select_related = ["subscriber__user", "live_session"]
    date_hierarchy = "at"

    @admin.display(ordering="subscriber__user__email")
    def owner(self, attempt: AutoBookingAttempt) -> str:
        return attempt.subscriber.user.email
