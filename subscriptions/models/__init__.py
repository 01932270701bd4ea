"""The tables of buying and billing, one module a subject."""

from subscriptions.models.billing import Subscriber, Subscription
from subscriptions.models.cases import Case
from subscriptions.models.catalog import Plan, Price
from subscriptions.models.credits import CreditEntry, CreditGrant
from subscriptions.models.orders import Order, Payment, Refund, SeatCoverage
from subscriptions.models.stripe_events import StripeEvent, StripeObjectLease

__all__ = [
    "Case",
    "CreditEntry",
    "CreditGrant",
    "Order",
    "Payment",
    "Plan",
    "Price",
    "Refund",
    "SeatCoverage",
    "StripeEvent",
    "StripeObjectLease",
    "Subscriber",
    "Subscription",
]
