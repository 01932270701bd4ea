"""What a person must decide: what happened, what is proposed, what it is about, and the buttons that settle it."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from redreport import clock
from redreport.accounts.selectors import signed_in
from redreport.audit.read_only import ReadOnlyAdmin
from redreport.money import format_money
from subscriptions.errors import CaseAlreadySettled, NoRemedy, PaymentDisputed, RefundNotFailed, RefundTooLarge
from subscriptions.forms import RefundRestForm, SettleCaseForm
from subscriptions.models import Case
from subscriptions.operations.case_actions import (
    can_refund_rest,
    can_retry_refund,
    left_to_refund,
    refund_rest_of_case,
    retry_refund_of_case,
)
from subscriptions.operations.cases import settle_case

REFUSALS: dict[type[Exception], str] = {
    CaseAlreadySettled: "This case was settled meanwhile. Nothing was done.",
    NoRemedy: "There is nothing left to refund. Nothing was done.",
    PaymentDisputed: "The bank has the money because of a dispute: a refund would pay it out twice. Nothing was done.",
    RefundNotFailed: "This refund has not failed. Nothing was done.",
    RefundTooLarge: "The money went back in another way meanwhile. Nothing was done.",
}


@admin.register(Case)
class CaseAdmin(ReadOnlyAdmin):
    change_form_template = "admin/subscriptions/case/change_form.html"
    list_display = ["opened_at", "kind", "summary", "state", "order", "settled_by"]
    list_filter = ["state", "kind", "opened_at"]
    search_fields = ["summary", "resolution", "order__number", "subscriber__user__email", "payment__stripe_payment_intent_id"]
    list_select_related = ["order", "settled_by"]
    date_hierarchy = "opened_at"
    readonly_fields = ["about_subscriber", "about_order", "about_payment", "about_refund", "about_dispute", "about_subscription"]
    fields = [
        *["kind", "state", "opened_at", "summary", "proposal"],
        *readonly_fields,
        *["settled_at", "settled_by", "resolution"],
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Case]:
        related = ("subscriber", "order", "payment", "refund", "dispute", "subscription")
        return super().get_queryset(request).select_related(*related)

    def may_settle(self, request: HttpRequest) -> bool:
        """The buttons are for those who may change cases, though nobody may in the form."""
        return signed_in(request).has_perm("subscriptions.change_case")

    def get_urls(self) -> list[URLPattern]:
        steps: list[tuple[str, Callable[..., HttpResponse]]] = [
            ("settle", self.settle),
            ("retry-refund", self.retry_refund),
            ("refund-rest", self.refund_rest),
        ]
        own = [
            path(f"<int:pk>/{step}/", self.admin_site.admin_view(view), name=f"subscriptions_case_{step.replace('-', '_')}")
            for step, view in steps
        ]
        return [*own, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        case = self.get_object(request, object_id)
        buttons = self._buttons(case) if case and case.state == Case.State.OPENED and self.may_settle(request) else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **buttons})

    def _buttons(self, case: Case) -> dict[str, Any]:
        """What the page of an open case offers; its forms are made anew each time."""
        payment = case.payment
        return {
            "settle_form": SettleCaseForm(),
            "can_retry_refund": can_retry_refund(case),
            "refund_rest_form": RefundRestForm(initial={"request_id": uuid4()}) if can_refund_rest(case) else None,
            "left": format_money(left_to_refund(case), payment.currency) if payment else "",
            "is_about_one_seat": case.kind == Case.Kind.DISPUTED_RESTITUTION,
        }

    def settle(self, request: HttpRequest, pk: int) -> HttpResponse:
        form = SettleCaseForm(request.POST)
        if self._is_sent(request) and not form.is_valid():
            self.message_user(request, "Write how it was settled.", messages.ERROR)
            return _back_to(pk)
        return self._act(request, pk, lambda **who: settle_case(resolution=form.cleaned_data["resolution"], **who))

    def retry_refund(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._act(request, pk, retry_refund_of_case)

    def refund_rest(self, request: HttpRequest, pk: int) -> HttpResponse:
        form = RefundRestForm(request.POST)
        if self._is_sent(request) and not form.is_valid():
            self.message_user(request, "Open the case again and use its button.", messages.ERROR)
            return _back_to(pk)
        return self._act(request, pk, lambda **who: refund_rest_of_case(request_id=form.cleaned_data["request_id"], **who))

    def _is_sent(self, request: HttpRequest) -> bool:
        """Whether somebody who may settle has sent a form: anybody else is refused before it is looked at."""
        return request.method == "POST" and self.may_settle(request)

    def _act(self, request: HttpRequest, pk: int, operation: Callable[..., object]) -> HttpResponse:
        """Carry out what a button asks for and say what came of it."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.may_settle(request):
            raise PermissionDenied
        get_object_or_404(Case, pk=pk)
        try:
            operation(case_id=pk, actor=signed_in(request), now=clock.now())
        except tuple(REFUSALS) as refusal:
            self.message_user(request, REFUSALS[type(refusal)], messages.ERROR)
        else:
            self.message_user(request, "Settled.", messages.SUCCESS)
        return _back_to(pk)

    @admin.display(description="subscriber")
    def about_subscriber(self, case: Case) -> str:
        return _link(case.subscriber)

    @admin.display(description="order")
    def about_order(self, case: Case) -> str:
        return _link(case.order)

    @admin.display(description="payment")
    def about_payment(self, case: Case) -> str:
        return _link(case.payment)

    @admin.display(description="refund")
    def about_refund(self, case: Case) -> str:
        return _link(case.refund)

    @admin.display(description="dispute")
    def about_dispute(self, case: Case) -> str:
        return _link(case.dispute)

    @admin.display(description="subscription")
    def about_subscription(self, case: Case) -> str:
        return _link(case.subscription)


def _link(row: Model | None) -> str:
    if row is None:
        return "-"
    address = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    return format_html('<a href="{}">{}</a>', address, row)


def _back_to(pk: int) -> HttpResponse:
    return redirect("admin:subscriptions_case_change", pk)
