"""What must hold of the whole database whenever nobody is at work in it, whatever came before: named as in the list of what must
never go wrong."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Count, F, Q, Sum
from django.db.models.functions import Lower

from redreport import clock
from redreport.outbox import kinds
from redreport.outbox.models import OutgoingMail
from sessions_live.models import HandOver, LiveSession, Seat, WaitlistEntry
from subscriptions.models import Case, CreditEntry, CreditGrant, Order, Payment, Refund, SeatCoverage

GIVEN_BACK = (Refund.State.PENDING, *Refund.STANDING)


def assert_invariants(*, now: datetime | None = None, sold_above_capacity: int = 0) -> None:
    """Everything below, over all rows. `sold_above_capacity`: how many seats the house itself left without room, by lowering it."""
    now = now or clock.now()
    broken = [
        *_seats(sold_above_capacity),
        *_coverage(),
        *_orders(),
        *_payments(),
        *_credits(),
        *_waitlist(),
        *_hand_overs(),
        *_mails(now),
    ]
    assert not broken, "\n".join(broken)


def _seats(sold_above_capacity: int) -> Iterator[str]:
    active = Seat.objects.filter(state__in=Seat.ACTIVE).order_by()
    per_session = active.values("live_session", "live_session__capacity").annotate(n=Count("id"))
    for row in per_session.filter(n__gt=F("live_session__capacity") + sold_above_capacity):
        yield f"I1: {row['n']} seats sold or held of {row['live_session__capacity']}"
    for row in active.values("live_session", "number").annotate(n=Count("id")).filter(n__gt=1):
        yield f"I1: number {row['number']} is {row['n']} seats"
    twice = active.annotate(email=Lower("attendee_email")).values("live_session", "email").annotate(n=Count("id"))
    for row in twice.filter(n__gt=1):
        yield f"I5: {row['email']} has {row['n']} seats in one session"
    for seat in active.filter(state__in=Seat.TAKEN, live_session__state=LiveSession.State.CANCELED):
        yield f"I2: {seat} is taken in a session that does not take place"


def _coverage() -> Iterator[str]:
    for seat in Seat.objects.filter(state__in=[*Seat.TAKEN, Seat.State.HELD], coverage__isnull=True):
        yield f"I3: nothing covers {seat}, which is {seat.state}"
    taken = SeatCoverage.objects.filter(seat__state__in=Seat.TAKEN).select_related("order", "credit_entry__grant__subscriber", "seat")
    for coverage in taken:
        entry, order = coverage.credit_entry, coverage.order
        if order and (order.fulfilled_at is None or order.live_session_id != coverage.seat.live_session_id):
            yield f"I3: {coverage} by an order that is {order.state}, not given, or of another session"
        if entry and (entry.kind, entry.seat_id) != (CreditEntry.Kind.SPEND, coverage.seat_id):
            yield f"I3: {coverage} by a line of the ledger that is not its own"
        if entry and entry.grant.subscriber.user_id != coverage.seat.booked_by_id:
            yield f"I3: {coverage} by somebody else's credit"
        if coverage.settled_at:
            yield f"I2: {coverage} is settled, and the seat still there"
    for entry in CreditEntry.objects.filter(kind=CreditEntry.Kind.SPEND, coverage__isnull=True):
        yield f"I2: a credit was spent on seat {entry.seat_id}, and does not cover it"


def _orders() -> Iterator[str]:
    for order in Order.objects.filter(kind=Order.Kind.SEAT):
        states = list(Seat.objects.filter(coverage__order=order).values_list("state", flat=True))
        held, given = states.count(Seat.State.HELD), sum(state in Seat.TAKEN for state in states)
        waits = order.state == Order.State.PENDING
        if held != (order.quantity if waits else 0):
            yield f"I2: {order} is {order.state} and holds {held} of {order.quantity} seats"
        if order.amount_minor != order.quantity * order.price.amount_minor or order.currency != order.price.currency:
            yield f"I3: {order} asks {order.amount_minor} for {order.quantity} seats"
        if given > order.quantity or (given and order.paid_at is None):
            yield f"I3: {given} seats given for {order}, which is {order.state}"
        if order.fulfilled_at and sum(state in (*Seat.TAKEN, Seat.State.CANCELED) for state in states) != order.quantity:
            yield f"I2: {order} counts as given, and its seats are {states}"


def _payments() -> Iterator[str]:
    for payment in Payment.objects.select_related("order"):
        owed = payment.refunds.filter(state__in=GIVEN_BACK).aggregate(sum=Sum("amount_minor"))["sum"] or 0
        if owed > payment.amount_minor or payment.refunded_minor != owed:
            yield f"I4: {owed} of {payment.amount_minor} is given back, noted {payment.refunded_minor}"
        order = payment.order
        if order is None or order.kind != Order.Kind.SEAT or Case.objects.filter(Q(payment=payment) | Q(order=order)).exists():
            continue
        seats = Seat.objects.filter(coverage__order=order)
        kept = seats.filter(state__in=Seat.TAKEN).count()
        forfeited = seats.filter(state=Seat.State.CANCELED).exclude(coverage__settlement=SeatCoverage.Settlement.REFUND).count()
        if owed < payment.amount_minor and kept + forfeited == 0:
            yield f"I2: {payment.amount_minor - owed} of {order} is kept, and no seat was given"
        if kept == order.quantity and order.payments.count() == 1 and owed == payment.amount_minor:
            yield f"I2: all of {order} is given back, and its seats are still there"


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


def _waitlist() -> Iterator[str]:
    entries = WaitlistEntry.objects.select_related("seat", "live_session", "user")
    open_entries = entries.filter(state__in=WaitlistEntry.OPEN)
    for row in open_entries.order_by().values("live_session", "user").annotate(n=Count("id")).filter(n__gt=1):
        yield f"I5: user {row['user']} waits {row['n']} times"
    for entry in open_entries.filter(state=WaitlistEntry.State.OFFERED):
        kept = entry.seat and entry.seat.state in (Seat.State.OFFERED, Seat.State.HELD)
        if not kept:
            yield f"I2: {entry} is offered a seat that is {entry.seat and entry.seat.state}"
    for entry in entries.filter(state=WaitlistEntry.State.SEATED):
        if entry.seat is None or entry.seat.state not in (*Seat.TAKEN, Seat.State.CANCELED):
            yield f"I2: {entry} counts as seated in a seat that is {entry.seat and entry.seat.state}"
    for entry in open_entries.exclude(live_session__state=LiveSession.State.PUBLISHED):
        yield f"I2: {entry} still waits in a session that is {entry.live_session.state}"
    for seat in Seat.objects.filter(state=Seat.State.OFFERED):
        if not open_entries.filter(seat=seat, state=WaitlistEntry.State.OFFERED).exists():
            yield f"I2: {seat} is offered to nobody"


def _hand_overs() -> Iterator[str]:
    for seat in Seat.objects.filter(hand_overs__isnull=False).distinct():
        last = HandOver.objects.filter(seat=seat).order_by("cancel_sequence").last()
        assert last
        if seat.attendee_email != last.to_email or seat.calendar_sequence <= last.cancel_sequence:
            yield f"I13: {seat} was handed to {last.to_email}, and is {seat.attendee_email}'s at {seat.calendar_sequence}"


def _mails(now: datetime) -> Iterator[str]:
    """No mail that would go out now says what is not so; whoever has a seat is owed a word of it."""
    unsent = OutgoingMail.objects.filter(state__in=OutgoingMail.OPEN_STATES)
    seats = {seat.pk: seat for seat in Seat.objects.select_related("live_session")}
    for mail in unsent.filter(schedule_version__isnull=False, context__has_key="seat_id"):
        seat = seats[mail.context["seat_id"]]
        is_old = mail.schedule_version != seat.live_session.schedule_version or (
            mail.kind.startswith("reminder_") and seat.state not in Seat.TAKEN
        )
        if is_old and kinds.find(mail.kind).guard(mail, now).action == "send":
            yield f"I13: {mail} would be sent, and {seat} is {seat.state} in version {seat.live_session.schedule_version}"
    told = set(OutgoingMail.objects.values_list("context__seat_id", flat=True))
    for seat in seats.values():
        if seat.state in Seat.TAKEN and seat.pk not in told:
            yield f"I15: nobody is told of {seat}"
