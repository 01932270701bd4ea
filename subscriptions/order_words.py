"""What an order cost, and may cost, in words for pages and mails."""

from django.conf import settings

from redreport.money import format_money
from subscriptions.models import Order


def paid_text(order: Order) -> str:
    """'$225 (promotion −$25)' once it is known what was paid; until then the list price."""
    if order.total_minor is None:
        return format_money(order.amount_minor, order.currency)
    return sums_text(
        total_minor=order.total_minor,
        discount_minor=order.discount_minor,
        tax_minor=order.tax_minor,
        currency=order.currency,
    )


def price_text(order: Order) -> str:
    """As `paid_text`, and for how many seats if it was more than one: '$750 for 3 seats'."""
    return paid_text(order) if order.quantity == 1 else f"{paid_text(order)} for {order.quantity} seats"


def what_text(order: Order) -> str:
    """'A year', 'Reading the plenum', 'Reading the plenum, 3 seats'."""
    if order.live_session is None:
        return "A year"
    return order.live_session.title if order.quantity == 1 else f"{order.live_session.title}, {order.quantity} seats"


def sums_text(*, total_minor: int, discount_minor: int, tax_minor: int, currency: str) -> str:
    """'$267.75 (promotion −$25, incl. $42.75 tax)', or that there was nothing to pay."""
    if total_minor == 0:
        return "Nothing to pay (promotion)" if discount_minor else "Nothing to pay"
    paid, why = format_money(total_minor, currency), _why_not_the_price(discount_minor, tax_minor, currency)
    return f"{paid} ({why})" if why else paid


def total_text(order: Order) -> str:
    """What was paid as a mere sum, for a column of sums; until it is known, the list price."""
    return format_money(order.amount_minor if order.total_minor is None else order.total_minor, order.currency)


def difference_text(order: Order) -> str:
    """Why the sum is not the list price: 'promotion −$25, incl. $42.75 tax', or nothing."""
    return _why_not_the_price(order.discount_minor, order.tax_minor, order.currency)


def checkout_notes() -> list[str]:
    """How the price on our pages may differ from the sum on Stripe's."""
    notes = []
    if tax_comes_on_top():
        notes.append("Tax is added on Stripe’s page where it applies.")
    elif settings.STRIPE_AUTOMATIC_TAX:
        notes.append("The price includes tax where it applies.")
    if settings.STRIPE_PROMOTION_CODES:
        notes.append(f"A promotion code can be entered {'there' if tax_comes_on_top() else 'on Stripe’s page'}.")
    return notes


def tax_comes_on_top() -> bool:
    """Whether the sum on Stripe's page may be higher than the price on ours."""
    return settings.STRIPE_AUTOMATIC_TAX and settings.STRIPE_TAX_BEHAVIOR == "exclusive"


def _why_not_the_price(discount_minor: int, tax_minor: int, currency: str) -> str:
    discount = f"promotion −{format_money(discount_minor, currency)}" if discount_minor else ""
    tax = f"incl. {format_money(tax_minor, currency)} tax" if tax_minor else ""
    return ", ".join(part for part in (discount, tax) if part)
