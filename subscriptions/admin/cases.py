"""What a person must decide: what happened, what is proposed, what it is about, and the buttons that settle it."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.http import urlencode

from redreport import clock
from redreport.accounts.selectors import signed_in
from redreport.audit.read_only import ReadOnlyAdmin
from redreport.money import format_money
from redreport.outbox.errors import ContentGone, NotFailed
from redreport.wording import house_time, roughly
from sessions_live.errors import AlreadySeated, SalesClosed, SoldOut
from subscriptions.admin.case_buttons import BUTTONS, Button, offered_buttons
from subscriptions.errors import (
    AmountChanged,
    CaseAlreadySettled,
    NoRemedy,
    PaymentDisputed,
    RefundNotFailed,
    RefundTooLarge,
    YearNotRunning,
)
from subscriptions.models import Case
from subscriptions.operations.case_money import REFUNDABLE, waits_for_bank
from subscriptions.selectors import at_stake

REFUSALS: dict[type[Exception], str] = {
    CaseAlreadySettled: "This case was settled meanwhile. Nothing was done.",
    NoRemedy: "There is nothing left to do about it this way. Nothing was done.",
    PaymentDisputed: "The bank has the money because of a dispute: a refund would pay it out twice. Nothing was done.",
    RefundNotFailed: "This refund has not failed. Nothing was done.",
    RefundTooLarge: "That is more than is left: something may have gone back meanwhile. Nothing was done.",
    AmountChanged: "What is left of the payment has changed since you saw it. Nothing was done: read the case again.",
    YearNotRunning: "The year has ended meanwhile. Nothing was done.",
    AlreadySeated: "This address has a seat in that session already. Nothing was done.",
    SoldOut: "No seat is left in that session. Nothing was done.",
    SalesClosed: "That session has begun or takes place no more. Nothing was done.",
    NotFailed: "The mail has gone out, or came back: sending it again to the same address is of no use. Nothing was done.",
    ContentGone: "What the mail said is gone, such as a code. Nothing was done.",
}


class StateFilter(admin.SimpleListFilter):
    """The open ones, unless another choice is made: they are what there is to do."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("settled", "settled"), ("all", "all")]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        yield {
            "selected": self.value() is None,
            "query_string": changelist.get_query_string(remove=[self.parameter_name]),
            "display": "open",
        }
        yield from list(super().choices(changelist))[1:]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Case]) -> QuerySet[Case]:
        if self.value() == "all":
            return queryset
        return queryset.filter(state=Case.State.SETTLED if self.value() == "settled" else Case.State.OPENED)


