"""The years: looked at, and ended by staff after they have seen what that does."""

from decimal import Decimal
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from redreport import clock
from redreport.accounts.selectors import signed_in
from redreport.audit.read_only import ReadOnlyAdmin
from redreport.money import MINOR_PER_MAJOR, format_money
from sessions_live.errors import SeatNotTaken
from subscriptions.errors import RefundTooLarge, SeatNotOfYear
from subscriptions.forms import EndYearForm
from subscriptions.models import Subscription, SubscriptionChange
from subscriptions.operations.year_endings import YearEnding, end_year, preview_end_year, suggest_year_refund


@admin.register(Subscription)
class SubscriptionAdmin(ReadOnlyAdmin):
    list_display = [
        "subscriber_email",
        "status",
        "current_period_start",
        "current_period_end",
        "renews_again",
        "synced_at",
        "end",
    ]
    list_filter = ["status"]
    search_fields = ["subscriber__user__email", "stripe_subscription_id"]
    list_select_related = ["subscriber__user"]

    def may_end(self, request: HttpRequest) -> bool:
        """Ending is for those who may change subscriptions, though nobody may in a form."""
        return signed_in(request).has_perm("subscriptions.change_subscription")

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        return [name for name in self.list_display if name != "end" or self.may_end(request)]

    @admin.display(ordering="subscriber__user__email")
    def subscriber_email(self, subscription: Subscription) -> str:
        return subscription.subscriber.user.email

    @admin.display(boolean=True, description="renews")
    def renews_again(self, subscription: Subscription) -> bool:
        return subscription.renews

    @admin.display(description="")
    def end(self, subscription: Subscription) -> str:
        address = reverse("admin:subscriptions_subscription_end", args=[subscription.pk])
        return format_html('<a href="{}">End…</a>', address) if subscription.is_live else ""

    def get_urls(self) -> list[URLPattern]:
        end = path("<int:pk>/end/", self.admin_site.admin_view(self.end_view), name="subscriptions_subscription_end")
        return [end, *super().get_urls()]

    def end_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """First a form with the suggested refund; then what would be done; then it is done."""
        if not self.may_end(request):
            raise PermissionDenied
        subscription, now = get_object_or_404(Subscription.objects.select_related("subscriber__user"), pk=pk), clock.now()
        whole = preview_end_year(subscription_id=pk, refund_minor=0, seats_to_cancel=[], now=now)
        suggested = suggest_year_refund(subscription=subscription, now=now)
        # A case that leads here says why.
        initial = {"refund": Decimal(suggested) / MINOR_PER_MAJOR, "reason": request.GET.get("reason", "")[:200]}
        form = EndYearForm(request.POST or None, initial=initial, coming_seats=whole.seats_kept)
        preview = self._preview(form, whole) if form.is_bound and form.is_valid() else None
        if preview and "confirm" in request.POST:
            return self._end(request, form, pk)
        context = {
            **self.admin_site.each_context(request),
            "title": f"End the year of {subscription.subscriber.user.email}",
            "opts": self.opts,
            "subscription": subscription,
            "whole": whole,
            "suggested_text": format_money(suggested, whole.currency),
            "form": form,
            "preview": preview,
        }
        return render(request, "admin/subscriptions/subscription/end.html", context)

    def _preview(self, form: EndYearForm, whole: YearEnding) -> YearEnding | None:
        """What would be done, or None with the refusal told in the form."""
        try:
            return preview_end_year(subscription_id=whole.subscription.pk, now=clock.now(), **_asked(form))
        except RefundTooLarge as refusal:
            form.add_error("refund", f"No more than {format_money(refusal.left_minor, whole.currency)} is left of the payment.")
        except SeatNotOfYear:
            form.add_error("seats", "One of these seats is no longer a coming seat of this year.")
        return None

    def _end(self, request: HttpRequest, form: EndYearForm, pk: int) -> HttpResponse:
        reason = form.cleaned_data["reason"]
        try:
            change = end_year(subscription_id=pk, actor=signed_in(request), reason=reason, now=clock.now(), **_asked(form))
        except (RefundTooLarge, SeatNotOfYear, SeatNotTaken):
            self.message_user(request, "Nothing was done: something changed meanwhile. Please look again.", messages.ERROR)
            return redirect("admin:subscriptions_subscription_end", pk)
        change.refresh_from_db()
        if change.state == SubscriptionChange.State.DONE:
            self.message_user(request, "The year has ended.", messages.SUCCESS)
        else:
            self.message_user(
                request, "Written down. Stripe has not ended it yet and is asked every few minutes.", messages.WARNING
            )
        return redirect("admin:subscriptions_subscription_changelist")


def _asked(form: EndYearForm) -> dict[str, Any]:
    return {"refund_minor": form.refund_minor, "seats_to_cancel": form.cleaned_data["seats"]}


@admin.register(SubscriptionChange)
class SubscriptionChangeAdmin(ReadOnlyAdmin):
    list_display = ["created_at", "subscription", "kind", "state", "asked_by", "attempts", "next_attempt_at", "done_at"]
    list_filter = ["state", "kind"]
    search_fields = ["subscription__subscriber__user__email", "subscription__stripe_subscription_id", "reason"]
    list_select_related = ["subscription", "asked_by"]
