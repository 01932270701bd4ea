"""One webhook on the wire: the event as JSON, signed with the endpoint's secret."""

import hashlib
import hmac
import http.client
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from .jsontypes import Json, public


@dataclass(frozen=True)
class Outcome:
    status: int | None
    error: str | None = None

    @property
    def succeeded(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def signature_header(payload: bytes, secrets: Sequence[str], timestamp: int) -> str:
    """Stripe's scheme v1: an HMAC of the time and the body, once with each secret that is valid."""
    signed = str(timestamp).encode() + b"." + payload
    signatures = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets]
    return ",".join([f"t={timestamp}", *(f"v1={signature}" for signature in signatures)])


def secrets_of(endpoint: Json) -> list[str]:
    """The newest first; while it is being rolled, the former one is valid too."""
    return [secret for secret in (endpoint["_secret"], endpoint.get("_former_secret")) if secret]


def event_payload(event: Json, endpoint: Json) -> bytes:
    """The event in the version that the endpoint was made for."""
    return json.dumps({**public(event), "api_version": endpoint["api_version"] or event["api_version"]}, indent=2).encode()


def post_event(*, event: Json, endpoint: Json, timeout: float) -> Outcome:
    """Post it once. Never raises: no answer is an outcome too. A redirect counts as a failure, as with Stripe."""
    payload = event_payload(event, endpoint)
    target = urlsplit(endpoint["url"])
    connect = http.client.HTTPSConnection if target.scheme == "https" else http.client.HTTPConnection
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "Stripe-Signature": signature_header(payload, secrets_of(endpoint), int(time.time())),
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
    }
    connection = connect(target.hostname or "", target.port, timeout=timeout)
    try:
        connection.request("POST", target.path + (f"?{target.query}" if target.query else ""), payload, headers)
        response = connection.getresponse()
        response.read()
        return Outcome(response.status)
    except (OSError, http.client.HTTPException) as error:
        return Outcome(None, f"{type(error).__name__}: {error}")
    finally:
        connection.close()
