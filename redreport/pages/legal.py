"""Terms, privacy and refunds: what this program does, as it is set up here."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from redreport.accounts.known_browser import KNOWN_BROWSER_COOKIE, KNOWN_BROWSER_LIFETIME
from sessions_live.views.door import DEVICE_COOKIE, DEVICE_COOKIE_SECONDS
from subscriptions.models import Plan
from subscriptions.order_words import tax_comes_on_top
from subscriptions.selectors import current_prices
from subscriptions.terms import CONSENT


@dataclass(frozen=True)
class Cookie:
    """One cookie of ours; without a `lifetime` it goes with the next page."""

    name: str
    purpose: str
    lifetime: timedelta | None


@require_safe
def terms(request: HttpRequest) -> HttpResponse:
    return render(request, "pages/terms.html", {**_set_up(), "consent": CONSENT})


@require_safe
def refunds(request: HttpRequest) -> HttpResponse:
    return render(request, "pages/refunds.html", _set_up())


@require_safe
def privacy(request: HttpRequest) -> HttpResponse:
    return render(request, "pages/privacy.html", {"cookies": _cookies(), "postal_address": settings.POSTAL_ADDRESS})


def _set_up() -> dict[str, Any]:
    """The prices in force, and what is switched on."""
    prices = current_prices()
    return {
        "single_price": prices.get(Plan.SINGLE_SEAT),
        "annual_price": prices.get(Plan.ANNUAL),
        "reckons_tax": settings.STRIPE_AUTOMATIC_TAX,
        "tax_on_top": tax_comes_on_top(),
        "takes_promotions": settings.STRIPE_PROMOTION_CODES,
        "takes_delayed_payments": settings.STRIPE_DELAYED_PAYMENTS,
        "postal_address": settings.POSTAL_ADDRESS,
    }


def _cookies() -> list[Cookie]:
    return [
        Cookie(settings.SESSION_COOKIE_NAME, "keeps you signed in", timedelta(seconds=settings.SESSION_COOKIE_AGE)),
        Cookie(
            settings.CSRF_COOKIE_NAME,
            "shows that a form was sent from our own page",
            timedelta(seconds=settings.CSRF_COOKIE_AGE),
        ),
        Cookie(
            KNOWN_BROWSER_COOKIE,
            "tells, where you have signed in before, your tries to sign in from those of somebody else who types your address",
            KNOWN_BROWSER_LIFETIME,
        ),
        Cookie("messages", "carries a line such as ‘Saved’ to the next page", None),
        Cookie(
            DEVICE_COOKIE,
            "tells your browser at a session’s door from another one that uses your link",
            timedelta(seconds=DEVICE_COOKIE_SECONDS),
        ),
    ]
