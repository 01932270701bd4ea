"""The addresses under which calendar programs subscribe."""

import uuid
from dataclasses import dataclass

from redreport.addresses import address_of


@dataclass(frozen=True)
class FeedAddress:
    """A calendar's address, and the same one as a link that opens the reader's calendar program."""

    url: str

    @property
    def webcal_url(self) -> str:
        return "webcal://" + self.url.partition("://")[2]


def public_address() -> FeedAddress:
    """The calendar of all sessions."""
    return FeedAddress(address_of("sessions:feed"))


def own_address(key: uuid.UUID) -> FeedAddress:
    """A reader's own calendar."""
    return FeedAddress(address_of("sessions:own_feed", key))
