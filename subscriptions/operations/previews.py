"""What moving or canceling a whole session would do, to the cent and to the mail, reckoned by what then does it. Only reads."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F

from redreport.outbox.kinds import RenderedMail
from sessions_live.mails.cancellations import owed_after_cancellation
from sessions_live.mails.moves import SESSION_MOVED, owed_after_move, render_session_moved
from sessions_live.mails.samples import as_if_canceled, as_if_moved, sample_mail, sample_seat
from sessions_live.models import LiveSession, ScheduleChange, Seat
from sessions_live.operations.cancellations import CancelPreview, preview_cancel, who_waits
from sessions_live.operations.moves import MovePreview, preview_move
from subscriptions.mails.cancellations import SEAT_CANCELED, mails_of_cancellation, render_seat_canceled
from subscriptions.mails.moves import owed_to_bookers
from subscriptions.models import Order, SeatCoverage
from subscriptions.operations.settle import plan_settlement
from subscriptions.operations.what_paid import what_paid_for
from subscriptions.settlement import SettlementPlan, Why, what_comes_back

Made = SeatCoverage.Settlement

# Whose mail it is, as staff read it.
BOOKED_THEMSELVES, BOOKED_BY_ANOTHER = "An attendee who booked the seat", "An attendee whose seat somebody else booked"
WHAT_COMES_BACK = {Made.REFUND: "An attendee who paid", Made.CREDIT: "An attendee who used a credit"}
WHY_NOTHING_BY_ITSELF = {
    Why.FREE: "An attendee who paid nothing",
    Why.PAYMENT_WENT_BACK: "An attendee whose money went back before",
    Why.YEAR_WENT_BACK: "An attendee whose year was refunded",
    Why.PAID_PAST_STRIPE: "An attendee who paid past Stripe",
    Why.DISPUTED: "An attendee whose bank asks for the money back",
}


@dataclass(frozen=True)
class SampleMail:
    """A mail as it would go out, and to whom such a one goes."""

    to_whom: str
    rendered: RenderedMail


@dataclass(frozen=True)
class MoveConsequences:
    """What `move_live_session_and_follow` would do."""

    live_session: MovePreview
    # Readers who booked seats for others, and are written to about them.
    bookers: int
    # Purchases under way: Stripe is asked about each at once.
    open_orders: int
    mails: int


@dataclass(frozen=True)
class CancelConsequences:
    """What `cancel_live_session_and_settle` and the workers after it would do. Sums are in minor units by currency."""

    live_session: CancelPreview
    open_orders: int
    mails: int
    refunds: tuple[tuple[str, int], ...]
    refunds_made: int
    credits_returned: int
    # Guests, and seats for which nothing was paid.
    free: int
    # What paid for them has gone back by other ways: nothing is left to return.
    gone_back: int
    # A person returns these.
    paid_past_stripe: int
    # With the card's bank, which decides.
    disputed: int

    @property
    def cases(self) -> int:
        """How many seats a person has to decide about."""
        return self.paid_past_stripe + self.disputed


def preview_session_move(
    *, live_session: LiveSession, starts_at: datetime, duration_minutes: int, now: datetime
) -> MoveConsequences:
    """What the move would do now; the same number of queries for any number of seats. Refuses with NotMovable where it would."""
    found = preview_move(live_session=live_session, starts_at=starts_at, duration_minutes=duration_minutes, now=now)
    change = as_if_moved(live_session, starts_at=starts_at, duration_minutes=duration_minutes, message="", now=now)
    bookers = owed_to_bookers(change)
    return MoveConsequences(
        live_session=found,
        bookers=len(bookers),
        open_orders=_open_orders(live_session),
        mails=len(owed_after_move(change)) + len(bookers),
    )


def mails_of_session_move(
    *, live_session: LiveSession, starts_at: datetime, duration_minutes: int, message: str, now: datetime
) -> list[SampleMail]:
    """What attendees would read of the move: who booked the seat themselves, and whom somebody else booked."""
    change = as_if_moved(live_session, starts_at=starts_at, duration_minutes=duration_minutes, message=message, now=now)
    taken = Seat.objects.filter(live_session=live_session, state__in=Seat.TAKEN)
    own = taken.filter(booked_by__email=F("attendee_email"))
    sorts = [(BOOKED_THEMSELVES, False, own), (BOOKED_BY_ANOTHER, True, taken.exclude(pk__in=own))]
    mail = sample_mail(SESSION_MOVED, now)
    return [
        SampleMail(sort, render_session_moved(mail=mail, seat=_sample(change, is_another, now), change=change))
        for sort, is_another, seats in sorts
        if seats.exists()
    ]


def preview_session_cancellation(*, live_session: LiveSession, now: datetime) -> CancelConsequences:
    """What the cancellation would do now; the same number of queries for any number of seats. Refuses with NotCancelable where
    it would."""
    found = preview_cancel(live_session=live_session, now=now)
    plans = _plans(live_session, now)
    change = as_if_canceled(live_session, message="", now=now)
    was_published = live_session.state == LiveSession.State.PUBLISHED
    told = owed_after_cancellation(change, who_waits(live_session).select_related("user")) if was_published else []
    why = Counter(plan.why for _, plan in plans)
    refunds: Counter[str] = Counter()
    for _, plan in plans:
        if plan.settlement == Made.REFUND:
            refunds[plan.currency] += plan.amount_minor
    made = Counter(plan.settlement for _, plan in plans)
    return CancelConsequences(
        live_session=found,
        open_orders=_open_orders(live_session),
        mails=len(told) + sum(len(mails_of_cancellation(coverage.seat, coverage)) for coverage, _ in plans),
        refunds=tuple(sorted(refunds.items())),
        refunds_made=made[Made.REFUND],
        credits_returned=made[Made.CREDIT],
        free=why[Why.FREE],
        gone_back=why[Why.PAYMENT_WENT_BACK] + why[Why.YEAR_WENT_BACK],
        paid_past_stripe=why[Why.PAID_PAST_STRIPE],
        disputed=why[Why.DISPUTED],
    )


def mails_of_session_cancellation(*, live_session: LiveSession, message: str, now: datetime) -> list[SampleMail]:
    """What attendees would read of the cancellation: one mail of each sort, by what comes back for the seat."""
    change = as_if_canceled(live_session, message=message, now=now)
    sorts: dict[str, tuple[bool, str]] = {}
    for coverage, plan in _plans(live_session, now):
        is_another = coverage.seat.is_booked_for_another
        says_nothing = is_another or coverage.kind == SeatCoverage.Kind.COMP
        comes_back = "" if says_nothing else what_comes_back(plan, is_done=True)
        sorts.setdefault(_sort_of(coverage, plan), (is_another, comes_back))
    mails = []
    for sort, (is_another, comes_back) in sorts.items():
        seat = _sample(change, is_another, now)
        seat.canceled_at, seat.canceled_by = now, Seat.CanceledBy.HOUSE
        mail = sample_mail(SEAT_CANCELED, now)
        mails.append(SampleMail(sort, render_seat_canceled(mail=mail, seat=seat, change=change, comes_back=comes_back)))
    return mails


def _sort_of(coverage: SeatCoverage, plan: SettlementPlan) -> str:
    if coverage.kind == SeatCoverage.Kind.COMP:
        return "A guest of the house"
    if coverage.seat.is_booked_for_another:
        return BOOKED_BY_ANOTHER
    return WHY_NOTHING_BY_ITSELF[plan.why] if plan.why else WHAT_COMES_BACK[plan.settlement]


def _plans(live_session: LiveSession, now: datetime) -> list[tuple[SeatCoverage, SettlementPlan]]:
    """What each taken seat's coverage would come to, one after the other: of a payment that several seats share, and of which
    something went back before, the last ones get what is left."""
    taken = SeatCoverage.objects.filter(seat__live_session=live_session, seat__state__in=Seat.TAKEN).order_by("seat_id")
    coverages = list(taken.select_related("seat__live_session", "seat__booked_by", "credit_entry__grant"))
    paid = what_paid_for(coverages)
    planned = []
    for coverage in coverages:
        house, full = Seat.CanceledBy.HOUSE, Seat.Restitution.FULL
        plan = plan_settlement(coverage=coverage, by=house, restitution=full, now=now, paid=paid)
        if plan.settlement == Made.REFUND:
            assert plan.payment is not None
            plan.payment.refunded_minor += plan.amount_minor
        planned.append((coverage, plan))
    return planned


def _sample(change: ScheduleChange, is_another: bool, now: datetime) -> Seat:
    return sample_seat(change.live_session, is_booked_for_another=is_another, now=now)


def _open_orders(live_session: LiveSession) -> int:
    return Order.objects.filter(live_session=live_session, state=Order.State.PENDING).count()
