"""Sessions that are sold out, and readers who wait for a seat in them."""

from datetime import datetime, timedelta

from redreport import clock
from redreport.accounts.models import User
from redreport.outbox.models import OutgoingMail
from sessions_live.models import LiveSession, Seat, WaitlistEntry
from sessions_live.tasks import sweep_waitlist
from subscriptions.operations.cancel import cancel_seat_by_house
from subscriptions.operations.offers import wait_for_seat
from tests.factories import make_guest_seat, make_live_session, make_staff, make_user


def sold_out_session(*, starts_in: timedelta = timedelta(days=7), capacity: int = 1) -> LiveSession:
    """A session in which every seat is a guest's."""
    live_session = make_live_session(starts_in=starts_in, capacity=capacity)
    for _ in range(capacity):
        make_guest_seat(live_session)
    return live_session


def waits(live_session: LiveSession, user: User | None = None, *, by_credit: bool = False, now: datetime | None = None) -> User:
    """A reader joins the waitlist."""
    reader = user or make_user()
    pay_by = WaitlistEntry.PayBy.CREDIT if by_credit else WaitlistEntry.PayBy.MONEY
    wait_for_seat(user=reader, live_session=live_session, pay_by=pay_by, now=now or clock.now())
    return reader


def free_a_seat(live_session: LiveSession, *, now: datetime | None = None) -> None:
    """A guest gives a seat back, and the sweep of that minute comes by."""
    now = now or clock.now()
    seat = Seat.objects.filter(live_session=live_session, state=Seat.State.CONFIRMED).order_by("id").first()
    assert seat
    cancel_seat_by_house(seat_id=seat.pk, actor=make_staff(), reason="cannot come", restitution=Seat.Restitution.FULL, now=now)
    sweep_waitlist(now=now)


def entry_of(user: User, live_session: LiveSession) -> WaitlistEntry:
    """The reader's last entry in that session."""
    found = WaitlistEntry.objects.filter(user=user, live_session=live_session).select_related("seat").order_by("-id").first()
    assert found
    return found


def states(live_session: LiveSession) -> list[str]:
    """The states of a session's entries in the order of joining."""
    return list(WaitlistEntry.objects.filter(live_session=live_session).values_list("state", flat=True))


def offers_mailed(user: User) -> int:
    """How many mails about an offer are owed, or were sent, to a reader."""
    return OutgoingMail.objects.filter(kind="waitlist_offer", recipient=user.email).count()
