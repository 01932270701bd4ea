"""What attendees thought of an hour."""

from datetime import datetime

from django.db import transaction

from sessions_live.errors import FeedbackClosed
from sessions_live.models import Feedback
from sessions_live.operations.locks import lock_seat


def give_feedback(*, seat_id: int, rating: int, comment: str, now: datetime) -> Feedback:
    """Note the rating (1 to 5) and the comment of who sat in the seat; giving it again replaces both.

    Refuses with FeedbackClosed.
    """
    with transaction.atomic():
        # The seat's lock: a double click gives it twice at once, one row.
        seat = lock_seat(seat_id)
        if not seat.takes_feedback(now):
            raise FeedbackClosed
        given = {"rating": rating, "comment": comment, "given_at": now}
        feedback, _ = Feedback.objects.update_or_create(seat=seat, defaults=given)
        return feedback
