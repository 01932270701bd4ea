"""Beginning a purchase: what the reader asked for is checked, a seat is held, an order stands. Stripe is not called here."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import F, Q, QuerySet

from redreport import policy
from redreport.accounts.models import User
from redreport.accounts.selectors import has_proven_email
from redreport.transactions import retried
from sessions_live.errors import SoldOut
from sessions_live.models import LiveSession, Seat
from sessions_live.operations.locks import lock_live_session
from sessions_live.operations.seats import (
    Attendee,
    change_held_attendees,
    check_hold_instead,
    hold_seats,
    take_confirmed_seat,
)
from subscriptions import mails
from subscriptions.errors import (
    EmailNotProven,
    HeldSeatsStay,
    PaymentUnderWay,
    PriceChanged,
    TooManyLapsedHolds,
    YearAlreadyRunning,
)
from subscriptions.models import Order, Plan, Price, SeatCoverage, Subscriber, Subscription
from subscriptions.operations.credits import spend_credit
from subscriptions.operations.subscribers import hold_account, lock_subscriber, subscriber_of
from subscriptions.selectors import current_price
from subscriptions.terms import consent_text


@retried
def start_seat_order(*, user: User, live_session_id: int, attendees: Sequence[Attendee], price_id: int, now: datetime) -> Order:
    """Hold a seat for each attendee, all or none, and make their order; or return the one that already holds as many for this
    buyer in this session, with the attendees named now.

    A pending order for another number of seats is returned as it is: it must be given up at Stripe before a new one can begin.
    Refuses with EmailNotProven, PaymentUnderWay, PriceChanged, TooManyLapsedHolds, SalesClosed, AlreadySeated, TooManySeats or
    SoldOut; with HeldSeatsStay where the other number cannot be had in place of what is held.
    """
    _require_proven_email(user)
    subscriber = subscriber_of(user)
    with transaction.atomic():
        # The session's lock: the count of its seats and the hold are one step; also a second click waits here for the first.
        live_session = lock_live_session(live_session_id)
        pending, lapsed = pending_and_lapsed(subscriber, live_session, now)
        if pending and pending[0].under_way_since:
            raise PaymentUnderWay
        if pending and pending[0].quantity == len(attendees):
            # Who comes back with other names means those.
            seats = _held_seats_of(pending[0])
            change_held_attendees(live_session=live_session, seats=seats, attendees=attendees)
            return pending[0]
        if len(lapsed) + sum(_would_lapse(order, now) for order in pending) >= policy.MAX_LAPSED_ORDERS:
            raise TooManyLapsedHolds
        price = price_in_force(Plan.SINGLE_SEAT, price_id)
        if pending:
            _check_other_number(pending[0], live_session, attendees, user, now)
            return pending[0]
        seats = hold_seats(live_session=live_session, attendees=attendees, booker=user, now=now)
        return order_held_seats(subscriber, live_session, price, seats, now)


@retried
def start_year_order(*, user: User, price_id: int, now: datetime) -> Order:
    """Make the order for a year, to whose renewal terms the reader has just consented, or return the pending one.

    Refuses with EmailNotProven, PaymentUnderWay, PriceChanged or YearAlreadyRunning.
    """
    _require_proven_email(user)
    subscriber = subscriber_of(user)
    with transaction.atomic():
        # The subscriber's lock: two clicks, one pending order.
        lock_subscriber(subscriber.pk)
        if Subscription.objects.filter(subscriber=subscriber, status__in=Subscription.LIVE).exists():
            raise YearAlreadyRunning
        orders = _orders_to_pay_for().filter(subscriber=subscriber, kind=Order.Kind.YEAR)
        if orders.filter(state=Order.State.PAID, fulfilled_at__isnull=True).exists():
            # Paid, and its subscription not heard of yet: a second one now would be paid twice.
            raise YearAlreadyRunning
        pending = orders.filter(state=Order.State.PENDING).first()
        if pending and pending.under_way_since:
            raise PaymentUnderWay
        if pending:
            return pending
        price = price_in_force(Plan.ANNUAL, price_id)
        hold_account(user)
        return Order.objects.create(
            subscriber=subscriber,
            kind=Order.Kind.YEAR,
            price=price,
            amount_minor=price.amount_minor,
            currency=price.currency,
            created_at=now,
            expires_at=now + policy.HOLD,
            checkout_expires_at=now + policy.CHECKOUT_LIFETIME,
            next_check_at=now + policy.CHECK_PENDING_EVERY,
            consent_version=policy.CONSENT_VERSION,
            consented_at=now,
            consent_text=consent_text(price),
        )


@retried
def book_with_credit(*, user: User, live_session_id: int, now: datetime) -> SeatCoverage:
    """Take a seat for the subscriber and spend one credit on it, in one step.

    Refuses with EmailNotProven, NoCredit, CreditExpiresBefore, SalesClosed, AlreadySeated or SoldOut.
    """
    _require_proven_email(user)
    subscriber = subscriber_of(user)
    with transaction.atomic():
        # Locks: the session, then its new seat, the subscriber, the grants. Two tabs with the last credit: the second finds none.
        live_session = lock_live_session(live_session_id)
        coverage = take_seat_with_credit(user=user, subscriber_id=subscriber.pk, live_session=live_session, actor=user, now=now)
        mails.queue_seat_confirmed(seat=coverage.seat, now=now)
        hold_account(user)
        return coverage


def order_held_seats(
    subscriber: Subscriber, live_session: LiveSession, price: Price, seats: Sequence[Seat], now: datetime
) -> Order:
    """The order that pays for these held seats; it covers them from now on, and counts once they are confirmed."""
    order = Order.objects.create(
        subscriber=subscriber,
        kind=Order.Kind.SEAT,
        live_session=live_session,
        price=price,
        quantity=len(seats),
        amount_minor=price.amount_minor * len(seats),
        currency=price.currency,
        created_at=now,
        expires_at=now + policy.HOLD,
        checkout_expires_at=now + policy.CHECKOUT_LIFETIME,
        next_check_at=now + policy.CHECK_PENDING_EVERY,
    )
    covered = {"kind": SeatCoverage.Kind.ORDER, "order": order, "created_at": now}
    SeatCoverage.objects.bulk_create(SeatCoverage(seat=seat, **covered) for seat in seats)
    hold_account(subscriber.user)
    return order


def take_seat_with_credit(
    *, user: User, subscriber_id: int, live_session: LiveSession, actor: User | None, now: datetime
) -> SeatCoverage:
    """A confirmed seat for the user, and a credit of theirs spent on it; `actor` is None where no person asked. The caller has
    locked `live_session`, and owes the mail.

    Refuses with NoCredit, CreditExpiresBefore, SalesClosed, AlreadySeated or SoldOut; of these only the first two come after
    something was written.
    """
    attendee = Attendee(user.name, user.email, user.firm)
    seat = take_confirmed_seat(live_session=live_session, attendee=attendee, booker=user, now=now)
    entry = spend_credit(subscriber_id=subscriber_id, seat=seat, live_session=live_session, actor=actor, now=now)
    return SeatCoverage.objects.create(seat=seat, kind=SeatCoverage.Kind.CREDIT, credit_entry=entry, created_at=now)


def _require_proven_email(user: User) -> None:
    if not has_proven_email(user):
        raise EmailNotProven


def price_in_force(plan: Plan, price_id: int) -> Price:
    price = current_price(plan)
    if price.pk != price_id:
        raise PriceChanged
    return price


def pending_and_lapsed(subscriber: Subscriber, live_session: LiveSession, now: datetime) -> tuple[list[Order], list[Order]]:
    """The buyer's order in this session that waits for its payment, and those that lapsed within the last day."""
    pending = Q(state=Order.State.PENDING)
    # A hold given back late kept the seat from others all the same.
    kept_long = Q(given_up_at__isnull=True) | Q(given_up_at__gt=F("created_at") + policy.HOLD_GIVEN_BACK_IN_TIME)
    lapsed = kept_long & Q(state=Order.State.EXPIRED, created_at__gt=now - policy.LAPSED_ORDERS_WINDOW)
    orders = _orders_to_pay_for().filter(pending | lapsed, subscriber=subscriber, live_session=live_session, kind=Order.Kind.SEAT)
    by_state: dict[str, list[Order]] = {Order.State.PENDING: [], Order.State.EXPIRED: []}
    for order in orders:
        by_state[order.state].append(order)
    return by_state[Order.State.PENDING], by_state[Order.State.EXPIRED]


def _held_seats_of(order: Order) -> list[Seat]:
    """What a pending order holds, by id and locked; the caller has locked the session."""
    held = Seat.objects.filter(coverage__order=order, state=Seat.State.HELD).order_by("id")
    return list(held.select_for_update(of=["self"], no_key=True))


def _would_lapse(order: Order, now: datetime) -> bool:
    """Whether giving a pending order up now counts as a lapse."""
    return now > order.created_at + policy.HOLD_GIVEN_BACK_IN_TIME


def _check_other_number(
    order: Order, live_session: LiveSession, attendees: Sequence[Attendee], user: User, now: datetime
) -> None:
    """Nobody gives up what they hold for seats that are not to be had."""
    seats = _held_seats_of(order)
    try:
        check_hold_instead(live_session=live_session, seats=seats, attendees=attendees, booker=user, now=now)
    except SoldOut:
        raise HeldSeatsStay(order.number, len(attendees)) from None


def _orders_to_pay_for() -> QuerySet[Order]:
    """Orders with all that their Checkout says."""
    return Order.objects.select_related("subscriber__user", "price", "live_session")
