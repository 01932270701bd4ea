"""The mails that come of booking: seat confirmed, receipt for the booker, hold lapsed."""

from datetime import datetime

from redreport import clock
from redreport.outbox.kinds import CalendarPart, MailKind, RenderedMail, Verdict
from redreport.outbox.kinds import register as register_kind
from redreport.outbox.models import OutgoingMail
from redreport.outbox.queue import queue_mail
from redreport.outbox.render import render_templates
from sessions_live.calendar import seat_request
from sessions_live.mails.common import booking_context, seat_mail_context, seat_of, stands, takes_place
from sessions_live.models import Seat
from subscriptions.mails.common import address_of, coverage_text
from subscriptions.mails.lapses import lapse_of
from subscriptions.models import Order, SeatCoverage


def register() -> None:
    """Make the kinds known to the outbox."""
    register_kind(
        MailKind("seat_confirmed", "confirmation", guard=_seat_still_stands, render=_render_seat_confirmed, private=True)
    )
    register_kind(
        MailKind("booking_receipt", "receipt for the booker", guard=_booking_still_stands, render=_render_booking_receipt)
    )
    register_kind(MailKind("hold_lapsed", "held seat released", guard=_order_still_lapsed, render=_render_hold_lapsed))


def queue_seat_confirmed(*, seat: Seat, now: datetime) -> None:
    """Owe the attendee the confirmation with the invitation and the door; once for a seat and a version of its calendar entry.

    Whoever booked it for somebody else is owed a receipt, once for a seat; not the house, which gave it for nothing.
    """
    queue_mail(
        kind="seat_confirmed",
        key=f"seat_confirmed:{seat.pk}:{seat.calendar_sequence}",
        recipient=seat.attendee_email,
        context={"seat_id": seat.pk},
        schedule_version=seat.live_session.schedule_version,
        now=now,
    )
    if seat.attendee_email != seat.booked_by.email and seat.coverage.kind != SeatCoverage.Kind.COMP:
        _queue_booking_receipt(seat, now)


def _queue_booking_receipt(seat: Seat, now: datetime) -> None:
    queue_mail(
        kind="booking_receipt",
        key=f"booking_receipt:{seat.pk}",
        recipient=seat.booked_by.email,
        context={"seat_id": seat.pk},
        now=now,
    )


def queue_hold_lapsed(*, order: Order, seat: Seat, now: datetime) -> None:
    """Owe the booker the news, once, that the held seat was given back, and why."""
    queue_mail(
        kind="hold_lapsed",
        key=f"hold_lapsed:{order.number}",
        recipient=order.subscriber.user.email,
        context={"order_id": order.pk, "seat_id": seat.pk},
        now=now,
    )


def _seat_still_stands(mail: OutgoingMail, now: datetime) -> Verdict:
    seat = seat_of(mail)
    verdict = stands(seat, mail)
    if verdict.action == "send" and now > seat.live_session.door_closes_at:
        return Verdict.miss("the session is over")
    return verdict


def _booking_still_stands(mail: OutgoingMail, now: datetime) -> Verdict:
    return takes_place(seat_of(mail), mail)


def _order_still_lapsed(mail: OutgoingMail, now: datetime) -> Verdict:
    order = Order.objects.get(pk=mail.context["order_id"])
    has_lapsed = order.state in (Order.State.EXPIRED, Order.State.FAILED)
    return Verdict.send() if has_lapsed else Verdict.withhold(f"the order is {order.state}")


def _render_seat_confirmed(mail: OutgoingMail) -> RenderedMail:
    seat = seat_of(mail)
    coverage = SeatCoverage.objects.select_related("order", "credit_entry").get(seat=seat)
    is_booker = seat.attendee_email == seat.booked_by.email
    context = {
        **seat_mail_context(seat),
        "price_text": coverage_text(coverage),
        "is_complimentary": coverage.kind == SeatCoverage.Kind.COMP,
        # The papers of the purchase are the booker's: a colleague in the seat does not get them.
        "order": coverage.order if is_booker else None,
        "cancel_url": address_of("subscriptions:cancel", str(seat.public_id)) if is_booker else "",
        "account_url": address_of("pages:account"),
    }
    content = seat_request(seat, mail.created_at)
    return render_templates("seat_confirmed", context, CalendarPart("REQUEST", content, "invitation.ics"))


def _render_booking_receipt(mail: OutgoingMail) -> RenderedMail:
    seat = seat_of(mail)
    coverage = SeatCoverage.objects.select_related("order").get(seat=seat)
    context = {
        **booking_context(seat),
        "price_text": coverage_text(coverage),
        "order": coverage.order,
        "cancel_url": address_of("subscriptions:cancel", str(seat.public_id)),
        "account_url": address_of("pages:account"),
    }
    return render_templates("booking_receipt", context)


def _render_hold_lapsed(mail: OutgoingMail) -> RenderedMail:
    order = Order.objects.select_related("live_session").get(pk=mail.context["order_id"])
    assert order.live_session is not None
    context = {
        "lapse": lapse_of(order, clock.now()),
        "live_session": order.live_session,
        "session_url": address_of("sessions:detail", order.live_session.slug),
    }
    return render_templates("hold_lapsed", context)
