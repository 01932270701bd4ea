"""The personal link of a host: a signed token of the session and the host, dead once the host is taken off it."""

from django.conf import settings
from django.core import signing
from django.urls import reverse

from sessions_live.models import Host, LiveSession

SALT = "sessions_live.host"


def host_door_url(live_session: LiveSession, host: Host) -> str:
    """The absolute address of this host's door to this session."""
    token = signing.Signer(salt=SALT, sep=".").sign(f"{live_session.pk}-{host.pk}")
    return settings.SITE_URL + reverse("sessions:host", args=[token])
