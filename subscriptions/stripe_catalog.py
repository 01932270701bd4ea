"""What a Stripe account must hold before we can sell: products, prices, the webhook endpoint, the portal's settings.

Each function looks first and changes only what differs, so that a second run changes nothing.
"""

from dataclasses import dataclass
from typing import Any

from django.conf import settings

from redreport import policy
from subscriptions.models import Plan
from subscriptions.stripe_gateway import API_VERSION, PORTAL_MARK, client, stripe_errors
from subscriptions.stripe_objects import CatalogPrice
from subscriptions.webhooks.handlers import HANDLERS


@dataclass(frozen=True)
class Offer:
    """What one plan is at Stripe."""

    plan: Plan
    lookup_key: str
    name: str
    amount_minor: int
    interval: str


OFFERS = (
    Offer(Plan.SINGLE_SEAT, "rrl_single_seat", "Red Report Live: one session", policy.SINGLE_SEAT_MINOR, ""),
    Offer(Plan.ANNUAL, "rrl_annual", "Red Report Live: annual subscription", policy.ANNUAL_MINOR, "year"),
)

PORTAL_FEATURES: Any = {
    "customer_update": {"enabled": True, "allowed_updates": ["address", "name", "tax_id"]},
    "invoice_history": {"enabled": True},
    "payment_method_update": {"enabled": True},
    "subscription_cancel": {"enabled": True, "mode": "at_period_end"},
}


def ensure_price(offer: Offer) -> tuple[CatalogPrice, bool]:
    """The price that carries the offer's lookup key, and whether it had to be made. A changed amount makes a new price."""
    with stripe_errors():
        for found in client().v1.prices.list({"lookup_keys": [offer.lookup_key], "active": True}).data:
            price = _read_price(found.to_dict())
            if _is_as_offered(price, offer):
                return price, False
        _ensure_product(offer)
        made = client().v1.prices.create(_price_params(offer))
        return _read_price(made.to_dict()), True


def ensure_webhook_endpoint(url: str, *, secret_is_lost: bool) -> tuple[str, str]:
    """What was done ('created', 'updated', 'unchanged'), and the signing secret, which Stripe tells at creation alone.

    An endpoint whose secret is lost is of no use to anybody: it is made anew.
    """
    events: Any = sorted(HANDLERS)
    api_version: Any = API_VERSION
    with stripe_errors():
        for endpoint in client().v1.webhook_endpoints.list({"limit": 100}).auto_paging_iter():
            if endpoint.url != url or endpoint.api_version != API_VERSION:
                continue
            if secret_is_lost:
                client().v1.webhook_endpoints.delete(endpoint.id)
                continue
            if sorted(endpoint.enabled_events) == events and endpoint.status == "enabled":
                return "unchanged", ""
            client().v1.webhook_endpoints.update(
                endpoint.id,
                {"enabled_events": events, "disabled": False},
            )
            return "updated", ""
        made = client().v1.webhook_endpoints.create(
            {"url": url, "enabled_events": events, "api_version": api_version, "description": settings.SITE_URL}
        )
        return "created", made.to_dict()["secret"]


def ensure_portal() -> str:
    """Give the customer portal the settings that fit our pages; returns what was done."""
    with stripe_errors():
        for found in client().v1.billing_portal.configurations.list({"limit": 100, "active": True}).auto_paging_iter():
            values = found.to_dict()
            if (values.get("metadata") or {}).get("redreport") != PORTAL_MARK["redreport"]:
                continue
            if _contains(values["features"], PORTAL_FEATURES):
                return "unchanged"
            client().v1.billing_portal.configurations.update(found.id, {"features": PORTAL_FEATURES})
            return "updated"
        client().v1.billing_portal.configurations.create(
            {
                "features": PORTAL_FEATURES,
                "business_profile": {"headline": "Red Report Live"},
                "default_return_url": f"{settings.SITE_URL}/account/",
                "metadata": PORTAL_MARK,
            }
        )
        return "created"


def _ensure_product(offer: Offer) -> None:
    # A product's id is ours to choose, so that two runs cannot make two products.
    known = {product.id for product in client().v1.products.list({"ids": [offer.lookup_key]}).data}
    if offer.lookup_key not in known:
        client().v1.products.create({"id": offer.lookup_key, "name": offer.name})


def _price_params(offer: Offer) -> Any:
    return {
        "product": offer.lookup_key,
        "currency": policy.CURRENCY,
        "unit_amount": offer.amount_minor,
        "lookup_key": offer.lookup_key,
        "transfer_lookup_key": True,
        "tax_behavior": settings.STRIPE_TAX_BEHAVIOR,
        **({"recurring": {"interval": offer.interval}} if offer.interval else {}),
    }


def _read_price(price: dict[str, Any]) -> CatalogPrice:
    product = price["product"]
    return CatalogPrice(
        id=price["id"],
        product_id=product["id"] if isinstance(product, dict) else product,
        lookup_key=price.get("lookup_key") or "",
        amount_minor=price["unit_amount"],
        currency=price["currency"],
        interval=(price.get("recurring") or {}).get("interval") or "",
        tax_behavior=price.get("tax_behavior") or "",
        livemode=bool(price["livemode"]),
    )


def _is_as_offered(price: CatalogPrice, offer: Offer) -> bool:
    return (price.amount_minor, price.currency, price.interval, price.tax_behavior) == (
        offer.amount_minor,
        policy.CURRENCY,
        offer.interval,
        settings.STRIPE_TAX_BEHAVIOR,
    )


def _contains(present: Any, wanted: Any) -> bool:
    """Whether everything wanted is there; Stripe adds values of its own."""
    if isinstance(wanted, dict):
        return isinstance(present, dict) and all(_contains(present.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(present, list) and sorted(present) == sorted(wanted)
    return bool(present == wanted)
