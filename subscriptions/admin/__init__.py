"""What staff see of buying and billing, one module a subject."""

from subscriptions.admin import auto_bookings, cases, credits, disputes, money, renewals, stripe_events, years

__all__ = ["auto_bookings", "cases", "credits", "disputes", "money", "renewals", "stripe_events", "years"]
