"""The switch 'book me into every session', and the booking that it asks for."""

from datetime import datetime

from django.db import transaction
from django.db.models import Q

from redreport import audit, policy
from redreport.accounts.models import User
from redreport.accounts.selectors import has_proven_email
from redreport.transactions import retried
from sessions_live.errors import SoldOut
from sessions_live.models import LiveSession, Seat
from sessions_live.operations.locks import lock_live_session
from subscriptions import mails
from subscriptions.auto_booking import UNDECIDED
from subscriptions.errors import CreditExpiresBefore, EmailNotProven, NoCredit
from subscriptions.models import AutoBooking, AutoBookingAttempt, SeatCoverage
from subscriptions.operations.booking import take_seat_with_credit
from subscriptions.operations.credits import usable_grant
from subscriptions.operations.subscribers import lock_subscriber, subscriber_of

Outcome = AutoBookingAttempt.Outcome


def switch_on_auto_booking(*, user: User, now: datetime) -> None:
    """Have the user booked into every session published from now on, while credits last; on already, it changes nothing.

    Refuses with EmailNotProven.
    """
    if not has_proven_email(user):
        raise EmailNotProven
    subscriber = subscriber_of(user)
    with transaction.atomic():
        # The subscriber's lock: of two clicks the second finds it on.
        lock_subscriber(subscriber.pk)
        _, is_new = AutoBooking.objects.get_or_create(subscriber=subscriber, defaults={"since": now})
        if is_new:
            audit.record(actor=user, verb="auto_booking_on", target=subscriber, now=now)


def switch_off_auto_booking(*, user: User, now: datetime) -> None:
    """Book the user into nothing more by itself; the seats they have stay theirs. Off already, it changes nothing."""
    subscriber = subscriber_of(user)
    with transaction.atomic():
        # The subscriber's lock: a booking under way comes before it; none comes after it.
        lock_subscriber(subscriber.pk)
        switched_off, _ = AutoBooking.objects.filter(subscriber=subscriber).delete()
        if switched_off:
            audit.record(actor=user, verb="auto_booking_off", target=subscriber, now=now)


@retried
def book_automatically(*, subscriber_id: int, live_session_id: int, now: datetime) -> AutoBookingAttempt | None:
    """Try once to book a subscriber into a session with a credit, and note what came of it; they are told by mail.

    None, and nothing is changed, where it is not wanted (any more), was tried before, or has to wait: until their new address is
    proven, or until it is known whether a seat comes of an order or an offer of theirs.
    """
    with transaction.atomic():
        # Locks: the session, the subscriber, the grants. Another sweep, the switch, a booking by hand or new credits may come at
        # this moment: each goes before or after, none in between.
        live_session = lock_live_session(live_session_id)
        user = lock_subscriber(subscriber_id).user
        if not has_proven_email(user) or not _is_wanted(subscriber_id, live_session, now):
            return None
        seat_states = _seats_of(user, live_session)
        if any(state in UNDECIDED for state in seat_states):
            return None
        outcome, coverage = (Outcome.SEATED, None) if seat_states else _try(user, subscriber_id, live_session, now)
        told_before = _was_out_of_credits(subscriber_id)
        attempt = AutoBookingAttempt.objects.create(
            subscriber_id=subscriber_id, live_session=live_session, outcome=outcome, coverage=coverage, at=now
        )
        if coverage:
            mails.queue_auto_booked(seat=coverage.seat, now=now)
        elif outcome != Outcome.SEATED and not (outcome == Outcome.NO_CREDIT and told_before):
            mails.queue_not_booked(attempt=attempt, recipient=user.email, now=now)
        return attempt


def _is_wanted(subscriber_id: int, live_session: LiveSession, now: datetime) -> bool:
    if not live_session.is_on_sale(now) or live_session.published_at is None:
        return False
    if AutoBookingAttempt.objects.filter(subscriber_id=subscriber_id, live_session=live_session).exists():
        return False
    return AutoBooking.objects.filter(subscriber_id=subscriber_id, since__lte=live_session.published_at).exists()


def _seats_of(user: User, live_session: LiveSession) -> list[str]:
    """The states of the seats that the user has, or had and gave away, back to us or to a colleague: none is booked again."""
    sits_in_it = Q(attendee_email__iexact=user.email, state__in=Seat.ACTIVE)
    gave_it_back = Q(attendee_email__iexact=user.email, state=Seat.State.CANCELED, booked_by=user)
    handed_it_over = Q(hand_overs__from_email__iexact=user.email, booked_by=user)
    seats = Seat.objects.filter(sits_in_it | gave_it_back | handed_it_over, live_session=live_session)
    return list(seats.order_by().values_list("state", flat=True))


def _try(
    user: User, subscriber_id: int, live_session: LiveSession, now: datetime
) -> tuple[AutoBookingAttempt.Outcome, SeatCoverage | None]:
    """Everything that can refuse comes before anything is written."""
    try:
        usable_grant(subscriber_id=subscriber_id, live_session=live_session, now=now)
        if now > live_session.starts_at - policy.AUTO_BOOKING_BEFORE:
            return Outcome.TOO_SOON, None
        booked = take_seat_with_credit(user=user, subscriber_id=subscriber_id, live_session=live_session, actor=None, now=now)
    except (NoCredit, CreditExpiresBefore):
        return Outcome.NO_CREDIT, None
    except SoldOut:
        return Outcome.SOLD_OUT, None
    return Outcome.BOOKED, booked


def _was_out_of_credits(subscriber_id: int) -> bool:
    """Whether the last try that needed a credit found none: then the reader knows."""
    needed_one = AutoBookingAttempt.objects.filter(subscriber_id=subscriber_id, outcome__in=[Outcome.BOOKED, Outcome.NO_CREDIT])
    last = needed_one.order_by("-id").values_list("outcome", flat=True).first()
    return last == Outcome.NO_CREDIT
