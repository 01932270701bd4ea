"""Seats for money that came past Stripe: by bank transfer, by check, as an invoice was paid."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db import transaction

from redreport import audit, wording
from redreport.accounts.models import User
from redreport.transactions import retried
from sessions_live.operations.locks import lock_live_session
from sessions_live.operations.seats import Attendee, take_confirmed_seat
from subscriptions import mails
from subscriptions.errors import NotReceived
from subscriptions.models import SeatCoverage
from subscriptions.operations.comps import given_before


@dataclass(frozen=True)
class Received:
    """What came: so much in minor units, on which day, and by which reference it is found in the house's books."""

    amount_minor: int
    currency: str
    paid_on: date
    reference: str


def check_received(received: Received, now: datetime) -> None:
    """Refuses with NotReceived what cannot have come."""
    if received.amount_minor < 1:
        raise NotReceived("Nothing was paid. Give a complimentary seat instead.")
    if received.paid_on > wording.house_day(now):
        raise NotReceived("The day on which it was paid lies in the future.")


@retried
def give_seat_paid_offline(
    *,
    live_session_id: int,
    attendee: Attendee,
    received: Received,
    actor: User,
    reason: str,
    request_id: UUID | None = None,
    now: datetime,
) -> SeatCoverage:
    """Give a seat for money that a member of staff knows to have come. Its booker is the reader with the attendee's address;
    where there is none, the member of staff stands in for one, as for a complimentary seat.

    The same `request_id` again is the same seat, whatever became of it since. Refuses with NotReceived, SalesClosed,
    AlreadySeated or SoldOut.
    """
    check_received(received, now)
    booker = reader_with_address(attendee.email) or actor
    with transaction.atomic():
        # The session's lock, as for every seat: the second of two workers who do the same finds what the first one gave.
        live_session = lock_live_session(live_session_id)
        given = given_before(request_id)
        if given:
            return given
        seat = take_confirmed_seat(live_session=live_session, attendee=attendee, booker=booker, by_house=True, now=now)
        coverage = SeatCoverage.objects.create(
            seat=seat,
            kind=SeatCoverage.Kind.OFFLINE,
            approved_by=actor,
            note=received.reference,
            amount_minor=received.amount_minor,
            currency=received.currency,
            paid_on=received.paid_on,
            request_id=request_id,
            created_at=now,
        )
        detail = {
            "amount_minor": received.amount_minor,
            "currency": received.currency,
            "paid_on": received.paid_on.isoformat(),
            "reference": received.reference,
        }
        audit.record(actor=actor, verb="gave", target=seat, reason=reason, detail=detail, now=now)
        mails.queue_seat_confirmed(seat=seat, now=now)
        return coverage


def recorded_under(reference: str) -> list[SeatCoverage]:
    """What was recorded under this reference before, however it was spaced or capitalized; with seat and session. One query."""
    offline = SeatCoverage.objects.filter(kind=SeatCoverage.Kind.OFFLINE, note__iexact=" ".join(reference.split()))
    return list(offline.select_related("seat__live_session").order_by("id"))


def reader_with_address(email: str) -> User | None:
    """The account whose address this is, if it is in use."""
    return User.objects.filter(email=email.lower(), is_active=True).first()
