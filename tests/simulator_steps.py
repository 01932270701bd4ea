"""What tests of the simulator itself do again and again: open a page, hear a refusal, read what stands."""

import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from email.message import Message
from typing import Any

import pytest
import stripe

from tests.fixtures_stripe import StripeAccount

DAY = 86400
FORM = {
    "email": "reader@example.com",
    "card_number": "4242 4242 4242 4242",
    "expiry": "12/34",
    "cvc": "123",
    "name": "Avery Reader",
}


def refusal(call: Callable[[], Any]) -> stripe.InvalidRequestError:
    """The error with which the simulator refuses this call."""
    with pytest.raises(stripe.InvalidRequestError) as caught:
        call()
    return caught.value


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def browse(url: str, form: dict[str, str] | None = None) -> tuple[int, str, Message]:
    """Status, body and headers of a page, redirects not followed."""
    data = urllib.parse.urlencode(form).encode() if form is not None else None
    try:
        with urllib.request.build_opener(_NoRedirect).open(url, data, timeout=30) as response:
            return response.status, response.read().decode(), response.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), error.headers


def page_of(session: stripe.checkout.Session) -> str:
    """Where a Checkout is paid."""
    assert session.url
    return session.url


def invoices_of(account: StripeAccount, subscription_id: str) -> list[dict[str, Any]]:
    """A subscription's invoices, oldest first."""
    params: Any = {"subscription": subscription_id, "limit": 100}
    return [invoice.to_dict() for invoice in account.client.v1.invoices.list(params).data][::-1]


def subscription_of(account: StripeAccount, subscription_id: str) -> dict[str, Any]:
    """As it is now."""
    return account.client.v1.subscriptions.retrieve(subscription_id).to_dict()
