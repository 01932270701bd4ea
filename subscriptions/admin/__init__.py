"""What staff see of buying and billing, one module a subject."""

from subscriptions.admin import cases, credits, money, renewals, stripe_events, years

__all__ = ["cases", "credits", "money", "renewals", "stripe_events", "years"]
