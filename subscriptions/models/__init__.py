"""The tables of buying and billing, one module a subject."""

from subscriptions.models.auto_booking import AutoBooking, AutoBookingAttempt
from subscriptions.models.billing import FormerCustomer, RenewalNotice, Subscriber, Subscription, SubscriptionChange
from subscriptions.models.cases import Case
from subscriptions.models.catalog import Plan, Price
from subscriptions.models.coverage import SeatCoverage
from subscriptions.models.credits import CreditEntry, CreditGrant
from subscriptions.models.invoices import Invoice
from subscriptions.models.orders import Order, Payment
from subscriptions.models.refunds import Dispute, Refund
from subscriptions.models.stripe_events import Reconciliation, StripeEvent, StripeObjectLease

__all__ = [
    "AutoBooking",
    "AutoBookingAttempt",
    "Case",
    "CreditEntry",
    "CreditGrant",
    "Dispute",
    "FormerCustomer",
    "Invoice",
    "Order",
    "Payment",
    "Plan",
    "Price",
    "Reconciliation",
    "Refund",
    "RenewalNotice",
    "SeatCoverage",
    "StripeEvent",
    "StripeObjectLease",
    "Subscriber",
    "Subscription",
    "SubscriptionChange",
]
