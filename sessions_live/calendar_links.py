"""The addresses under which calendar programs subscribe, and those at which a calendar on the web takes one session in."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from redreport.addresses import address_of
from redreport.wording import iso_utc
from sessions_live.models import LiveSession

GOOGLE = "https://calendar.google.com/calendar/render"
OUTLOOK = "https://outlook.office.com/calendar/0/deeplink/compose"


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


def google_address(live_session: LiveSession) -> str:
    """Opens Google Calendar with the session filled in. Times are in UTC, so the reader's zone decides what is shown."""
    asked = {
        "action": "TEMPLATE",
        "text": _title(live_session),
        "dates": f"{_compact(live_session.starts_at)}/{_compact(live_session.ends_at)}",
        "details": _details(live_session),
    }
    return f"{GOOGLE}?{urlencode(asked)}"


def outlook_address(live_session: LiveSession) -> str:
    """The same for Outlook on the web."""
    asked = {
        "path": "/calendar/action/compose",
        "rru": "addevent",
        "subject": _title(live_session),
        "startdt": iso_utc(live_session.starts_at),
        "enddt": iso_utc(live_session.ends_at),
        "body": _details(live_session),
    }
    return f"{OUTLOOK}?{urlencode(asked)}"


def _title(live_session: LiveSession) -> str:
    return f"Red Report Live: {live_session.title}"


def _details(live_session: LiveSession) -> str:
    """Never a door: the address of these links passes through other people's programs."""
    return f"{live_session.question}\n\n{address_of('sessions:detail', live_session.slug)}"


def _compact(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"
