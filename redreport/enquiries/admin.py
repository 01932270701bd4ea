"""Enquiries as the desk sees them: to read, and to mark as answered."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from redreport import clock
from redreport.accounts.selectors import signed_in
from redreport.audit.read_only import ReadOnlyAdmin
from redreport.enquiries.models import Enquiry
from redreport.enquiries.operations import mark_enquiry

# The actions of the list that stand on an enquiry's own page.
MARKS_OF_NEW = [("mark_answered", "Mark as answered"), ("mark_closed", "Close without an answer")]
MARKS_OF_HANDLED = [("open_again", "Open again")]


@admin.register(Enquiry)
class EnquiryAdmin(ReadOnlyAdmin):
    """What was written stays as it was written; its state is changed by the buttons of list and page, and written down."""

    change_form_template = "admin/enquiries/enquiry/change_form.html"
    list_display = ["reference", "firm", "name", "email", "state", "created_at", "handled_by", "handled_at"]
    list_filter = ["state", "created_at"]
    list_select_related = ["handled_by"]
    search_fields = ["reference", "name", "firm", "email", "need"]
    fields = [
        *["reference", "created_at", "name", "firm", "email", "need", "scope"],
        *["state", "handled_by", "handled_at"],
    ]
    actions = ["mark_answered", "mark_closed", "open_again"]

    def has_mark_permission(self, request: HttpRequest) -> bool:
        """The buttons are for those who may change enquiries, though nobody may in a form."""
        return signed_in(request).has_perm("enquiries.change_enquiry")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        enquiry = self.get_object(request, object_id)
        is_open = enquiry is not None and enquiry.state == Enquiry.State.NEW
        own = {"may_mark": self.has_mark_permission(request), "marks": MARKS_OF_NEW if is_open else MARKS_OF_HANDLED}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **own})

    @admin.action(description="Mark as answered", permissions=["mark"])
    def mark_answered(self, request: HttpRequest, queryset: QuerySet[Enquiry]) -> None:
        self._mark(request, queryset, Enquiry.State.ANSWERED, "Marked as answered")

    @admin.action(description="Close without an answer", permissions=["mark"])
    def mark_closed(self, request: HttpRequest, queryset: QuerySet[Enquiry]) -> None:
        self._mark(request, queryset, Enquiry.State.CLOSED, "Closed")

    @admin.action(description="Open again", permissions=["mark"])
    def open_again(self, request: HttpRequest, queryset: QuerySet[Enquiry]) -> None:
        self._mark(request, queryset, Enquiry.State.NEW, "Opened again")

    def _mark(self, request: HttpRequest, queryset: QuerySet[Enquiry], state: str, done: str) -> None:
        actor, now = signed_in(request), clock.now()
        ids = queryset.order_by("id").values_list("id", flat=True)
        marked = sum(mark_enquiry(enquiry_id=pk, state=state, actor=actor, now=now) for pk in ids)
        if marked:
            self.message_user(request, f"{done}: {marked}.", messages.SUCCESS)
        else:
            self.message_user(request, "Nothing to do: they are so already.", messages.INFO)
