"""Readers who have switched on 'book me into every session', and sessions published for them."""

from datetime import timedelta

from redreport import clock
from redreport.accounts.models import User
from sessions_live.models import LiveSession, Seat
from sessions_live.operations.schedule import publish_live_session
from subscriptions.models import AutoBookingAttempt
from subscriptions.operations.auto_booking import switch_on_auto_booking
from subscriptions.tasks import sweep_auto_bookings
from tests.factories import make_credits, make_live_session, make_staff, make_user


def make_auto_booker(credits: int = 3, *, name: str = "Ada Reader") -> User:
    """A reader with credits who is booked into every session published from now on."""
    user = make_user(name)
    if credits:
        make_credits(user, credits)
    switch_on_auto_booking(user=user, now=clock.now())
    return user


def publish_session(*, starts_in: timedelta = timedelta(days=7), capacity: int = 12) -> LiveSession:
    """A session that is published now."""
    live_session = make_live_session(starts_in=starts_in, capacity=capacity, published=False)
    return publish_live_session(live_session_id=live_session.pk, actor=make_staff(), now=clock.now())


def sweep() -> int:
    """The sweep comes by; returns how many were tried."""
    return sweep_auto_bookings(now=clock.now())[0]


def auto_booked_seat(user: User | None = None) -> Seat:
    """A seat taken automatically."""
    user = user or make_auto_booker()
    live_session = publish_session()
    sweep()
    return Seat.objects.select_related("live_session", "booked_by").get(live_session=live_session, attendee_email=user.email)


def outcomes(user: User) -> list[str]:
    """What came of it, session by session in the order tried."""
    return list(AutoBookingAttempt.objects.filter(subscriber__user=user).order_by("id").values_list("outcome", flat=True))
