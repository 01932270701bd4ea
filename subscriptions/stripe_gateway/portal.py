"""Stripe's own page for customers: card, address, tax id, invoices, renewal."""

from functools import lru_cache
from typing import Any

from django.conf import settings

from subscriptions.errors import CatalogNotReady, GatewayRefused
from subscriptions.stripe_gateway.client import client, stripe_errors

# How `stripe_setup` marks the settings of the portal that are ours.
PORTAL_MARK = {"redreport": "portal"}


def open_portal(*, customer_id: str, return_url: str) -> str:
    """The address of the portal for one customer, with the settings that fit our pages, or else the account's own."""
    try:
        return _create_session(customer_id, return_url, _known_configuration())
    except GatewayRefused as refusal:
        if refusal.param != "configuration":
            raise
    # The settings were made anew since this process asked for them.
    _configuration.cache_clear()
    return _create_session(customer_id, return_url, _known_configuration())


def _create_session(customer_id: str, return_url: str, configuration_id: str | None) -> str:
    params: Any = {"customer": customer_id, "return_url": return_url}
    if configuration_id:
        params["configuration"] = configuration_id
    with stripe_errors():
        return client().v1.billing_portal.sessions.create(params).url


def _known_configuration() -> str | None:
    try:
        return _configuration(settings.STRIPE_SECRET_KEY, settings.STRIPE_API_BASE)
    except CatalogNotReady:
        return None


@lru_cache(maxsize=4)
def _configuration(key: str, api_base: str) -> str:
    """Asked once for each account and process; that there is none is not remembered."""
    with stripe_errors():
        for found in client().v1.billing_portal.configurations.list({"limit": 100, "active": True}).auto_paging_iter():
            if (found.to_dict().get("metadata") or {}).get("redreport") == PORTAL_MARK["redreport"]:
                return found.id
    raise CatalogNotReady("portal")
