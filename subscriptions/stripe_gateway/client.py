"""The SDK's client for our account, and what its errors mean to us. The only module that imports the SDK."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import stripe
from django.conf import settings
from stripe import RequestsClient, StripeClient

from subscriptions.errors import GatewayBroken, GatewayNotFound, GatewayRefused, GatewayUnavailable

API_VERSION = stripe.api_version
TIMEOUT_SECONDS = 6
MAX_RETRIES = 1

OUT_OF_FUNDS = ("balance_insufficient", "insufficient_funds")


def client() -> StripeClient:
    """The SDK's client for the configured account; one for each process."""
    return _client(settings.STRIPE_SECRET_KEY, settings.STRIPE_API_BASE)


@lru_cache(maxsize=4)
def _client(key: str, api_base: str) -> StripeClient:
    return StripeClient(
        key,
        base_addresses={"api": api_base},
        http_client=RequestsClient(timeout=TIMEOUT_SECONDS),
        max_network_retries=MAX_RETRIES,
    )


def account_id() -> str:
    """The account behind the configured key; asked once for each process."""
    return _account_id(settings.STRIPE_SECRET_KEY, settings.STRIPE_API_BASE)


@lru_cache(maxsize=4)
def _account_id(key: str, api_base: str) -> str:
    with stripe_errors():
        return _client(key, api_base).v1.accounts.retrieve_current().id


@contextmanager
def stripe_errors() -> Iterator[None]:
    """Turn the SDK's errors into ours. A conflict or a limit is 'ask again', like a connection that broke.

    So are a key that is refused and an account without funds: both are the house's to mend, and nothing is given up for them.
    """
    try:
        yield
    except (stripe.APIConnectionError, stripe.RateLimitError, stripe.AuthenticationError, stripe.PermissionError) as error:
        raise GatewayUnavailable(type(error).__name__) from error
    except stripe.IdempotencyError as error:
        raise GatewayBroken(type(error).__name__) from error
    except stripe.StripeError as error:
        status = error.http_status or 0
        if status >= 500:
            raise GatewayBroken(f"{type(error).__name__} {status}") from error
        if status in (409, 429) or error.code in OUT_OF_FUNDS:
            raise GatewayUnavailable(f"{type(error).__name__} {status}") from error
        raised = GatewayNotFound if status == 404 or error.code == "resource_missing" else GatewayRefused
        raise raised(
            f"{type(error).__name__} {error.code or status}", code=error.code or "", param=getattr(error, "param", "") or ""
        ) from error


# What the SDK raises for a webhook that is not signed with the secret it was given, whose signature is not ASCII, or is no JSON.
BAD_SIGNATURES = (stripe.SignatureVerificationError, ValueError, AttributeError, TypeError)
