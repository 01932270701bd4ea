"""The personal link of a host: a signed token of the session and the host, dead once the host is taken off it or the session is
canceled."""

from dataclasses import dataclass

from django.conf import settings
from django.core import signing
from django.urls import reverse

from sessions_live.models import Host, LiveSession

SALT = "sessions_live.host"


@dataclass(frozen=True)
class HostedSession:
    """One host's part in one session."""

    live_session: LiveSession
    host: Host


def host_door_url(live_session: LiveSession, host: Host) -> str:
    """The absolute address of this host's door to this session."""
    token = signing.Signer(salt=SALT, sep=".").sign(f"{live_session.pk}-{host.pk}")
    return settings.SITE_URL + reverse("sessions:host", args=[token])


def host_behind(token: str) -> HostedSession | None:
    """Who may open this door, and to what; None when the token was forged, the host does not run the session any more, or
    readers cannot see the session: it is a draft, or canceled."""
    try:
        live_session_id, host_id = map(int, signing.Signer(salt=SALT, sep=".").unsign(token).split("-"))
    except (signing.BadSignature, ValueError):
        return None
    open_states = [LiveSession.State.PUBLISHED, LiveSession.State.ENDED]
    live_session = LiveSession.objects.filter(pk=live_session_id, hosts=host_id, state__in=open_states).first()
    return HostedSession(live_session, Host.objects.get(pk=host_id)) if live_session else None
