"""What a host sees of a session: numbers, questions with who asked them, and afterwards ratings without names."""

from datetime import datetime
from typing import Any

from django.db.models import Avg, Count, Q

from redreport import policy
from sessions_live.meetings import provider
from sessions_live.models import Feedback, Host, LiveSession, Question, Seat


def host_context(*, live_session: LiveSession, host: Host, now: datetime) -> dict[str, Any]:
    """The values of the host's page. Attendees are named only beside what they asked; five queries."""
    taken = Seat.objects.filter(live_session=live_session, state__in=Seat.TAKEN).aggregate(
        coming=Count("pk", filter=Q(declined_at__isnull=True)),
        not_coming=Count("pk", filter=Q(declined_at__isnull=False)),
        entered=Count("pk", filter=Q(state=Seat.State.ATTENDED)),
    )
    feedback = Feedback.objects.filter(seat__live_session=live_session)
    opens_at = live_session.starts_at - policy.HOST_DOOR_OPENS_BEFORE
    is_open = opens_at <= now <= live_session.door_closes_at
    return {
        "live_session": live_session,
        "host": host,
        "is_open": is_open and provider().is_ready(live_session),
        "is_over": now > live_session.door_closes_at,
        "has_begun": live_session.starts_at <= now,
        "opens_at": opens_at,
        **taken,
        "questions": Question.objects.filter(seat__live_session=live_session, seat__state__in=Seat.TAKEN).select_related("seat"),
        "ratings": feedback.aggregate(count=Count("pk"), average=Avg("rating")),
        "comments": feedback.exclude(comment="").order_by("given_at").values_list("rating", "comment"),
    }
