"""The addresses under which calendar programs subscribe."""

import uuid
from dataclasses import dataclass

from django.conf import settings
from django.urls import reverse


@dataclass(frozen=True)
class FeedAddress:
    """A calendar's address, and the same one as a link that opens the reader's calendar program."""

    url: str

    @property
    def webcal_url(self) -> str:
        return "webcal://" + self.url.partition("://")[2]


def public_address() -> FeedAddress:
    """The calendar of all sessions."""
    return FeedAddress(settings.SITE_URL + reverse("sessions:feed"))


def own_address(key: uuid.UUID) -> FeedAddress:
    """A reader's own calendar."""
    return FeedAddress(settings.SITE_URL + reverse("sessions:own_feed", args=[key]))
