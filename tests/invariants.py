"""What must hold of the whole database whenever nobody is at work in it, whatever came before: named as in the list of what must
never go wrong."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from functools import cached_property

from redreport import clock
from redreport.audit.models import AuditEntry
from redreport.outbox import kinds
from redreport.outbox.models import OutgoingMail
from sessions_live.models import HandOver, LiveSession, Seat, WaitlistEntry
from subscriptions.models import Case, CreditEntry, CreditGrant, Order, Refund, SeatCoverage

OWED_OR_GIVEN_BACK = (Refund.State.PENDING, *Refund.STANDING)
EVER_GIVEN = (*Seat.TAKEN, Seat.State.CANCELED)


def assert_invariants(*, now: datetime | None = None, sold_above_capacity: int = 0) -> None:
    """Everything below, over all rows. `sold_above_capacity`: how many seats the house left without room when it lowered it."""
    rows, now = Rows(), now or clock.now()
    broken = [
        *_seats(rows, sold_above_capacity),
        *_coverage(rows),
        *_orders(rows),
        *_payments(rows),
        *_credits(),
        *_waitlist(rows),
        *_hand_overs(rows),
        *_mails(rows, now),
    ]
    assert not broken, "\n".join(broken)


def assert_nothing_sold_twice(*, sold_above_capacity: int = 0) -> None:
    """No seat and no number twice, at this very moment: also while what follows an operation is still to come."""
    broken = list(_seats(Rows(), sold_above_capacity))
    assert not broken, "\n".join(broken)


class Rows:
    """Every row that concerns seats, read once."""

    @cached_property
    def seats(self) -> dict[int, Seat]:
        related = Seat.objects.select_related(
            "live_session", "coverage__order__price", "coverage__refund", "coverage__credit_entry__grant__subscriber"
        )
        return {seat.pk: seat for seat in related.order_by("id")}

    @cached_property
    def active(self) -> list[Seat]:
        return [seat for seat in self.seats.values() if seat.state in Seat.ACTIVE]

    @cached_property
    def moved(self) -> set[int]:
        """The seats that staff moved to another session than they were booked for."""
        entries = AuditEntry.objects.filter(target_type="sessions_live.seat", verb="moved")
        return {int(seat_id) for seat_id in entries.values_list("target_id", flat=True)}

    @cached_property
    def orders(self) -> list[Order]:
        seat_orders = Order.objects.filter(kind=Order.Kind.SEAT).select_related("price")
        return list(seat_orders.prefetch_related("payments__refunds"))

    def seats_of(self, order: Order) -> list[Seat]:
        covered = [(seat, coverage_of(seat)) for seat in self.seats.values()]
        return [seat for seat, coverage in covered if coverage and coverage.order_id == order.pk]

    @cached_property
    def waitlist(self) -> list[WaitlistEntry]:
        return list(WaitlistEntry.objects.select_related("live_session"))


def coverage_of(seat: Seat) -> SeatCoverage | None:
    return getattr(seat, "coverage", None)


def _seats(rows: Rows, sold_above_capacity: int) -> Iterator[str]:
    capacities = {seat.live_session_id: seat.live_session.capacity for seat in rows.active}
    for live_session_id, sold in Counter(seat.live_session_id for seat in rows.active).items():
        if sold > capacities[live_session_id] + sold_above_capacity:
            yield f"I1: {sold} seats sold or held of {capacities[live_session_id]}"
    for (_, number), sold in Counter((seat.live_session_id, seat.number) for seat in rows.active).items():
        if sold > 1:
            yield f"I1: number {number} is {sold} seats"
    for (_, email), sold in Counter((seat.live_session_id, seat.attendee_email.lower()) for seat in rows.active).items():
        if sold > 1:
            yield f"I5: {email} has {sold} seats in one session"
    for seat in rows.active:
        if seat.state in Seat.TAKEN and seat.live_session.state == LiveSession.State.CANCELED:
            yield f"I2: {seat} is taken in a session that does not take place"


def _coverage(rows: Rows) -> Iterator[str]:
    for seat in rows.active:
        coverage = coverage_of(seat)
        if coverage is None:
            if seat.state != Seat.State.OFFERED:
                yield f"I3: nothing covers {seat}, which is {seat.state}"
            continue
        if seat.state not in Seat.TAKEN:
            continue
        entry, order = coverage.credit_entry, coverage.order
        is_elsewhere = order and order.live_session_id != seat.live_session_id and seat.pk not in rows.moved
        if order and (order.fulfilled_at is None or is_elsewhere):
            yield f"I3: {coverage} by an order that is {order.state}, not given, or of another session"
        if entry and (entry.kind, entry.seat_id) != (CreditEntry.Kind.SPEND, seat.pk):
            yield f"I3: {coverage} by a line of the ledger that is not its own"
        if entry and entry.grant.subscriber.user_id != seat.booked_by_id:
            yield f"I3: {coverage} by somebody else's credit"
        if coverage.settled_at:
            yield f"I2: {coverage} is settled, and the seat still there"
    for entry in CreditEntry.objects.filter(kind=CreditEntry.Kind.SPEND, coverage__isnull=True):
        yield f"I2: a credit was spent on seat {entry.seat_id}, and does not cover it"


def _orders(rows: Rows) -> Iterator[str]:
    for order in rows.orders:
        states = [seat.state for seat in rows.seats_of(order)]
        held, given = states.count(Seat.State.HELD), sum(state in Seat.TAKEN for state in states)
        if held != (order.quantity if order.state == Order.State.PENDING else 0):
            yield f"I2: {order} is {order.state} and holds {held} of {order.quantity} seats"
        if (order.amount_minor, order.currency) != (order.quantity * order.price.amount_minor, order.price.currency):
            yield f"I3: {order} asks {order.amount_minor} {order.currency} for {order.quantity} seats"
        if given > order.quantity or (given and order.paid_at is None):
            yield f"I3: {given} seats given for {order}, which is {order.state}"
        if order.fulfilled_at and sum(state in EVER_GIVEN for state in states) != order.quantity:
            yield f"I2: {order} counts as given, and its seats are {states}"


def _payments(rows: Rows) -> Iterator[str]:
    with_a_person = {(case.order_id, case.payment_id) for case in Case.objects.all()}
    for order in rows.orders:
        seats = rows.seats_of(order)
        kept = [seat for seat in seats if seat.state in Seat.TAKEN or is_forfeited(seat)]
        payments = list(order.payments.all())
        for payment in payments:
            refunds = [refund for refund in payment.refunds.all() if refund.state in OWED_OR_GIVEN_BACK]
            owed = sum(refund.amount_minor for refund in refunds)
            if owed > payment.amount_minor or payment.refunded_minor != owed:
                yield f"I4: {owed} of {payment.amount_minor} is given back, noted {payment.refunded_minor}"
            if any(payment.pk == case_payment or order.pk == case_order for case_order, case_payment in with_a_person):
                continue
            unsettled = [seat for seat in seats if seat.state == Seat.State.CANCELED and not seat.coverage.settled_at]
            if owed < payment.amount_minor and not kept and not unsettled:
                yield f"I2: {payment.amount_minor - owed} of {order} is kept, and no seat was given"
            if len(payments) == 1 and owed == payment.amount_minor and kept:
                yield f"I2: all of {order} is given back, and a seat of it is still there"


def is_forfeited(seat: Seat) -> bool:
    """Whether a canceled seat's price was kept, by the written rule or because a person decides."""
    settlement = seat.coverage.settlement if seat.state == Seat.State.CANCELED else ""
    return settlement not in ("", SeatCoverage.Settlement.REFUND)


