"""What stands in the files of exported lists."""

from redreport.audit.exporting import Export, amount_column, column, currency_column
from subscriptions.models import CreditEntry, Order, Subscriber
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
    amount = amount_column("List price", "amount_minor")
    discount = amount_column("Discount", "discount_minor")
    tax = amount_column("Tax", "tax_minor")
    total = amount_column("Paid", "total_minor")
    currency = currency_column()
    state = column("State", "state")
    created_at = column("Created at", "created_at")
    paid_at = column("Paid at", "paid_at")
    fulfilled_at = column("Given at", "fulfilled_at")

    def dehydrate_what(self, order: Order) -> str:
        return what_text(order)


class PaymentExport(Export):
    """Payments, with what of each was given back or is owed back."""

    related = ("subscriber__user", "order")

    stripe_id = column("Payment at Stripe", "stripe_payment_intent_id")
    order = column("Order", "order__number")
    invoice = column("Invoice at Stripe", "stripe_invoice_id")
    payer = column("Payer", "subscriber__user__email")
    firm = column("Firm", "subscriber__firm")
    amount = amount_column("Amount", "amount_minor")
    refunded = amount_column("Refunded", "refunded_minor")
    paid_back = amount_column("Paid back past Stripe", "paid_back_minor")
    currency = currency_column()
    captured_at = column("Taken at", "captured_at")


class RefundExport(Export):
    """Refunds, those that failed included."""

    related = ("payment__order", "payment__subscriber__user", "made_by")

    stripe_id = column("Refund at Stripe", "stripe_refund_id")
    payment = column("Payment at Stripe", "payment__stripe_payment_intent_id")
    order = column("Order", "payment__order__number")
    payer = column("Payer", "payment__subscriber__user__email")
    amount = amount_column("Amount", "amount_minor")
    currency = currency_column()
    reason = column("Reason", "reason")
    state = column("State", "state")
    made_by = column("Made by", "made_by__email")
    note = column("Note", "note")
    created_at = column("Owed at", "created_at")


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
