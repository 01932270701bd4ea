"""Money, to be looked at. Nothing here is changed by hand: operations do that, with a trace."""

from django.contrib import admin

from redreport.audit.exporting import ExportableAdmin
from redreport.audit.read_only import ReadOnlyAdmin
from redreport.money import format_money
from subscriptions.admin.evidence import EvidenceDownload
from subscriptions.admin.exports import OrderExport, PaymentExport, RefundExport, SubscriberExport
from subscriptions.models import (
    Order,
    Payment,
    Price,
    Refund,
    Subscriber,
)
from subscriptions.order_words import what_text


class AmountColumn:
    """Shows a row's amount as readers see it."""

    @admin.display(ordering="amount_minor")
    def amount(self, row: Order | Payment | Refund | Price) -> str:
        return format_money(row.amount_minor, row.currency)


@admin.register(Subscriber)
class SubscriberAdmin(ExportableAdmin, ReadOnlyAdmin):
    export = SubscriberExport
    list_display = ["user", "billing_name", "firm", "stripe_customer_id", "created_at"]
    search_fields = ["user__email", "user__name", "firm", "billing_name", "stripe_customer_id"]
    list_select_related = ["user"]


@admin.register(Price)
class PriceAdmin(AmountColumn, ReadOnlyAdmin):
    list_display = ["plan", "amount", "interval", "is_current", "livemode", "stripe_price_id"]


class PaymentInline(AmountColumn, admin.TabularInline):
    model = Payment
    fields = ("stripe_payment_intent_id", "amount", "captured_at")
    readonly_fields = ("stripe_payment_intent_id", "amount", "captured_at")
    extra = 0
    can_delete = False

    def has_add_permission(self, *args: object) -> bool:
        return False


@admin.register(Order)
class OrderAdmin(AmountColumn, EvidenceDownload, ExportableAdmin, ReadOnlyAdmin):
    export = OrderExport
    list_display = ["number", "buyer", "kind", "what", "amount", "state", "created_at", "paid_at", "fulfilled_at"]
    list_filter = ["state", "kind"]
    search_fields = ["number", "subscriber__user__email", "subscriber__firm", "stripe_checkout_session_id"]
    list_select_related = ["subscriber__user", "live_session"]
    date_hierarchy = "created_at"
    inlines = [PaymentInline]
    exclude = ["checkout_url"]
    readonly_fields = ["evidence"]

    def payments_of(self, row: Order) -> list[Payment]:
        return list(row.payments.order_by("id"))

    @admin.display(ordering="subscriber__user__email")
    def buyer(self, order: Order) -> str:
        return order.subscriber.user.email

    @admin.display(ordering="live_session__title")
    def what(self, order: Order) -> str:
        return what_text(order)


@admin.register(Payment)
class PaymentAdmin(AmountColumn, ExportableAdmin, ReadOnlyAdmin):
    export = PaymentExport
    list_display = ["stripe_payment_intent_id", "order", "amount", "refunded", "captured_at"]
    search_fields = ["stripe_payment_intent_id", "stripe_charge_id", "order__number", "subscriber__user__email"]
    list_select_related = ["order"]
    date_hierarchy = "captured_at"

    @admin.display(ordering="refunded_minor")
    def refunded(self, payment: Payment) -> str:
        return format_money(payment.refunded_minor, payment.currency)


@admin.register(Refund)
class RefundAdmin(AmountColumn, ExportableAdmin, ReadOnlyAdmin):
    export = RefundExport
    list_display = ["payment", "order_number", "amount", "reason", "state", "attempts", "created_at"]
    list_filter = ["state", "reason"]
    search_fields = ["stripe_refund_id", "payment__order__number", "payment__stripe_payment_intent_id"]
    list_select_related = ["payment__order"]

    @admin.display(description="order")
    def order_number(self, refund: Refund) -> str:
        return refund.payment.order.number if refund.payment.order else ""
