"""A provider that does not exist is found when the program starts, not when the first attendee enters."""

from typing import Any

from django.core.checks import CheckMessage, Error, register

from sessions_live.meetings import provider


@register()
def meeting_provider_exists(**options: Any) -> list[CheckMessage]:
    """Whether MEETING_PROVIDER names a provider that can be made."""
    try:
        provider()
    except ImportError as fault:
        return [Error(f"MEETING_PROVIDER names no meeting provider: {fault}", id="sessions_live.E001")]
    return []
