"""Where a session meets. A provider is reached only through what stands here, so that another one needs no other change."""

from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from sessions_live.models import LiveSession, Seat


class MeetingProvider(Protocol):
    """Asked with no transaction open: an adapter may speak with its provider over HTTP, for some seconds at most. Whatever keeps
    it from an address, it raises MeetingUnavailable."""

    def is_ready(self, live_session: LiveSession) -> bool:
        """Whether this session has a meeting to lead to. Only looks at our own rows."""
        ...

    def attendee_url(self, seat: Seat) -> str:
        """Where the attendee of this seat, which has its session, takes part. Secret: it goes into a redirect alone."""
        ...

    def host_url(self, live_session: LiveSession) -> str:
        """Where a host runs it. As secret."""
        ...


def provider() -> MeetingProvider:
    """The provider that the setting MEETING_PROVIDER names by its dotted path."""
    chosen: MeetingProvider = import_string(settings.MEETING_PROVIDER)()
    return chosen
