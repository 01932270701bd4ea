"""A session with hundreds of seats, inserted as rows: what each operation would write, without waiting for it."""

from redreport import clock
from redreport.accounts.models import User
from sessions_live.models import LiveSession, Seat
from subscriptions.models import CreditEntry, CreditGrant, SeatCoverage, Subscriber
from tests.factories import make_staff


def fill(live_session: LiveSession, *, by_credit: int, guests: int) -> list[Seat]:
    """Seats that readers took with their last credit, and seats that the house gave, beside those that are there."""
    now, first = clock.now(), live_session.seats.count() + 1
    readers = User.objects.bulk_create(
        User(email=f"full-house-{number}@example.com", name=f"Reader {number}", password="!")
        for number in range(by_credit + guests)
    )
    staff = make_staff()
    seats = Seat.objects.bulk_create(
        Seat(
            live_session=live_session,
            number=first + number,
            state=Seat.State.CONFIRMED,
            attendee_name=reader.name,
            attendee_email=reader.email,
            booked_by=reader if number < by_credit else staff,
            held_at=now,
            confirmed_at=now,
        )
        for number, reader in enumerate(readers)
    )
    spent = _spend(readers[:by_credit], seats[:by_credit])
    SeatCoverage.objects.bulk_create(
        [
            *(
                SeatCoverage(seat=entry.seat, kind=SeatCoverage.Kind.CREDIT, credit_entry=entry, created_at=now)
                for entry in spent
            ),
            *(
                SeatCoverage(seat=seat, kind=SeatCoverage.Kind.COMP, approved_by=staff, note="a guest", created_at=now)
                for seat in seats[by_credit:]
            ),
        ]
    )
    return seats


def _spend(readers: list[User], seats: list[Seat]) -> list[CreditEntry]:
    """Each reader's one credit, granted and spent on their seat."""
    now = clock.now()
    subscribers = Subscriber.objects.bulk_create(Subscriber(user=reader, created_at=now) for reader in readers)
    grants = CreditGrant.objects.bulk_create(
        CreditGrant(
            subscriber=subscriber,
            stripe_invoice_line_id=f"il_full_house_{subscriber.pk}",
            credits=1,
            balance=0,
            valid_from=now,
            expires_at=now.replace(year=now.year + 1),
            created_at=now,
        )
        for subscriber in subscribers
    )
    kinds = CreditEntry.Kind
    CreditEntry.objects.bulk_create(
        CreditEntry(grant=grant, kind=kinds.GRANT, delta=1, balance_after=1, reason="Annual subscription paid", at=now)
        for grant in grants
    )
    return CreditEntry.objects.bulk_create(
        CreditEntry(grant=grant, kind=kinds.SPEND, delta=-1, balance_after=0, seat=seat, reason="Booked", at=now)
        for grant, seat in zip(grants, seats, strict=True)
    )
