"""Whether a webhook is Stripe's own, meant for us, and of just now; and whether Stripe still sends us any."""

from datetime import datetime

from subscriptions.errors import BadSignature
from subscriptions.stripe_gateway.client import BAD_SIGNATURES, client, stripe_errors
from subscriptions.stripe_objects import EventHint
from subscriptions.stripe_shapes import read_event

SIGNATURE_TOLERANCE_SECONDS = 300


def verify_event(*, payload: bytes, signature: str, secrets: list[str], now: datetime) -> EventHint:
    """The event that Stripe signed with one of `secrets`. Refuses with BadSignature what is forged, old, or from the future."""
    _refuse_future_timestamp(signature, now)
    for secret in secrets:
        try:
            event = client().construct_event(payload, signature, secret, tolerance=SIGNATURE_TOLERANCE_SECONDS)
        except BAD_SIGNATURES:
            continue
        return read_event(event.to_dict())
    raise BadSignature


def state_of_endpoint(url: str) -> str:
    """Stripe's word for our endpoint, 'enabled' or 'disabled'; 'missing' where it has none. One that works counts."""
    with stripe_errors():
        endpoints = client().v1.webhook_endpoints.list({"limit": 100}).auto_paging_iter()
        states = {str(endpoint.status) for endpoint in endpoints if endpoint.url == url}
    return max(states, default="missing", key=lambda state: state == "enabled")


def _refuse_future_timestamp(signature: str, now: datetime) -> None:
    # The SDK bounds a signature's age only backwards: one dated ahead would stay replayable for as long as it is ahead.
    for part in signature.split(","):
        name, _, value = part.strip().partition("=")
        # Sixteen digits are more than any time has, and few enough for an integer.
        is_time = value.isdecimal() and value.isascii() and len(value) <= 16
        if name == "t" and not (is_time and int(value) <= now.timestamp() + SIGNATURE_TOLERANCE_SECONDS):
            raise BadSignature
