"""Sessions that no reader sees yet: they are written down, copied, and made for a whole season."""

from collections.abc import Sequence
from datetime import datetime
from itertools import chain, count

from django.db import connection, transaction
from django.utils.text import slugify

from redreport import audit
from redreport.accounts.models import User
from redreport.transactions import retried
from redreport.wording import house_day
from sessions_live.models import Host, LiveSession
from sessions_live.monthly import a_month_later
from sessions_live.operations.locks import lock_live_session

# Ours alone among PostgreSQL's advisory locks: two who name a session at once do not find the same address free.
NAMING_LOCK = 7_230_117
SLUG_LENGTH = 150


def give_address(live_session: LiveSession) -> None:
    """Name the page of a draft after its title, and after its day where that is taken. Inside the caller's transaction, which
    saves it: until that ends, nobody else names one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [NAMING_LOCK])
    title, day = slugify(live_session.title)[:SLUG_LENGTH].strip("-"), house_day(live_session.starts_at).isoformat()
    dated = f"{title or 'session'}-{day}"
    taken = set(LiveSession.objects.exclude(pk=live_session.pk).values_list("slug", flat=True))
    names = chain([title] if title else [], [dated], (f"{dated}-{number}" for number in count(2)))
    live_session.slug = next(name for name in names if name not in taken)


def draft_live_session(
    *, live_session: LiveSession, hosts: Sequence[Host], detail: dict[str, str], actor: User, now: datetime
) -> None:
    """Write down a session that is not saved yet, with its hosts. Inside the caller's transaction."""
    give_address(live_session)
    live_session.save()
    live_session.hosts.set(hosts)
    audit.record(actor=actor, verb="created", target=live_session, detail=detail, now=now)


@retried
def duplicate_live_session(*, live_session_id: int, actor: User, now: datetime) -> tuple[LiveSession, bool]:
    """A draft with the texts, hosts, length and capacity of a session, a month later: on the same weekday of the month, at the
    same wall-clock time of the house. Where it meets is not copied: a door must not lead into another hour's meeting.

    Returns the draft, and whether it is new: a second click finds the draft of the first, as long as title and time are its own.
    """
    with transaction.atomic():
        # The session's lock: the second of two clicks waits for the draft of the first.
        source = lock_live_session(live_session_id)
        starts_at = a_month_later(source.starts_at, now=now)
        known = LiveSession.objects.filter(state=LiveSession.State.DRAFTED, title=source.title, starts_at=starts_at).first()
        if known:
            return known, False
        copy = LiveSession(
            title=source.title,
            section=source.section,
            question=source.question,
            description=source.description,
            starts_at=starts_at,
            duration_minutes=source.duration_minutes,
            capacity=source.capacity,
        )
        hosts = list(source.hosts.all())
        draft_live_session(live_session=copy, hosts=hosts, detail={"copy_of": str(source.pk)}, actor=actor, now=now)
        return copy, True
