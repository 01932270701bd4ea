"""Our rows of Stripe's prices."""

from django.db import transaction

from subscriptions.models import Plan, Price
from subscriptions.stripe_objects import CatalogPrice


class OtherAccount(Exception):
    """The prices we have are of another Stripe account in the same mode: orders, customers and credits would point nowhere."""


def refuse_other_account(*, account_id: str, livemode: bool) -> None:
    """Refuses with OtherAccount when prices of this mode came from another account."""
    if Price.objects.filter(livemode=livemode).exclude(stripe_account_id=account_id).exists():
        raise OtherAccount(account_id)


def put_price_in_force(*, plan: Plan, price: CatalogPrice, account_id: str) -> bool:
    """Make this the plan's price; the one before is kept for its orders. Returns whether anything changed."""
    with transaction.atomic():
        current = Price.objects.select_for_update().filter(plan=plan, livemode=price.livemode, is_current=True).first()
        if current and current.stripe_price_id == price.id:
            return False
        if current:
            current.is_current = False
            current.save(update_fields=["is_current"])
        Price.objects.update_or_create(
            stripe_price_id=price.id,
            defaults={
                "plan": plan,
                "lookup_key": price.lookup_key,
                "stripe_product_id": price.product_id,
                "stripe_account_id": account_id,
                "livemode": price.livemode,
                "amount_minor": price.amount_minor,
                "currency": price.currency,
                "interval": price.interval,
                "tax_behavior": price.tax_behavior,
                "is_current": True,
            },
        )
        return True
