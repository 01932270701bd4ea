"""The mails that come of buying: seat confirmed, hold lapsed, year started, a payment given back."""

from datetime import datetime

from django.conf import settings
from django.urls import reverse

from redreport import clock
from redreport.money import format_money
from redreport.outbox.kinds import CalendarPart, MailKind, RenderedMail, Verdict
from redreport.outbox.kinds import register as register_kind
from redreport.outbox.models import OutgoingMail
from redreport.outbox.queue import queue_mail
from redreport.outbox.render import render_templates
from sessions_live.calendar import seat_request
from sessions_live.mails import booking_context, seat_mail_context, seat_of, stands, takes_place
from sessions_live.models import Seat
from subscriptions.models import CreditGrant, Order, Refund, SeatCoverage, Subscription


def register() -> None:
    """Make the kinds known to the outbox."""
    register_kind(
        MailKind("seat_confirmed", "confirmation", guard=_seat_still_stands, render=_render_seat_confirmed, private=True)
    )
    register_kind(
        MailKind("booking_receipt", "receipt for the booker", guard=_booking_still_stands, render=_render_booking_receipt)
    )
    register_kind(MailKind("hold_lapsed", "held seat released", guard=_order_still_lapsed, render=_render_hold_lapsed))
    register_kind(MailKind("year_started", "year started", guard=_always, render=_render_year_started))
    register_kind(MailKind("payment_refunded", "refund", guard=_refund_still_stands, render=_render_payment_refunded))


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
    """Owe the booker the news that the held seat was given back and nothing charged."""
    queue_mail(
        kind="hold_lapsed",
        key=f"hold_lapsed:{order.number}",
        recipient=order.subscriber.user.email,
        context={"order_id": order.pk, "seat_id": seat.pk},
        now=now,
    )


def queue_year_started(*, grant: CreditGrant, now: datetime) -> None:
    """Owe the subscriber the year's credits in writing, with the terms consented to; once for a grant."""
    queue_mail(
        kind="year_started",
        key=f"year_started:{grant.pk}",
        recipient=grant.subscriber.user.email,
        context={"grant_id": grant.pk},
        now=now,
    )


def queue_payment_refunded(*, order: Order, refund: Refund, now: datetime) -> None:
    """Owe the booker the news that a payment is on its way back, and why."""
    queue_mail(
        kind="payment_refunded",
        key=f"payment_refunded:{refund.public_id}",
        recipient=order.subscriber.user.email,
        context={"refund_id": refund.pk},
        now=now,
    )


def coverage_text(coverage: SeatCoverage) -> str:
    """What paid for a seat, in words: '$250', '1 credit', 'Complimentary'."""
    if coverage.order:
        return format_money(coverage.order.amount_minor, coverage.order.currency)
    return {
        SeatCoverage.Kind.CREDIT: "1 credit",
        SeatCoverage.Kind.COMP: "Complimentary",
        SeatCoverage.Kind.OFFLINE: "Paid by invoice",
    }[SeatCoverage.Kind(coverage.kind)]


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
    return Verdict.send() if order.state == Order.State.EXPIRED else Verdict.withhold(f"the order is {order.state}")


def _refund_still_stands(mail: OutgoingMail, now: datetime) -> Verdict:
    refund = Refund.objects.get(pk=mail.context["refund_id"])
    if refund.state in (Refund.State.FAILED, Refund.State.CANCELED):
        return Verdict.withhold(f"the refund {refund.state}")
    return Verdict.send()


def _always(mail: OutgoingMail, now: datetime) -> Verdict:
    return Verdict.send()


def _render_seat_confirmed(mail: OutgoingMail) -> RenderedMail:
    seat = seat_of(mail)
    coverage = SeatCoverage.objects.select_related("order", "credit_entry").get(seat=seat)
    context = {
        **seat_mail_context(seat),
        "price_text": coverage_text(coverage),
        "is_complimentary": coverage.kind == SeatCoverage.Kind.COMP,
        # The papers of the purchase are the booker's: a colleague in the seat does not get them.
        "order": coverage.order if seat.attendee_email == seat.booked_by.email else None,
        "account_url": _address("pages:account"),
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
        "account_url": _address("pages:account"),
    }
    return render_templates("booking_receipt", context)


def _render_hold_lapsed(mail: OutgoingMail) -> RenderedMail:
    order = Order.objects.select_related("live_session").get(pk=mail.context["order_id"])
    assert order.live_session is not None
    context = {
        "live_session": order.live_session,
        "has_begun": order.live_session.starts_at <= clock.now(),
        "session_url": _address("sessions:detail", order.live_session.slug),
    }
    return render_templates("hold_lapsed", context)


def _render_year_started(mail: OutgoingMail) -> RenderedMail:
    grant = CreditGrant.objects.select_related("subscription").get(pk=mail.context["grant_id"])
    order = Order.objects.filter(subscription=grant.subscription).first()
    context = {
        "grant": grant,
        "subscription": grant.subscription,
        "order": order,
        "ends_on": _end_of(grant.subscription),
        "amount_text": format_money(order.amount_minor, order.currency) if order else "",
        "sessions_url": _address("sessions:list"),
    }
    return render_templates("year_started", context)


def _end_of(subscription: Subscription | None) -> datetime | None:
    """When a subscription that does not renew ends."""
    return (subscription.cancel_at or subscription.current_period_end) if subscription else None


def _render_payment_refunded(mail: OutgoingMail) -> RenderedMail:
    refund = Refund.objects.select_related("payment__order__live_session").get(pk=mail.context["refund_id"])
    order = refund.payment.order
    context = {
        "order": order,
        "live_session": order.live_session if order else None,
        "refund": refund,
        "refund_text": format_money(refund.amount_minor, refund.currency),
        "sessions_url": _address("sessions:list"),
    }
    return render_templates("payment_refunded", context)


def _address(name: str, *args: str) -> str:
    return settings.SITE_URL + reverse(name, args=args)
