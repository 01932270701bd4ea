"""What attendees want the hosts to answer."""

from datetime import datetime

from django.db import transaction

from redreport import policy
from redreport.transactions import retried
from sessions_live.errors import DoorClosed, TooManyQuestions
from sessions_live.models import LiveSession, Question, Seat
from sessions_live.operations.locks import lock_seat_with_session
from sessions_live.selectors import questions_of


@retried
def ask_question(*, seat: Seat, text: str, now: datetime) -> Question:
    """Put a question to the hosts for whoever sits in this seat; the same words twice are one question. `seat` is as its link
    found it.

    Refuses with TooManyQuestions, or with DoorClosed once the session is over or the seat is gone.
    """
    with transaction.atomic():
        # Locks: the session, the seat. Two clicks are one question; the seat may be changing hands.
        locked = lock_seat_with_session(seat.pk)
        live_session = locked.live_session
        is_theirs = locked.door_version == seat.door_version and locked.state in Seat.TAKEN
        if not is_theirs or live_session.state != LiveSession.State.PUBLISHED or live_session.ends_at <= now:
            raise DoorClosed
        asked = list(questions_of(locked))
        known = next((question for question in asked if question.text == text), None)
        if known:
            return known
        if len(asked) >= policy.MOST_QUESTIONS_PER_SEAT:
            raise TooManyQuestions
        return Question.objects.create(seat=locked, text=text, asked_at=now)
