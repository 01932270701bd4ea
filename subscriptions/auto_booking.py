"""Reading the switch 'book me into every session': who is owed a try, and what came of those made."""

from datetime import datetime

from allauth.account.models import EmailAddress
from django.db.models import Exists, OuterRef, QuerySet

from redreport.accounts.models import User
from sessions_live.models import LiveSession, Seat
from subscriptions.models import AutoBooking, AutoBookingAttempt

# Whether a seat will come of these is not known yet.
UNDECIDED = (Seat.State.HELD, Seat.State.OFFERED)


def auto_booking_of(*, user: User) -> AutoBooking | None:
    """The user's switch while it is on."""
    return AutoBooking.objects.filter(subscriber__user=user).first()


def attempts_in_coming_sessions(*, user: User, now: datetime) -> QuerySet[AutoBookingAttempt]:
    """What came of booking the user into sessions that have not begun, soonest first."""
    attempts = AutoBookingAttempt.objects.filter(subscriber__user=user, live_session__starts_at__gt=now)
    return attempts.select_related("live_session", "coverage__seat").order_by("live_session__starts_at", "live_session_id")


def bookings_to_try(*, now: datetime, limit: int) -> list[tuple[int, int]]:
    """Pairs of a subscriber and a session on sale into which they were not tried yet: the soonest session first, in it whoever
    switched it on first. Whoever has to wait, because an address is unproven or an order or offer undecided, stands before
    nobody. Two queries, and one for each session on sale."""
    pairs: list[tuple[int, int]] = []
    on_sale = LiveSession.objects.filter(state=LiveSession.State.PUBLISHED, starts_at__gt=now)
    for live_session in on_sale.order_by("starts_at", "id").only("id", "published_at"):
        subscriber_ids = _untried(live_session).values_list("subscriber_id", flat=True)[: limit - len(pairs)]
        pairs += [(subscriber_id, live_session.pk) for subscriber_id in subscriber_ids]
        if len(pairs) == limit:
            break
    return pairs


def _untried(live_session: LiveSession) -> QuerySet[AutoBooking]:
    tried = AutoBookingAttempt.objects.filter(subscriber=OuterRef("subscriber"), live_session=live_session)
    address = OuterRef("subscriber__user__email")
    proven = EmailAddress.objects.filter(user=OuterRef("subscriber__user"), email=address, verified=True)
    undecided = Seat.objects.filter(live_session=live_session, state__in=UNDECIDED, attendee_email=address)
    wanted = AutoBooking.objects.filter(since__lte=live_session.published_at, subscriber__user__is_active=True)
    return wanted.filter(~Exists(tried), ~Exists(undecided), Exists(proven)).order_by("since", "id")
