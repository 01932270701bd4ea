"""Links to materials: signed for one seat, and good for `policy.MATERIAL_LINK_LIFETIME`: passed on, they soon lead nowhere."""

import uuid

from django.core import signing
from django.urls import reverse

from redreport import policy
from sessions_live.models import LiveSession, Material, Seat

_SIGNER = "sessions_live.material"


def material_path(material: Material, seat: Seat) -> str:
    """The address of a material for who has this seat, from now on for the lifetime of such links."""
    token = _signer().sign(f"{material.public_id.hex}-{seat.public_id.hex}-{seat.door_version}")
    return reverse("sessions:material", args=[token])


def material_behind(token: str) -> Material | None:
    """The material of a link, with its session; None once its time is over, its seat is gone or changed hands, the session was
    canceled, or its materials are not released."""
    try:
        signed = _signer().unsign(token, max_age=policy.MATERIAL_LINK_LIFETIME)
        material_key, seat_key, version = signed.split("-")
        material_id, seat_id, door_version = uuid.UUID(hex=material_key), uuid.UUID(hex=seat_key), int(version)
    except (signing.BadSignature, ValueError):
        return None
    seats = Seat.objects.filter(public_id=seat_id, door_version=door_version, state__in=Seat.TAKEN)
    released = Material.objects.filter(public_id=material_id, live_session__materials_released_at__isnull=False)
    standing = released.exclude(live_session__state=LiveSession.State.CANCELED).select_related("live_session")
    return standing.filter(live_session__in=seats.values("live_session")).first()


def _signer() -> signing.TimestampSigner:
    return signing.TimestampSigner(salt=_SIGNER, sep=".")
