"""The rosters: who sits in a session, how each seat is paid, what was mailed about it."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import CharField, OuterRef, QuerySet, Subquery
from django.db.models.fields.json import KT
from django.db.models.functions import Cast

from redreport.desk.models import RosterSeat
from redreport.money import format_money
from redreport.outbox import kinds
from redreport.outbox.models import OutgoingMail
from sessions_live.models import Seat
from subscriptions.mails import coverage_text
from subscriptions.models import SeatCoverage

NOT_SENT = (OutgoingMail.State.FAILED, OutgoingMail.State.BOUNCED)


@dataclass
class SeatMails:
    """What was mailed about a seat to who sits in it and who booked it: how many went out, what did not, what still will."""

    sent: int = 0
    waiting: int = 0
    failed: list[str] = field(default_factory=list)

    def add(self, mail: OutgoingMail) -> None:
        """Count one more; what was withheld or missed was no longer to be sent."""
        if mail.state in NOT_SENT:
            self.failed.append(kinds.label_of(mail.kind))
        self.sent += mail.state == OutgoingMail.State.SENT
        self.waiting += mail.state in OutgoingMail.OPEN_STATES


def roster_seats() -> QuerySet[RosterSeat]:
    """Active seats with session, coverage, order and the last mail about each; one query however many."""
    last_mail = (
        OutgoingMail.objects.filter(recipient=OuterRef("attendee_email"))
        .annotate(seat_key=KT("context__seat_id"))
        .filter(seat_key=Cast(OuterRef("pk"), CharField()))
        .order_by("-id")
    )
    return (
        RosterSeat.objects.filter(state__in=Seat.ACTIVE)
        .select_related("live_session", "coverage__order")
        .annotate(last_mail_kind=Subquery(last_mail.values("kind")[:1]), last_mail_state=Subquery(last_mail.values("state")[:1]))
    )


def mails_about(seats: Iterable[Seat]) -> dict[int, SeatMails]:
    """The mails about each of these seats, by its id; the seats have their bookers. One query, by the recipients' index."""
    seats = list(seats)
    recipients = {address for seat in seats for address in (seat.attendee_email, seat.booked_by.email)}
    about = OutgoingMail.objects.filter(recipient__in=recipients, context__seat_id__in=[seat.pk for seat in seats])
    found: dict[int, SeatMails] = defaultdict(SeatMails)
    for mail in about.order_by("id").only("kind", "state", "context"):
        found[mail.context["seat_id"]].add(mail)
    return found


def paid_with(seat: Seat) -> str:
    """'$250, RR-7F3K9QXW', '1 credit', 'Complimentary', 'Offline payment of $250'; what is only held is not paid."""
    coverage: SeatCoverage | None = getattr(seat, "coverage", None)
    if coverage is None or seat.state not in (*Seat.TAKEN, Seat.State.CANCELED):
        return "not paid yet"
    if coverage.kind == SeatCoverage.Kind.OFFLINE and coverage.amount_minor:
        return f"Offline payment of {format_money(coverage.amount_minor, coverage.currency)}"
    words = coverage_text(coverage)
    return f"{words}, {coverage.order.number}" if coverage.order else words


def words_of_mail(kind: str | None, state: str | None) -> str:
    """'confirmation sent'; 'none' when no mail about the seat was owed yet."""
    return f"{kinds.label_of(kind)} {state}" if kind else "none"
