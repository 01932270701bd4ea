"""What a host sees of a session: numbers, questions with who asked them, and afterwards ratings without names."""

from datetime import datetime
from typing import Any

from django.db.models import Avg, Count, Q

from sessions_live.models import Feedback, Host, LiveSession, Seat
from sessions_live.selectors import questions_for_hosts


def host_context(*, live_session: LiveSession, host: Host, now: datetime) -> dict[str, Any]:
    """The values of the host's page. Attendees are named only beside what they asked; a constant number of queries."""
    taken = Seat.objects.filter(live_session=live_session, state__in=Seat.TAKEN).aggregate(
        coming=Count("pk", filter=Q(declined_at__isnull=True)),
        not_coming=Count("pk", filter=Q(declined_at__isnull=False)),
        entered=Count("pk", filter=Q(state=Seat.State.ATTENDED)),
    )
    feedback = Feedback.objects.filter(seat__live_session=live_session)
    return {
        "live_session": live_session,
        "host": host,
        "others": live_session.hosts.exclude(pk=host.pk).values_list("name", flat=True),
        "is_open": live_session.is_host_door_open(now),
        "is_over": now > live_session.door_closes_at,
        "has_begun": live_session.starts_at <= now,
        "opens_at": live_session.host_door_opens_at,
        **taken,
        "questions": questions_for_hosts(live_session),
        "ratings": feedback.aggregate(count=Count("pk"), average=Avg("rating")),
        "comments": feedback.exclude(comment="").order_by("given_at").values_list("rating", "comment"),
    }
