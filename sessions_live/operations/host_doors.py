"""A host's door once more, for one who lost it."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from redreport import audit
from redreport.accounts.models import User
from sessions_live.errors import NotHosting, SessionOver
from sessions_live.mails.hosts import queue_host_door
from sessions_live.models import Host, LiveSession
from sessions_live.operations.locks import lock_live_session


def host_to_write_to(*, live_session: LiveSession, host_id: int, now: datetime) -> Host:
    """The host whose door can be sent. Refuses with NotHosting, or with SessionOver once the doors have closed."""
    host = live_session.hosts.exclude(email="").filter(pk=host_id).first()
    if host is None or live_session.state not in (LiveSession.State.PUBLISHED, LiveSession.State.ENDED):
        raise NotHosting
    if now > live_session.door_closes_at:
        raise SessionOver
    return host


def resend_host_door(*, live_session_id: int, host_id: int, actor: User, request_id: UUID, now: datetime) -> Host:
    """Owe a host their door once more, by a named member of staff; it is the door they have, as long as their address stays.

    The same `request_id` again owes nothing more. Refuses as `host_to_write_to`.
    """
    with transaction.atomic():
        # The session's lock: it may be moved or canceled at this moment, and the mail says when it is.
        live_session = lock_live_session(live_session_id)
        host = host_to_write_to(live_session=live_session, host_id=host_id, now=now)
        queue_host_door(live_session=live_session, host=host, request_id=request_id, now=now)
        audit.record(actor=actor, verb="resent", target=host, detail={"live_session_id": live_session_id}, now=now)
        return host
