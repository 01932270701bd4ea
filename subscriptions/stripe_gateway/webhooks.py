"""Whether a webhook is Stripe's own, meant for us, and of just now."""

from datetime import datetime

from subscriptions.errors import BadSignature
from subscriptions.stripe_gateway.client import BAD_SIGNATURES, client
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


def _refuse_future_timestamp(signature: str, now: datetime) -> None:
    # The SDK bounds a signature's age only backwards: one dated ahead would stay replayable for as long as it is ahead.
    for part in signature.split(","):
        name, _, value = part.strip().partition("=")
        # Sixteen digits are more than any time has, and few enough for an integer.
        is_time = value.isdecimal() and value.isascii() and len(value) <= 16
        if name == "t" and not (is_time and int(value) <= now.timestamp() + SIGNATURE_TOLERANCE_SECONDS):
            raise BadSignature
