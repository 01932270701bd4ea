"""The personal door's link: a signed token of the seat and its door's version, so that no secret lies in the database."""

import uuid

from django.conf import settings
from django.core import signing
from django.urls import reverse

from sessions_live.models import Seat

_signer = signing.Signer(salt="sessions_live.door", sep=".")


def door_token(seat: Seat) -> str:
    """The token that opens this seat's door until its version rises."""
    return _signer.sign(f"{seat.public_id.hex}-{seat.door_version}")


def door_url(seat: Seat) -> str:
    """The absolute address that is mailed to the attendee."""
    return settings.SITE_URL + reverse("sessions:door", args=[door_token(seat)])


def seat_behind(token: str) -> Seat | None:
    """The seat a token opens; None when it was forged, superseded, or its seat is no longer anybody's."""
    try:
        public_id, version = _signer.unsign(token).split("-")
        key = uuid.UUID(hex=public_id)
        door_version = int(version)
    except (signing.BadSignature, ValueError):
        return None
    return (
        Seat.objects.select_related("live_session")
        .filter(public_id=key, door_version=door_version, state__in=Seat.TAKEN)
        .exclude(live_session__state="canceled")
        .first()
    )
