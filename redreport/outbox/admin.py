"""The outbox: what was owed to whom, what became of it and why; and another try for what failed. Never the secret, never the body
of a private mail."""

from collections.abc import Iterable
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as modern_policy
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from redreport import clock
from redreport.audit.read_only import ReadOnlyAdmin
from redreport.outbox import kinds
from redreport.outbox.errors import ContentGone, NotFailed
from redreport.outbox.models import OutgoingMail
from redreport.outbox.retry import can_retry, retry_mail
from redreport.outbox.why import why_not_sent
from redreport.wording import counted

REFUSALS = {
    NotFailed: "had not failed",
    ContentGone: "said something that is gone, such as a code: its reader can ask for a new one",
}


class KindFilter(admin.SimpleListFilter):
    """The kinds by the name that staff know."""

    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(kind.name, kind.label) for kind in kinds.known_kinds()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[OutgoingMail]) -> QuerySet[OutgoingMail]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


@admin.register(OutgoingMail)
class OutgoingMailAdmin(ReadOnlyAdmin):
    actions = ["try_again"]
    change_form_template = "admin/outbox/outgoingmail.html"
    list_display = ("kind_in_words", "recipient", "state", "why", "due_at", "sent_at", "story")
    list_filter = ("state", KindFilter, "created_at")
    search_fields = ("recipient", "key", "message_id")
    list_per_page = 50
    show_full_result_count = False
    fields = (
        *("kind_in_words", "recipient", "subject_or_private", "state", "why", "returned", "bounced_at", "story"),
        *("due_at", "attempts", "first_attempt_at", "faults", "duplicate_risk", "claimed_until", "reason", "smtp_code"),
        *("key", "message_id", "sent_at", "sent_sha256", "text_as_sent", "context", "schedule_version"),
        *("created_at", "updated_at"),
    )
    readonly_fields = ("kind_in_words", "subject_or_private", "why", "story", "text_as_sent")

    def get_queryset(self, request: HttpRequest) -> QuerySet[OutgoingMail]:
        # A page of the list is not to fetch a hundred whole mails.
        return super().get_queryset(request).defer("sent_bytes", "secret")

    def get_urls(self) -> list[URLPattern]:
        again = self.admin_site.admin_view(self.try_one_again)
        return [path("<int:pk>/try-again/", again, name="outbox_outgoingmail_try_again"), *super().get_urls()]

    def has_retry_permission(self, request: HttpRequest) -> bool:
        """Another try is for those who may change mails, though nobody may in the form."""
        return request.user.has_perm("outbox.change_outgoingmail")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        mail = self.get_object(request, object_id)
        may = mail is not None and can_retry(mail) and self.has_retry_permission(request)
        return super().change_view(request, object_id, form_url, {"may_try_again": may, **(extra_context or {})})

    def try_one_again(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The button on a mail's own page."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_retry_permission(request):
            raise PermissionDenied
        self._try_again(request, [get_object_or_404(OutgoingMail, pk=pk)])
        return HttpResponseRedirect(reverse("admin:outbox_outgoingmail_change", args=[pk]))

    @admin.action(description="Try again: those that failed", permissions=["retry"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[OutgoingMail]) -> None:
        self._try_again(request, queryset.order_by("id"))

    def _try_again(self, request: HttpRequest, mails: Iterable[OutgoingMail]) -> None:
        tried = 0
        for mail in mails:
            try:
                tried += retry_mail(mail_id=mail.pk, actor=request.user, now=clock.now())
            except tuple(REFUSALS) as refusal:
                words = f"{kinds.label_of(mail.kind)} to {mail.recipient} {REFUSALS[type(refusal)]}. It was left as it is."
                self.message_user(request, words, messages.ERROR)
        if tried:
            self.message_user(request, f"{counted(tried, 'mail')} will be tried again within a minute.", messages.SUCCESS)

    @admin.display(description="kind", ordering="kind")
    def kind_in_words(self, mail: OutgoingMail) -> str:
        return kinds.label_of(mail.kind)

    @admin.display(description="subject", ordering="subject")
    def subject_or_private(self, mail: OutgoingMail) -> str:
        return "(private)" if kinds.is_private(mail.kind) else mail.subject

    @admin.display(description="why not sent")
    def why(self, mail: OutgoingMail) -> str:
        return why_not_sent(mail)

    @admin.display(description="seat")
    def story(self, mail: OutgoingMail) -> str:
        """The way to the seat that the mail is about."""
        seat_id = mail.context.get("seat_id")
        return format_html('<a href="{}">its story</a>', reverse("admin:desk_seat", args=[seat_id])) if seat_id else "-"

    @admin.display(description="text as sent")
    def text_as_sent(self, mail: OutgoingMail) -> str:
        if kinds.is_private(mail.kind):
            return "Not kept: it held a code or a personal link."
        if mail.sent_bytes is None:
            return "Not kept."
        message = message_from_bytes(bytes(mail.sent_bytes), policy=modern_policy)
        body = message.get_body(("plain",)) if isinstance(message, EmailMessage) else None
        return str(body.get_content()) if body else ""
