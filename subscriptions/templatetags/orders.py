"""What an order cost, for templates."""

from django import template

from subscriptions import order_words
from subscriptions.models import Order

register = template.Library()


@register.filter
def paid_text(order: Order) -> str:
    """`{{ order|paid_text }}` gives '$225 (promotion −$25)'."""
    return order_words.paid_text(order)


@register.filter
def price_text(order: Order) -> str:
    """`{{ order|price_text }}` gives '$750 for 3 seats'."""
    return order_words.price_text(order)


@register.filter
def what_text(order: Order) -> str:
    """`{{ order|what_text }}` gives 'Reading the plenum, 3 seats'."""
    return order_words.what_text(order)


@register.filter
def total_text(order: Order) -> str:
    """`{{ order|total_text }}` gives '$225'."""
    return order_words.total_text(order)


@register.filter
def difference_text(order: Order) -> str:
    """`{{ order|difference_text }}` gives 'promotion −$25', or nothing."""
    return order_words.difference_text(order)


@register.simple_tag
def checkout_notes() -> str:
    """How the price on the page may differ from the sum on Stripe's, in a sentence or two, or in none."""
    return " ".join(order_words.checkout_notes())
