"""The mails that come of booking: seat confirmed, receipt for the booker, hold lapsed."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import F

from redreport import clock
from redreport.addresses import address_of
from redreport.outbox.kinds import MailKind, RenderedMail, Verdict
from redreport.outbox.kinds import register as register_kind
from redreport.outbox.models import OutgoingMail
from redreport.outbox.queue import OwedMail, queue_mail, queue_mails
from redreport.outbox.render import render_templates
from sessions_live.mails.common import booking_context, invitation, seat_mail_context, seat_of, stands_until_over, takes_place
from sessions_live.models import Seat
from sessions_live.seat_links import CANT_COME
from subscriptions.mails.common import coverage_text
from subscriptions.mails.lapses import lapse_of
from subscriptions.models import Order, SeatCoverage
from subscriptions.order_words import price_text


def register() -> None:
    """Make the kinds known to the outbox."""
    register_kind(
        MailKind("seat_confirmed", "confirmation", guard=stands_until_over, render=_render_seat_confirmed, private=True)
    )
    register_kind(
        MailKind("booking_receipt", "receipt for the booker", guard=_booking_still_stands, render=_render_booking_receipt)
    )
    register_kind(MailKind("hold_lapsed", "held seat released", guard=_order_still_lapsed, render=_render_hold_lapsed))


def queue_seat_confirmed(*, seat: Seat, again: UUID | None = None, now: datetime) -> None:
    """Owe the attendee the confirmation with the invitation and the door; once for a seat and a version of its calendar entry,
    and once more for each number under which it was asked for `again`."""
    _owe([_confirmation_of(seat, again)], now)


def was_confirmed_again(*, seat: Seat, request_id: UUID) -> bool:
    """Whether the confirmation that was asked for under this number is owed already."""
    return OutgoingMail.objects.filter(key=_key_of_confirmation(seat, request_id)).exists()


def queue_seats_given(*, order: Order, seats: Sequence[Seat], now: datetime) -> None:
    """Owe the attendees of a paid order their confirmations; and whoever booked for somebody else one receipt for all of it."""
    owed = [_confirmation_of(seat) for seat in seats]
    if any(seat.is_booked_for_another for seat in seats):
        buyer = order.subscriber.user.email
        owed.append(OwedMail("booking_receipt", f"booking_receipt:{order.number}", buyer, {"order_id": order.pk}))
    _owe(owed, now)


def _owe(owed: list[OwedMail], now: datetime) -> None:
    if len(owed) > 1:
        queue_mails(owed, now=now)
        return
    # A single one is handed to a worker by itself: no other mail keeps it waiting.
    [mail] = owed
    queue_mail(
        kind=mail.kind,
        key=mail.key,
        recipient=mail.recipient,
        context=mail.context,
        schedule_version=mail.schedule_version,
        now=now,
    )


def _key_of_confirmation(seat: Seat, again: UUID | None) -> str:
    return f"seat_confirmed:{seat.pk}:again:{again}" if again else f"seat_confirmed:{seat.pk}:{seat.calendar_sequence}"


def _confirmation_of(seat: Seat, again: UUID | None = None) -> OwedMail:
    return OwedMail(
        kind="seat_confirmed",
        key=_key_of_confirmation(seat, again),
        recipient=seat.attendee_email,
        context={"seat_id": seat.pk, "live_session_id": seat.live_session_id},
        schedule_version=seat.live_session.schedule_version,
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


def _booking_still_stands(mail: OutgoingMail, now: datetime) -> Verdict:
    seats = _seats_of(mail)
    return takes_place(seats[0], mail) if seats else Verdict.withhold("no seat of the order is left")


def _order_still_lapsed(mail: OutgoingMail, now: datetime) -> Verdict:
    order = Order.objects.get(pk=mail.context["order_id"])
    has_lapsed = order.state in (Order.State.EXPIRED, Order.State.FAILED)
    return Verdict.send() if has_lapsed else Verdict.withhold(f"the order is {order.state}")


def _render_seat_confirmed(mail: OutgoingMail) -> RenderedMail:
    seat = seat_of(mail)
    coverage = SeatCoverage.objects.select_related("order", "credit_entry", "seat").get(seat=seat)
    is_booker = not seat.is_booked_for_another
    context = {
        **seat_mail_context(seat),
        "price_text": coverage_text(coverage),
        "is_by_house": coverage.is_by_house,
        # The papers of the purchase are the booker's: a colleague in the seat does not get them.
        "order": coverage.order if is_booker else None,
        "cancel_url": address_of("subscriptions:cancel", str(seat.public_id)) if is_booker else "",
        "cant_come_url": "" if is_booker else CANT_COME.url(seat),
        "account_url": address_of("pages:account"),
    }
    return render_templates("seat_confirmed", context, invitation(seat, mail))


def _render_booking_receipt(mail: OutgoingMail) -> RenderedMail:
    seats = _seats_of(mail)
    order = Order.objects.get(pk=mail.context["order_id"])
    context = {
        **booking_context(seats[0]),
        "seats": [(seat, address_of("subscriptions:cancel", str(seat.public_id))) for seat in seats],
        "price_text": price_text(order),
        "order": order,
        "account_url": address_of("pages:account"),
    }
    return render_templates("booking_receipt", context)


def _seats_of(mail: OutgoingMail) -> list[Seat]:
    """What is still somebody's of the seats of an order; not what was moved to another session, of which there is a mail."""
    taken = Seat.objects.filter(coverage__order=mail.context["order_id"], state__in=Seat.TAKEN)
    taken = taken.filter(live_session=F("coverage__order__live_session"))
    return list(taken.select_related("live_session", "booked_by").order_by("id"))


def _render_hold_lapsed(mail: OutgoingMail) -> RenderedMail:
    order = Order.objects.select_related("live_session").get(pk=mail.context["order_id"])
    assert order.live_session is not None
    context = {
        "lapse": lapse_of(order, clock.now()),
        "quantity": order.quantity,
        "look_label": "See whether a seat is left" if order.quantity == 1 else "See whether seats are left",
        "live_session": order.live_session,
        "session_url": address_of("sessions:detail", order.live_session.slug),
    }
    return render_templates("hold_lapsed", context)
