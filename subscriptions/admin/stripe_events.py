"""Stripe's inbox: what it told us, what became of it, and acting on it anew."""

import json
from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from redreport import clock
from redreport.accounts.selectors import signed_in
from redreport.audit.read_only import ReadOnlyAdmin
from redreport.dispatch import hand_to_worker
from subscriptions.errors import EventNotActedOn
from subscriptions.models import Reconciliation, StripeEvent
from subscriptions.tasks import process_event_task
from subscriptions.webhooks.inbox import replay_event

REASON_LENGTH = 200


class ReplayForm(ActionForm):
    """Beside the choice of the action: why."""

    reason = forms.CharField(max_length=REASON_LENGTH, required=False, label="Why")


class ReasonForm(forms.Form):
    """Why events are replayed, as it comes from any of the buttons."""

    reason = forms.CharField(max_length=REASON_LENGTH)


@admin.register(StripeEvent)
class StripeEventAdmin(ReadOnlyAdmin):
    action_form = ReplayForm
    actions = ["replay"]
    list_display = ["received_at", "type", "object_id", "state", "attempts", "error", "due_at", "replay_button"]
    list_filter = ["state", "type"]
    search_fields = ["stripe_event_id", "object_id", "type"]
    date_hierarchy = "received_at"
    fields = [
        *["stripe_event_id", "type", "object_id", "state", "attempts", "error"],
        *["occurred_at", "received_at", "due_at", "processed_at", "api_version", "livemode", "told"],
    ]
    readonly_fields = ["told"]
    change_form_template = "admin/subscriptions/stripe_event.html"

    def has_replay_permission(self, request: HttpRequest) -> bool:
        """Who may have events acted on anew."""
        return request.user.has_perm("subscriptions.change_stripeevent")

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        return [name for name in self.list_display if name != "replay_button" or self.has_replay_permission(request)]

    def get_urls(self) -> list[URLPattern]:
        replay = path(
            "<int:event_id>/replay/", self.admin_site.admin_view(self.replay_one), name="subscriptions_stripeevent_replay"
        )
        return [replay, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {"may_replay": self.has_replay_permission(request), "reason_length": REASON_LENGTH, **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)

    def replay_one(self, request: HttpRequest, event_id: int) -> HttpResponse:
        """The button in a row, and the one on an event's own page."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_replay_permission(request):
            raise PermissionDenied
        self._replay(request, StripeEvent.objects.filter(pk=event_id))
        return HttpResponseRedirect(reverse("admin:subscriptions_stripeevent_changelist"))

    @admin.action(description="Replay: fetch the object and act on it anew", permissions=["replay"])
    def replay(self, request: HttpRequest, queryset: QuerySet[StripeEvent]) -> None:
        self._replay(request, queryset)

    def _replay(self, request: HttpRequest, events: Iterable[StripeEvent]) -> None:
        form = ReasonForm(request.POST)
        if not form.is_valid():
            self.message_user(request, "Nothing was replayed: write why, in a few words.", messages.ERROR)
            return
        reason = form.cleaned_data["reason"]
        replayed = 0
        for event in events:
            try:
                replay_event(event_id=event.pk, actor=signed_in(request), reason=reason, now=clock.now())
            except EventNotActedOn:
                self.message_user(
                    request, f"Nothing happens on {event.type}: the program does nothing for it, so it was not replayed."
                )
            else:
                hand_to_worker(process_event_task, event.pk)
                replayed += 1
        if replayed:
            self.message_user(request, f"Replayed: {replayed}. A worker acts on it within a minute.", messages.SUCCESS)

    @admin.display(description="")
    def replay_button(self, event: StripeEvent) -> str:
        # It sends the list's own form, with its token and the reason typed above, to the row's address.
        address = reverse("admin:subscriptions_stripeevent_replay", args=[event.pk])
        return format_html('<button type="submit" class="button" formaction="{}">Replay</button>', address)

    @admin.display(description="told, without personal data")
    def told(self, event: StripeEvent) -> str:
        return format_html("<pre>{}</pre>", json.dumps(event.payload, indent=2, sort_keys=True))


@admin.register(Reconciliation)
class ReconciliationAdmin(ReadOnlyAdmin):
    list_display = ["started_at", "finished_at", "since", "found", "fixed", "cases"]
    date_hierarchy = "started_at"
    fields = ["started_at", "finished_at", "since", "found", "fixed", "cases", "differences"]
    readonly_fields = ["differences"]

    @admin.display
    def differences(self, run: Reconciliation) -> str:
        return format_html("<pre>{}</pre>", "\n".join(run.lines) or "none")
