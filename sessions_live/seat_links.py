"""Personal links of a seat: each a signed token of the seat and its door's version, so that no secret lies in the database and
all of them die when the seat changes hands."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass

from django.core import signing

from redreport.addresses import address_of
from sessions_live.models import LiveSession, Seat


@dataclass(frozen=True)
class SeatLink:
    """One kind of link. A token of one kind is worth nothing for another: each signs with a salt of its own."""

    salt: str
    # The name of the address, which takes the token.
    page: str

    def token(self, seat: Seat) -> str:
        """The token of this seat, good until its door's version rises."""
        return self._signer.sign(f"{seat.public_id.hex}-{seat.door_version}")

    def url(self, seat: Seat) -> str:
        """The absolute address that is mailed to the attendee."""
        return address_of(self.page, self.token(seat))

    def seat_behind(self, token: str, states: Collection[str] = Seat.TAKEN) -> Seat | None:
        """The seat of a token, with its session and booker; None when the token was forged or superseded, the seat is in none of
        these states, or its session was canceled."""
        read = self._read(token)
        if read is None:
            return None
        seats = Seat.objects.select_related("live_session", "booked_by").exclude(live_session__state=LiveSession.State.CANCELED)
        return seats.filter(public_id=read[0], door_version=read[1], state__in=states).first()

    def canceled_seat_behind(self, token: str) -> Seat | None:
        """The seat of a token that was good until the seat was canceled: whoever clicks a second time is told so."""
        read = self._read(token)
        if read is None:
            return None
        canceled = Seat.objects.select_related("live_session", "booked_by").filter(state=Seat.State.CANCELED)
        return canceled.filter(public_id=read[0], door_version=read[1] + 1).first()

    def _read(self, token: str) -> tuple[uuid.UUID, int] | None:
        """The seat's public id and the version of its door; None where the token was forged."""
        try:
            public_id, version = self._signer.unsign(token).split("-")
            return uuid.UUID(hex=public_id), int(version)
        except (signing.BadSignature, ValueError):
            return None

    @property
    def _signer(self) -> signing.Signer:
        return signing.Signer(salt=self.salt, sep=".")


DOOR = SeatLink("sessions_live.door", "sessions:door")
# Where an attendee says that they cannot come, without an account.
CANT_COME = SeatLink("sessions_live.cant_come", "sessions:cant_come")
# What stays of the hour, for who had the seat.
REPLAY = SeatLink("sessions_live.replay", "sessions:replay")
# How a subscriber who was booked automatically gets out again, without signing in.
AUTO_OUT = SeatLink("sessions_live.auto_out", "subscriptions:auto_out")
