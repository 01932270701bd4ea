"""What stands in the files of exported lists."""

from decimal import Decimal

from redreport.audit.exporting import Export, column
from redreport.spreadsheets import major
from subscriptions.models import CreditEntry, Order, Payment, Refund, Subscriber
from subscriptions.order_words import what_text


class OrderExport(Export):
    """Orders: what was bought by whom, and what became of it. Amounts before and after discount and tax."""

    related = ("subscriber__user", "live_session")

    number = column("Number", "number")
    buyer = column("Buyer", "subscriber__user__email")
    firm = column("Firm", "subscriber__firm")
    kind = column("Kind", "kind")
    what = column("What")
    quantity = column("Quantity", "quantity")
    amount = column("List price")
    discount = column("Discount")
    tax = column("Tax")
    total = column("Paid")
    currency = column("Currency")
    state = column("State", "state")
    created_at = column("Created at", "created_at")
    paid_at = column("Paid at", "paid_at")
    fulfilled_at = column("Given at", "fulfilled_at")

    def dehydrate_what(self, order: Order) -> str:
        return what_text(order)

    def dehydrate_amount(self, order: Order) -> Decimal | None:
        return major(order.amount_minor)

    def dehydrate_discount(self, order: Order) -> Decimal | None:
        return major(order.discount_minor)

    def dehydrate_tax(self, order: Order) -> Decimal | None:
        return major(order.tax_minor)

    def dehydrate_total(self, order: Order) -> Decimal | None:
        return major(order.total_minor)

    def dehydrate_currency(self, order: Order) -> str:
        return order.currency.upper()


class PaymentExport(Export):
    """Payments, with what of each was given back or is owed back."""

    related = ("subscriber__user", "order")

    stripe_id = column("Payment at Stripe", "stripe_payment_intent_id")
    order = column("Order", "order__number")
    invoice = column("Invoice at Stripe", "stripe_invoice_id")
    payer = column("Payer", "subscriber__user__email")
    firm = column("Firm", "subscriber__firm")
    amount = column("Amount")
    refunded = column("Refunded")
    currency = column("Currency")
    captured_at = column("Taken at", "captured_at")

    def dehydrate_amount(self, payment: Payment) -> Decimal | None:
        return major(payment.amount_minor)

    def dehydrate_refunded(self, payment: Payment) -> Decimal | None:
        return major(payment.refunded_minor)

    def dehydrate_currency(self, payment: Payment) -> str:
        return payment.currency.upper()


class RefundExport(Export):
    """Refunds, those that failed included."""

    related = ("payment__order", "payment__subscriber__user", "made_by")

    stripe_id = column("Refund at Stripe", "stripe_refund_id")
    payment = column("Payment at Stripe", "payment__stripe_payment_intent_id")
    order = column("Order", "payment__order__number")
    payer = column("Payer", "payment__subscriber__user__email")
    amount = column("Amount")
    currency = column("Currency")
    reason = column("Reason", "reason")
    state = column("State", "state")
    made_by = column("Made by", "made_by__email")
    note = column("Note", "note")
    created_at = column("Owed at", "created_at")

    def dehydrate_amount(self, refund: Refund) -> Decimal | None:
        return major(refund.amount_minor)

    def dehydrate_currency(self, refund: Refund) -> str:
        return refund.currency.upper()


class CreditEntryExport(Export):
    """The credit ledger, line by line."""

    related = ("grant__subscriber__user", "seat__live_session", "actor")

    at = column("At", "at")
    owner = column("Owner", "grant__subscriber__user__email")
    firm = column("Firm", "grant__subscriber__firm")
    kind = column("Kind", "kind")
    delta = column("Credits", "delta")
    balance_after = column("Left of the grant", "balance_after")
    source = column("Source of the grant", "grant__source")
    expires_at = column("Grant expires at", "grant__expires_at")
    live_session = column("Session", "seat__live_session__title")
    reason = column("Reason", "reason")
    actor = column("By")

    def dehydrate_actor(self, entry: CreditEntry) -> str:
        return entry.actor.email if entry.actor else ""


class SubscriberExport(Export):
    """Whoever has bought or been given something."""

    related = ("user",)

    name = column("Name", "user__name")
    email = column("E-mail", "user__email")
    firm = column("Firm", "firm")
    billing_name = column("Billing name", "billing_name")
    customer = column("Customer at Stripe")
    created_at = column("Since", "created_at")

    def dehydrate_customer(self, subscriber: Subscriber) -> str:
        return subscriber.stripe_customer_id or ""
