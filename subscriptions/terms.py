"""The renewal terms that a reader agrees to before a year begins.

Other words need another `policy.CONSENT_VERSION`: what somebody agreed to is kept with the order, word for word.
"""

from redreport import policy
from redreport.money import format_money
from subscriptions.models import Price
from subscriptions.order_words import tax_comes_on_top

CONSENT = "I agree that the subscription renews every year at this price until I turn it off."


def renewal_terms(price: Price) -> list[str]:
    """The terms, a sentence or two each, as they stand above the box."""
    amount = format_money(price.amount_minor, price.currency)
    terms = [
        f"You pay {amount} now for {policy.CREDITS_PER_YEAR} credits, good for sessions that start within a year from today.",
        f"The subscription renews every year for {amount}, charged to the same card, until you turn it off.",
        "You can turn the renewal off at any time and keep your credits until the year ends.",
    ]
    return [*terms, "Tax is added where it applies, now and at each renewal."] if tax_comes_on_top() else terms


def consent_text(price: Price) -> str:
    """What a reader agrees to by ticking the box, word for word: the terms, and the sentence beside the box; one a line."""
    return "\n".join([*renewal_terms(price), CONSENT])
