"""What staff see of buying and billing, one module a subject."""

from subscriptions.admin import cases, credits, disputes, money, renewals, stripe_events, years

__all__ = ["cases", "credits", "disputes", "money", "renewals", "stripe_events", "years"]
