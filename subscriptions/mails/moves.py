"""The mail to who booked seats for others in a session that was moved."""

from datetime import datetime

from django.db.models import F, QuerySet

from redreport.accounts.models import User
from redreport.addresses import address_of
from redreport.outbox.kinds import MailKind, RenderedMail, Verdict
from redreport.outbox.kinds import register as register_kind
from redreport.outbox.models import OutgoingMail
from redreport.outbox.queue import OwedMail, queue_mails
from redreport.outbox.render import render_templates
from sessions_live.mails.common import stands_as_told
from sessions_live.mails.moves import move_context
from sessions_live.models import ScheduleChange, Seat

BOOKING_MOVED = "booking_moved"


def register() -> None:
    """Make the kind known to the outbox."""
    register_kind(MailKind(BOOKING_MOVED, "new time for the booker", guard=_still_booked, render=_render_booking_moved))


def queue_booking_moved(*, change: ScheduleChange, now: datetime) -> None:
    """Owe whoever booked seats for others the news of a move, once for a move; not the house, which gave them."""
    queue_mails(owed_to_bookers(change), now=now)


def owed_to_bookers(change: ScheduleChange) -> list[OwedMail]:
    """The news of a move to each reader who booked seats for others."""
    bookers = booked_for_others(change.live_session_id).order_by("booked_by").distinct("booked_by")
    return [
        OwedMail(
            kind=BOOKING_MOVED,
            key=f"{BOOKING_MOVED}:{change.pk}:{user_id}",
            recipient=email,
            context={"user_id": user_id, "change_id": change.pk},
            schedule_version=change.version,
        )
        for user_id, email in bookers.values_list("booked_by", "booked_by__email")
    ]


def booked_for_others(live_session_id: int) -> QuerySet[Seat]:
    """Taken seats in which somebody else sits than booked them."""
    taken = Seat.objects.filter(live_session=live_session_id, state__in=Seat.TAKEN).exclude(booked_by__email=F("attendee_email"))
    return taken.exclude(coverage__approved_by=F("booked_by"))


def _still_booked(mail: OutgoingMail, now: datetime) -> Verdict:
    live_session = _change_of(mail).live_session
    verdict = stands_as_told(live_session, mail)
    if verdict.action != "send":
        return verdict
    if live_session.starts_at <= now:
        return Verdict.miss("the session has begun")
    has_seats = booked_for_others(live_session.pk).filter(booked_by=mail.context["user_id"]).exists()
    return verdict if has_seats else Verdict.withhold("no seat for another is left")


def _render_booking_moved(mail: OutgoingMail) -> RenderedMail:
    change = _change_of(mail)
    live_session, booker = change.live_session, User.objects.get(pk=mail.context["user_id"])
    seats = booked_for_others(live_session.pk).filter(booked_by=booker).order_by("number")
    context = {
        "live_session": live_session,
        **move_context(mail, change),
        "time_zone": booker.time_zone,
        "seats": [(seat, address_of("subscriptions:cancel", str(seat.public_id))) for seat in seats],
        "session_url": address_of("sessions:detail", live_session.slug),
        "account_url": address_of("pages:account"),
    }
    return render_templates(BOOKING_MOVED, context)


def _change_of(mail: OutgoingMail) -> ScheduleChange:
    return ScheduleChange.objects.select_related("live_session").get(pk=mail.context["change_id"])
