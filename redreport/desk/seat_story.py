"""The whole story of one seat in time order, read from every row that knows a part of it. A constant number of queries.

Links that are keys (a door, a way out) are in none of these rows, and so in no story.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Model, Q, QuerySet

from redreport import wording
from redreport.accounts.models import User
from redreport.audit.models import AuditEntry
from redreport.desk.models import RosterSeat
from redreport.desk.roster import paid_with
from redreport.money import format_money
from redreport.outbox import kinds
from redreport.outbox.models import OutgoingMail
from sessions_live.models import DoorEntry, Feedback, HandOver, LiveSession, Question, ScheduleChange, Seat, WaitlistEntry
from subscriptions.models import CreditEntry, Dispute, Refund, SeatCoverage
from subscriptions.order_words import price_text

# The latest so many of each kind: a seat that has more of anything is a curiosity.
MOST_OF_A_KIND = 100

AUDITED = {
    "checked_in": "Checked in by the desk",
    "check_in_undone": "Check-in taken back",
    "declined": "Said that they cannot come",
    "accepted_again": "Said that they can come after all",
    "restored": "Credit restored",
    "gave_back": "Refunded as goodwill",
}
# What is told better.
TOLD_OTHERWISE = ("canceled", "gave", "handed_over", "moved", "offered", "settled")


@dataclass(frozen=True)
class Event:
    """Something that happened to a seat: when, what, by whom, and the row that the admin can show of it."""

    at: datetime
    what: str
    who: str = ""
    # As `row_address` takes it.
    model: str = ""
    pk: int | None = None
    is_wrong: bool = False


@dataclass(frozen=True)
class Story:
    """All that is known of a seat."""

    events: list[Event]
    devices: int
    gave_feedback: bool


def story_of(seat: RosterSeat) -> Story:
    """`seat` has its session, booker, and what covers it with its order."""
    coverage: SeatCoverage | None = getattr(seat, "coverage", None)
    trail = list(_trail(seat, coverage))
    hand_overs = list(HandOver.objects.filter(seat=seat).select_related("made_by")[:MOST_OF_A_KIND])
    moves = [entry for entry in reversed(trail) if entry.verb == "moved" and entry.target_type == Seat._meta.label_lower]
    since = min(seat.held_at, coverage.created_at) if coverage else seat.held_at
    changes = list(_latest(_changes(_stays(seat, since, moves))))
    refunds = list(_latest(_refunds_of(coverage))) if coverage else []
    devices, entries = _entries(seat)
    feedback = Feedback.objects.filter(seat=seat).first()
    events = [
        *_waited(seat),
        *_taken(seat, since, hand_overs, trail),
        *(_covered(coverage) if coverage else ()),
        *(_gone_back(coverage, refunds) if coverage else ()),
        *(_changed(change) for change in changes),
        *_moved(moves),
        *(_handed_over(hand_over) for hand_over in hand_overs),
        *entries,
        *(Event(asked.asked_at, f"Asked the hosts: “{asked.text}”") for asked in _latest(Question.objects.filter(seat=seat))),
        *([Event(feedback.given_at, "Gave feedback")] if feedback else ()),
        *(_audited(entry) for entry in trail if entry.verb not in TOLD_OTHERWISE),
        *(_mailed(mail) for mail in _latest(_mails(seat, coverage, hand_overs, changes, refunds))),
    ]
    return Story(sorted(events, key=lambda event: event.at), devices, feedback is not None)


def _latest(rows: QuerySet[Model]) -> Iterable:
    return rows.order_by("-id")[:MOST_OF_A_KIND]


def _waited(seat: Seat) -> Iterator[Event]:
    entry = WaitlistEntry.objects.filter(seat=seat).first()
    if entry:
        row = ("sessions_live.waitlistentry", entry.pk)
        yield Event(entry.joined_at, "Joined the waitlist", entry.attendee_name, *row)
        if entry.offered_at and entry.offer_expires_at:
            yield Event(entry.offered_at, f"Offered this seat until {wording.short_house_time(entry.offer_expires_at)}", "", *row)


def _taken(seat: Seat, since: datetime, hand_overs: list[HandOver], trail: list[AuditEntry]) -> Iterator[Event]:
    first = hand_overs[0].from_name if hand_overs else seat.attendee_name
    yield Event(since, f"Seat taken for {first}", seat.booked_by.name)
    if seat.confirmed_at:
        yield Event(seat.confirmed_at, "Confirmed")
    if seat.canceled_at:
        canceled = [entry for entry in trail if entry.verb == "canceled"]
        reason = f": {seat.canceled_reason}" if seat.canceled_reason else ""
        said = f"Canceled by the {seat.canceled_by}{reason}"
        yield Event(seat.canceled_at, said, _who(canceled[0]) if canceled else "")


def _covered(coverage: SeatCoverage) -> Iterator[Event]:
    order = coverage.order
    if order:
        row = ("subscriptions.order", order.pk)
        yield Event(order.created_at, f"Order {order.number} made", "", *row)
        if order.paid_at:
            # Stripe's times are whole seconds, and so may seem to lie before ours.
            yield Event(max(order.paid_at, order.created_at), f"Paid: {price_text(order)}, order {order.number}", "", *row)
    elif coverage.kind in (SeatCoverage.Kind.COMP, SeatCoverage.Kind.OFFLINE):
        note = f": {coverage.note}" if coverage.note else ""
        approved_by = coverage.approved_by.name if coverage.approved_by else ""
        yield Event(coverage.created_at, f"{paid_with(coverage.seat)}{note}", approved_by)
    for entry in CreditEntry.objects.filter(seat=coverage.seat_id).select_related("actor").order_by("id")[:MOST_OF_A_KIND]:
        said = {"spend": "1 credit used", "return": "Credit returned"}.get(entry.kind, f"Credit: {entry.kind}")
        who = entry.actor.name if entry.actor else ""
        yield Event(entry.at, said, who, "subscriptions.creditentry", entry.pk)
    if coverage.settled_at:
        yield Event(coverage.settled_at, f"Settled: {coverage.get_settlement_display()}")


def _refunds_of(coverage: SeatCoverage) -> QuerySet[Refund]:
    """Those of this seat and those of the whole order; not those of another seat of the order."""
    of_order = Refund.objects.filter(payment__order__isnull=False, payment__order=coverage.order_id)
    return of_order.filter(Q(coverages=coverage) | Q(coverages__isnull=True)).select_related("made_by")


def _gone_back(coverage: SeatCoverage, refunds: list[Refund]) -> Iterator[Event]:
    for refund in refunds:
        said = f"Refund of {format_money(refund.amount_minor, refund.currency)}: {refund.state}"
        wrong = refund.state in Refund.GIVEN_UP
        who = refund.made_by.name if refund.made_by else ""
        yield Event(refund.created_at, said, who, "subscriptions.refund", refund.pk, is_wrong=wrong)
    disputes = Dispute.objects.filter(payment__order__isnull=False, payment__order=coverage.order_id)
    for dispute in disputes.order_by("-id")[:MOST_OF_A_KIND]:
        said = f"Payment disputed with the bank: {dispute.status}"
        yield Event(dispute.opened_at, said, "", "subscriptions.dispute", dispute.pk, is_wrong=True)


def _stays(seat: Seat, since: datetime, moves: list[AuditEntry]) -> list[tuple[int, datetime, datetime | None]]:
    """In which sessions the seat was, from when until when: staff may have moved it from one to another."""
    stays: list[tuple[int, datetime, datetime | None]] = []
    for move in moves:
        stays.append((move.detail["from"], since, move.at))
        since = move.at
    return [*stays, (seat.live_session_id, since, None)]


def _changes(stays: list[tuple[int, datetime, datetime | None]]) -> QuerySet[ScheduleChange]:
    """What became of each session while the seat was in it."""
    of_any = Q(pk__in=[])
    for live_session_id, begin, end in stays:
        of_this = Q(live_session=live_session_id, made_at__gte=begin)
        of_any |= of_this & Q(made_at__lt=end) if end else of_this
    return ScheduleChange.objects.filter(of_any).select_related("made_by")


def _moved(moves: list[AuditEntry]) -> Iterator[Event]:
    titles = LiveSession.objects.in_bulk({move.detail[way] for move in moves for way in ("from", "to")}) if moves else {}
    for move in moves:
        said = f"Moved from {titles[move.detail['from']]} to {titles[move.detail['to']]}: {move.reason}"
        yield Event(move.at, said, _who(move), "audit.auditentry", move.pk)


def _changed(change: ScheduleChange) -> Event:
    old, new = wording.short_house_time(change.old_starts_at), wording.short_house_time(change.new_starts_at)
    is_move = change.kind == ScheduleChange.Kind.MOVED
    said = f"Session moved from {old} to {new}" if is_move else "Session canceled"
    return Event(change.made_at, f"{said}: {change.reason}", change.made_by.name)


def _handed_over(hand_over: HandOver) -> Event:
    was, now_is = (hand_over.from_name, hand_over.from_email), (hand_over.to_name, hand_over.to_email)
    said = f"Handed over from {was[0]} ({was[1]}) to {now_is[0]} ({now_is[1]})"
    return Event(hand_over.made_at, said, hand_over.made_by.name)


def _entries(seat: Seat) -> tuple[int, list[Event]]:
    """How many devices came in, and each entry with the number of its device, which says no more than that it is another."""
    entries = list(DoorEntry.objects.filter(seat=seat).order_by("id")[:MOST_OF_A_KIND])
    numbers = {device: number for number, device in enumerate(dict.fromkeys(entry.device for entry in entries), 1)}
    return len(numbers), [
        Event(
            entry.entered_at, f"Came in through the door, device {numbers[entry.device]}", "", "sessions_live.doorentry", entry.pk
        )
        for entry in entries
    ]


def _trail(seat: Seat, coverage: SeatCoverage | None) -> Iterable[AuditEntry]:
    about = Q(target_type=Seat._meta.label_lower, target_id=str(seat.pk))
    if coverage:
        about |= Q(target_type=SeatCoverage._meta.label_lower, target_id=str(coverage.pk))
    return _latest(AuditEntry.objects.filter(about).select_related("actor"))


def _audited(entry: AuditEntry) -> Event:
    said = AUDITED.get(entry.verb, entry.verb.replace("_", " ").capitalize())
    return Event(entry.at, f"{said}: {entry.reason}" if entry.reason else said, _who(entry), "audit.auditentry", entry.pk)


def _who(entry: AuditEntry) -> str:
    actor = entry.actor
    return actor.name if isinstance(actor, User) else entry.actor_label


def _mails(
    seat: Seat,
    coverage: SeatCoverage | None,
    hand_overs: list[HandOver],
    changes: list[ScheduleChange],
    refunds: list[Refund],
) -> QuerySet[OutgoingMail]:
    """The mails about this seat, its order, its refunds and its session's changes, to anybody who ever had to do with it."""
    people = {seat.attendee_email, seat.booked_by.email, *(hand_over.from_email for hand_over in hand_overs)}
    about = Q(context__seat_id=seat.pk)
    about |= Q(context__user_id=seat.booked_by_id, context__change_id__in=[change.pk for change in changes])
    about |= Q(context__refund_id__in=[refund.pk for refund in refunds])
    if coverage and coverage.order_id:
        about |= Q(context__order_id=coverage.order_id)
    return OutgoingMail.objects.filter(about, recipient__in=people).defer("sent_bytes", "secret")


def _mailed(mail: OutgoingMail) -> Event:
    state = OutgoingMail.State(mail.state)
    at = mail.sent_at if state == OutgoingMail.State.SENT and mail.sent_at else mail.updated_at
    if state in OutgoingMail.OPEN_STATES:
        at = mail.created_at
    why = f" ({mail.reason})" if mail.reason else ""
    wrong = state in (OutgoingMail.State.FAILED, OutgoingMail.State.BOUNCED)
    said = f"Mail to {mail.recipient}: {kinds.label_of(mail.kind)} {state}{why}"
    return Event(at, said, "", "outbox.outgoingmail", mail.pk, is_wrong=wrong)
