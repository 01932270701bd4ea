"""Giving seats: to guests of the house, and to people whose money came past Stripe."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import date, datetime

from redreport.desk.jobs.effects import Effects
from redreport.desk.jobs.kinds import Draft, JobKind, PlanRow, Refused, Wishes
from redreport.desk.jobs.kinds import register as register_kind
from redreport.desk.jobs.seats import attendee_of, refused_in_words
from redreport.desk.models import JobItem
from redreport.money import format_money
from sessions_live.models import LiveSession, Seat
from sessions_live.operations.seats import Attendee, active_seats, number_by_house
from subscriptions.errors import NotReceived
from subscriptions.models import SeatCoverage
from subscriptions.operations.comps import give_complimentary_seat
from subscriptions.operations.offline import Received, check_received, give_seat_paid_offline, recorded_under


def register() -> None:
    """Make the jobs known."""
    register_kind(COMP)
    register_kind(OFFLINE)


def guest_draft(live_session: LiveSession, attendee: Attendee) -> Draft:
    """A row for somebody who is to have a seat."""
    firm = f", {attendee.firm}" if attendee.firm else ""
    values = {"live_session_id": live_session.pk, **asdict(attendee)}
    return Draft(f"{attendee.name}, {attendee.email}{firm}", values=values)


def paid_draft(live_session: LiveSession, attendee: Attendee, reference: str) -> Draft:
    """A row for somebody whose money came, which names what is recorded under the same reference already: one transfer that two
    of staff write down would stand twice in the books."""
    draft = guest_draft(live_session, attendee)
    recorded = "; ".join(_words_of(coverage) for coverage in recorded_under(reference))
    return replace(draft, about=f"{draft.about}: recorded under this reference before: {recorded}") if recorded else draft


def received_of(wishes: Wishes) -> Received:
    """What came, as the job keeps it."""
    return Received(wishes["amount_minor"], wishes["currency"], date.fromisoformat(wishes["paid_on"]), wishes["reference"])


def _planner(drafts: Sequence[Draft], wishes: Wishes, now: datetime) -> PlanRow:
    live_session = LiveSession.objects.get(pk=drafts[0].values["live_session_id"])
    active = active_seats(live_session)

    def plan(draft: Draft) -> Effects:
        with refused_in_words():
            number_by_house(live_session=live_session, active=active, attendee=attendee_of(draft), now=now)
        return Effects(seats_given=1, mails=1)

    return plan


def _planner_of_paid(drafts: Sequence[Draft], wishes: Wishes, now: datetime) -> PlanRow:
    received, plan_seat = received_of(wishes), _planner(drafts, wishes, now)

    def plan(draft: Draft) -> Effects:
        try:
            check_received(received, now)
        except NotReceived as refusal:
            raise Refused(str(refusal)) from refusal
        return plan_seat(draft) + Effects(payments_recorded=((received.currency, received.amount_minor),))

    return plan


def _give(item: JobItem, now: datetime) -> str:
    job = item.job
    with refused_in_words():
        coverage = give_complimentary_seat(
            live_session_id=item.values["live_session_id"],
            attendee=attendee_of(item),
            actor=job.made_by,
            reason=job.wishes["reason"],
            request_id=item.public_id,
            now=now,
        )
    return _given(coverage)


def _give_paid(item: JobItem, now: datetime) -> str:
    job = item.job
    received = received_of(job.wishes)
    with refused_in_words():
        coverage = give_seat_paid_offline(
            live_session_id=item.values["live_session_id"],
            attendee=attendee_of(item),
            received=received,
            actor=job.made_by,
            reason=job.wishes["reason"],
            request_id=item.public_id,
            now=now,
        )
    return f"{_given(coverage)} {format_money(received.amount_minor, received.currency)} is recorded."


def _words_of(coverage: SeatCoverage) -> str:
    seat, amount = coverage.seat, format_money(coverage.amount_minor or 0, coverage.currency)
    canceled = ", canceled" if seat.state == Seat.State.CANCELED else ""
    return f"{amount} for {seat.attendee_name}, “{seat.live_session.title}”{canceled}"


def _given(coverage: SeatCoverage) -> str:
    return f"Seat {coverage.seat.number} is theirs."


COMP = JobKind(
    name="give_seats",
    label="Give complimentary seats",
    permission="subscriptions.add_seatcoverage",
    plan=None,
    carry_out=_give,
    planner=_planner,
)

OFFLINE = JobKind(
    name="record_offline_payment",
    label="Record an offline payment",
    permission="subscriptions.add_seatcoverage",
    plan=None,
    carry_out=_give_paid,
    planner=_planner_of_paid,
)
