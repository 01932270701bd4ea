"""The roster of a session: who sits in it, how each seat is paid, what was mailed last."""

from django.db.models import CharField, F, OuterRef, QuerySet, Subquery, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Concat

from redreport.desk.models import RosterSeat
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
    summary = Concat(F("kind"), Value(": "), F("state"), output_field=CharField())
    return (
        RosterSeat.objects.filter(state__in=Seat.ACTIVE)
        .select_related("live_session", "coverage__order")
        .annotate(last_mail=Subquery(last_mail.annotate(summary=summary).values("summary")[:1]))
    )


def paid_with(seat: RosterSeat) -> str:
    """'$250, RR-7F3K9QXW', '1 credit', 'Complimentary'; what is only held is not paid."""
    if seat.state in (Seat.State.HELD, Seat.State.OFFERED):
        return "not paid yet"
    coverage = seat.coverage
    words = coverage_text(coverage)
    return f"{words}, {coverage.order.number}" if coverage.order else words
