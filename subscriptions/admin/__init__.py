"""What staff see of buying and billing, one module a subject."""

from subscriptions.admin import cases, credits, disputes, invoices, money, stripe_events, years

__all__ = ["cases", "credits", "disputes", "invoices", "money", "stripe_events", "years"]
