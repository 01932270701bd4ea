"""The roster of a session: who sits in it, how each seat is paid, what was mailed last."""

from django.db.models import CharField, OuterRef, QuerySet, Subquery
from django.db.models.fields.json import KT
from django.db.models.functions import Cast

from redreport.desk.models import RosterSeat
from redreport.outbox import kinds
from redreport.outbox.models import OutgoingMail
from sessions_live.models import Seat
from subscriptions.mails import coverage_text


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


def paid_with(seat: RosterSeat) -> str:
    """'$250, RR-7F3K9QXW', '1 credit', 'Complimentary'; what is only held is not paid."""
    if seat.state in (Seat.State.HELD, Seat.State.OFFERED):
        return "not paid yet"
    coverage = seat.coverage
    words = coverage_text(coverage)
    return f"{words}, {coverage.order.number}" if coverage.order else words


def words_of_mail(kind: str | None, state: str | None) -> str:
    """'confirmation sent'; 'none' when no mail about the seat was owed yet."""
    return f"{kinds.label_of(kind)} {state}" if kind else "none"