def _credits() -> Iterator[str]:
    for grant in CreditGrant.objects.prefetch_related("entries"):
        balance = 0
        # In the order in which they were written, which the grant's lock makes the order of their balances.
        for entry in sorted(grant.entries.all(), key=lambda entry: entry.pk):
            balance += entry.delta
            if entry.balance_after != balance:
                yield f"I7: a line of {grant} says {entry.balance_after} where {balance} were left"
        if grant.balance != balance or not 0 <= balance <= grant.credits:
            yield f"I7: {grant} where the ledger has {balance}"


def _waitlist(rows: Rows) -> Iterator[str]:
    waiting = Counter((entry.live_session_id, entry.user_id) for entry in rows.waitlist if entry.state in WaitlistEntry.OPEN)
    for (_, user_id), times in waiting.items():
        if times > 1:
            yield f"I5: user {user_id} waits {times} times"
    for entry in rows.waitlist:
        seat = rows.seats.get(entry.seat_id or 0)
        state = seat.state if seat else None
        if entry.state == WaitlistEntry.State.OFFERED and state not in (Seat.State.OFFERED, Seat.State.HELD):
            yield f"I2: {entry} is offered a seat that is {state}"
        if entry.state == WaitlistEntry.State.SEATED and state not in EVER_GIVEN:
            yield f"I2: {entry} counts as seated in a seat that is {state}"
        if entry.state in WaitlistEntry.OPEN and entry.live_session.state != LiveSession.State.PUBLISHED:
            yield f"I2: {entry} still waits in a session that is {entry.live_session.state}"
    offered = {entry.seat_id for entry in rows.waitlist if entry.state == WaitlistEntry.State.OFFERED}
    for seat in rows.active:
        if seat.state == Seat.State.OFFERED and seat.pk not in offered:
            yield f"I2: {seat} is offered to nobody"


def _hand_overs(rows: Rows) -> Iterator[str]:
    last = {hand_over.seat_id: hand_over for hand_over in HandOver.objects.order_by("cancel_sequence")}
    for seat_id, hand_over in last.items():
        seat = rows.seats[seat_id]
        if seat.attendee_email != hand_over.to_email or seat.calendar_sequence <= hand_over.cancel_sequence:
            yield f"I13: {seat} was handed to {hand_over.to_email}, and is {seat.attendee_email}'s at {seat.calendar_sequence}"


def _mails(rows: Rows, now: datetime) -> Iterator[str]:
    """No mail that would go out now says what is not so any more; and whoever has a seat is owed a word of it."""
    mails = list(OutgoingMail.objects.filter(context__has_key="seat_id"))
    for mail in mails:
        seat = rows.seats[mail.context["seat_id"]]
        of_old_time = mail.schedule_version not in (None, seat.live_session.schedule_version)
        of_lost_seat = mail.kind.startswith("reminder_") and seat.state not in Seat.TAKEN
        if mail.state in OutgoingMail.OPEN_STATES and (of_old_time or of_lost_seat) and is_sent(mail, now):
            yield f"I13: {mail} would be sent, and {seat} is {seat.state} in version {seat.live_session.schedule_version}"
    told = {(mail.context["seat_id"], mail.recipient) for mail in mails}
    for seat in rows.active:
        if seat.state in Seat.TAKEN and (seat.pk, seat.attendee_email) not in told:
            yield f"I15: {seat.attendee_email} is not told of {seat}"


def is_sent(mail: OutgoingMail, now: datetime) -> bool:
    return kinds.find(mail.kind).guard(mail, now).action == "send"