@admin.register(Case)
class CaseAdmin(ReadOnlyAdmin):
    change_form_template = "admin/subscriptions/case/change_form.html"
    list_display = ["kind", "summary", "since", "amount", "order", "state", "settled_by"]
    list_display_links = ["kind", "summary"]
    list_filter = [StateFilter, "kind", "opened_at"]
    search_fields = ["summary", "resolution", "order__number", "subscriber__user__email", "payment__stripe_payment_intent_id"]
    list_select_related = ["order", "settled_by", "payment", "refund", "dispute", "seat__coverage"]
    ordering = ["opened_at", "id"]
    readonly_fields = [
        *["opened", "amount", "paid_back", "about_subscriber", "about_order", "about_payment", "about_refund", "about_dispute"],
        *["about_subscription", "about_seat", "about_mail", "settled"],
    ]
    fields = [
        *["kind", "state", "opened", "summary", "proposal", "amount"],
        *["about_subscriber", "about_order", "about_payment", "about_refund", "about_dispute"],
        *["about_subscription", "about_seat", "about_mail"],
        *["settled", "settled_by", "outcome", "paid_back", "resolution"],
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Case]:
        related = ("subscriber__user", "order", "payment", "refund", "dispute", "subscription", "seat__live_session", "mail")
        return super().get_queryset(request).select_related(*related, "seat__coverage")

    def get_fields(self, request: HttpRequest, obj: Case | None = None) -> Any:
        """What the case has: most are about one or two of all these rows."""
        return [str(name) for name in self.fields if obj is None or _says_something(self, obj, str(name))]

    def may_settle(self, request: HttpRequest) -> bool:
        """The buttons are for those who may change cases, though nobody may in the form."""
        return signed_in(request).has_perm("subscriptions.change_case")

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(f"<int:pk>/{button.step}/", self.admin_site.admin_view(partial(self.act, button=button)), name=button.url_name)
            for button in BUTTONS
        ]
        return [*own, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        case = self.get_object(request, object_id)
        offered = {}
        if case and case.state == Case.State.OPENED and self.may_settle(request):
            offered = {
                "buttons": offered_buttons(case, signed_in(request)),
                "ways": list(ways_from(case)),
                "waits_for_bank": case.kind in REFUNDABLE and waits_for_bank(case),
            }
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **offered})

    def act(self, request: HttpRequest, pk: int, button: Button) -> HttpResponse:
        """Carry out what a button asks for and say what came of it."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.may_settle(request) or not button.is_for(signed_in(request)):
            raise PermissionDenied
        form = button.form_of(request.POST, get_object_or_404(Case, pk=pk))
        if not form.is_valid():
            self.message_user(request, button.incomplete, messages.ERROR)
            return redirect("admin:subscriptions_case_change", pk)
        try:
            button.act(case_id=pk, actor=signed_in(request), now=clock.now(), **form.cleaned_data)
        except tuple(REFUSALS) as refusal:
            self.message_user(request, REFUSALS[type(refusal)], messages.ERROR)
        else:
            self.message_user(request, button.done, messages.SUCCESS)
        return redirect("admin:subscriptions_case_change", pk)

    @admin.display(ordering="opened_at")
    def since(self, case: Case) -> str:
        waits = f", {roughly(clock.now() - case.opened_at)}" if case.state == Case.State.OPENED else ""
        return f"{house_time(case.opened_at)}{waits}"

    @admin.display(description="opened at")
    def opened(self, case: Case) -> str:
        return house_time(case.opened_at)

    @admin.display(description="settled at")
    def settled(self, case: Case) -> str:
        return house_time(case.settled_at) if case.settled_at else "-"

    @admin.display(description="paid back past Stripe")
    def paid_back(self, case: Case) -> str:
        return format_money(case.paid_back_minor, case.paid_back_currency) if case.paid_back_minor else "-"

    @admin.display(description="at stake")
    def amount(self, case: Case) -> str:
        stake = at_stake(case)
        return format_money(*stake) if stake else "-"

    @admin.display(description="subscriber")
    def about_subscriber(self, case: Case) -> str:
        return format_html("{}, {}", _link(case.subscriber), case.subscriber.user.email) if case.subscriber else "-"

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

    @admin.display(description="seat")
    def about_seat(self, case: Case) -> str:
        if case.seat is None:
            return "-"
        words = f"{case.seat.attendee_name}, {case.seat.live_session.title}"
        return format_html('<a href="{}">{}</a>', _address("desk_seat", case.seat_id), words)

    @admin.display(description="mail")
    def about_mail(self, case: Case) -> str:
        return _link(case.mail)


def ways_from(case: Case) -> Iterator[tuple[str, str]]:
    """Where else the case may be settled: words and address of each page that stands for it."""
    if case.subscription and case.subscription.is_live:
        reason = urlencode({"reason": case.summary[:200]})
        yield (
            "End this year, with or without a refund",
            f"{_address('subscriptions_subscription_end', case.subscription_id)}?{reason}",
        )
    if case.kind in (Case.Kind.UNKNOWN_INVOICE, Case.Kind.AMOUNT_MISMATCH):
        yield "Grant credits by hand", _address("desk_grant_credits")
    if case.seat_id:
        yield "The story of the seat: hand it over, send its mails again, cancel it", _address("desk_seat", case.seat_id)
    if case.kind == Case.Kind.MAIL_BOUNCED and case.subscriber:
        yield "Correct the address of the account", _address("accounts_user_change", case.subscriber.user_id)
    if case.dispute:
        yield "The dispute, with the evidence pack", _address("subscriptions_dispute_change", case.dispute_id)
    if case.payment:
        mode = "" if settings.STRIPE_LIVEMODE else "test/"
        yield "The payment in Stripe", f"https://dashboard.stripe.com/{mode}payments/{case.payment.stripe_payment_intent_id}"


def _says_something(case_admin: CaseAdmin, case: Case, name: str) -> bool:
    show = getattr(case_admin, name, None)
    return bool(getattr(case, name) if show is None else show(case) != "-")


def _link(row: Model | None) -> str:
    if row is None:
        return "-"
    address = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    return format_html('<a href="{}">{}</a>', address, row)


def _address(name: str, *args: object) -> str:
    """Of a page in the admin: one of this app's, or of the desk's, which is known here by its name alone."""
    return reverse(f"admin:{name}", args=args)
