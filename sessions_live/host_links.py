"""The personal link of a host: a signed token of the session and the host, dead once the host is taken off it, or their address
is corrected: whoever was written to by mistake is not to stay a host."""

from django.core import signing
from django.utils.crypto import constant_time_compare, salted_hmac

from redreport.addresses import address_of
from sessions_live.models import Host, LiveSession

SALT = "sessions_live.host"


def host_door_url(live_session: LiveSession, host: Host) -> str:
    """The absolute address of this host's door to this session."""
    return address_of("sessions:host", host_token(live_session, host))


def host_token(live_session: LiveSession, host: Host) -> str:
    """The token in that address."""
    return _signer().sign(f"{live_session.pk}-{host.pk}-{_fingerprint(host)}")


def host_behind(token: str) -> tuple[LiveSession, Host] | None:
    """The session and the host of a token; None when it was forged, the host is taken off or has another address by now, or no
    reader can see the session: it was canceled, or is a draft."""
    try:
        session_id, host_id, fingerprint = _signer().unsign(token).split("-")
    except (signing.BadSignature, ValueError):
        return None
    shown = [LiveSession.State.PUBLISHED, LiveSession.State.ENDED]
    live_session = LiveSession.objects.filter(pk=session_id, state__in=shown).first()
    host = live_session.hosts.filter(pk=host_id).first() if live_session else None
    if live_session is None or host is None or not constant_time_compare(fingerprint, _fingerprint(host)):
        return None
    return live_session, host


def _fingerprint(host: Host) -> str:
    """Of the address, which is nobody's business who reads the link."""
    return salted_hmac(SALT, host.email.lower()).hexdigest()[:16]


def _signer() -> signing.Signer:
    return signing.Signer(salt=SALT, sep=".")
